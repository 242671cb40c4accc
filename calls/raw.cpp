// SPDX-License-Identifier: GPL-2.0
#include "calls/raw.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/raw_syscall.h"
#include "calls/binding.h"
#include "calls/claims.h"
#include "calls/dummy.h"
#include "calls/endpoint.h"
#include "calls/guard.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

constexpr std::size_t kLongestIpHeader = 60; /* RFC 791 */
constexpr std::size_t kTransportBytes = 8;   /* enough for ports, and for type and id of ICMP */

/// The first bytes of what a program sends.
struct Beginning {
    std::uint8_t bytes[kLongestIpHeader + kTransportBytes];
    std::size_t len_bytes = 0;
};

/// False if the program's memory cannot be read: the stack will say so.
bool read_beginning(const iovec* parts, std::size_t count, Beginning& data) {
    for (std::size_t i = 0; i < count && data.len_bytes < sizeof(data.bytes); ++i) {
        iovec part;
        if (!guarded_copy(&part, &parts[i], sizeof(part))) {
            return false;
        }
        const std::size_t len = std::min(part.iov_len, sizeof(data.bytes) - data.len_bytes);
        if (len != 0 && !guarded_copy(data.bytes + data.len_bytes, part.iov_base, len)) {
            return false;
        }
        data.len_bytes += len;
    }
    return true;
}

bool has_ports(int protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
           protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

bool is_icmp(int protocol) { return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6; }

/// The transport that is sent, and where its header begins.
struct Transport {
    int protocol;
    const std::uint8_t* header;
};

/// No type of ICMP looks like the beginning of an IPv4 header, and a raw socket of TCP or UDP has ports below 0x4500
/// only if it is a server: an IP header is told by the protocol named in it as well.
Transport find_transport(const OpenFile& file, const Beginning& data) {
    const std::size_t header_len = (data.bytes[0] & 0xfU) * 4;
    const bool names = file.protocol == IPPROTO_RAW || data.bytes[9] == file.protocol;
    if (file.family == AF_INET && data.bytes[0] >> 4 == 4 && header_len >= 20 && names &&
        data.len_bytes >= header_len + kTransportBytes) {
        return {data.bytes[9], data.bytes + header_len};
    }
    return {file.protocol, data.bytes};
}

/// The wildcard address of the socket's family, with a port.
sockaddr_storage wildcard(const OpenFile& file, std::uint16_t port_be) {
    sockaddr_storage any{};
    any.ss_family = file.family;
    reinterpret_cast<sockaddr_in&>(any).sin_port = port_be;
    return any;
}

std::uint16_t word_at(const std::uint8_t* bytes) {
    std::uint16_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

bool is_claimed(const OpenFile& file, const alpine_endpoint& endpoint) {
    return file.claim != nullptr && memcmp(&file.claim->endpoint.key, &endpoint.key, sizeof(endpoint.key)) == 0;
}

/// A source port, or the id of an echo request, is claimed as a socket's is: by binding one on the host.
long claim_on_host(const OpenFile& file, const alpine_endpoint& endpoint, Claim** claim) {
    if ((*claim = own_claim_in_the_way(endpoint)) != nullptr) {
        return 0;
    }
    const int protocol = endpoint.key.protocol;
    const bool datagrams = protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE || is_icmp(protocol);
    const int type = datagrams ? SOCK_DGRAM : SOCK_STREAM;
    const long holder = raw_syscall(SYS_socket, file.family, type | SOCK_CLOEXEC, protocol);
    if (holder < 0) {
        return claim_by_name(endpoint, claim);
    }
    silence_holder(static_cast<int>(holder));
    if (is_icmp(protocol)) {
        const int off = 0;  // an ICMP socket has it on: several would be bound to one id
        raw_syscall(SYS_setsockopt, holder, SOL_SOCKET, SO_REUSEADDR, arg(&off), sizeof(off));
    }
    const sockaddr_storage any = wildcard(file, endpoint.key.port_be);
    const long len = file.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    const int only = 1;
    if (file.family == AF_INET6) {
        raw_syscall(SYS_setsockopt, holder, IPPROTO_IPV6, IPV6_V6ONLY, arg(&only), sizeof(only));
    }
    long error = raw_syscall(SYS_bind, holder, arg(&any), len);
    if (error == 0) {
        error = claim_bound_dummy(static_cast<int>(holder), endpoint, claim);
    }
    raw_syscall(SYS_close, holder);  // alpined has a copy
    return error;
}

/// Makes `port_be` (or an echo id) of `protocol` the socket's claim, in the place of the one before.
long claim_sender(OpenFile& file, int protocol, std::uint16_t port_be) {
    const alpine_endpoint endpoint = endpoint_of(protocol, wildcard(file, port_be));
    Locked locked(file.binding);
    if (is_claimed(file, endpoint)) {
        return 0;
    }
    Claim* claim = nullptr;
    const bool bindable = has_ports(protocol) || is_icmp(protocol);
    const long error = bindable ? claim_on_host(file, endpoint, &claim) : claim_by_name(endpoint, &claim);
    if (error < 0) {
        return -EPERM;
    }
    drop_claim(file);
    file.claim = claim;
    return 0;
}

bool is_echo_request(int protocol, std::uint8_t type) {
    return protocol == IPPROTO_ICMP ? type == ICMP_ECHO : type == ICMP6_ECHO_REQUEST;
}

/// To itself a stack may send what it likes. `address` may be null: then the socket is connected, or the call fails.
bool stays_inside(int fd, const sockaddr* address, socklen_t len) {
    sockaddr_storage to{};
    if (address == nullptr) {
        socklen_t to_len = sizeof(to);
        if (stack_call(SYS_getpeername, fd, arg(&to), arg(&to_len)) < 0) {
            return false;  // connected to an address with port 0, which getpeername(2) does not tell
        }
    } else if (!guarded_copy(&to, address, std::min<std::size_t>(len, sizeof(to)))) {
        return true;
    }
    if (to.ss_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(to).sin6_addr);
    }
    return ntohl(reinterpret_cast<const sockaddr_in&>(to).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

}  // namespace

void claim_raw_protocol(OpenFile& file) {
    if (has_ports(file.protocol) || is_icmp(file.protocol) || file.protocol == IPPROTO_RAW || file.protocol == 0) {
        return;
    }
    Claim* claim = nullptr;
    if (claim_by_name(endpoint_of(file.protocol, wildcard(file, 0)), &claim) == 0) {
        file.claim = claim;
    }
}

long before_raw_send(int fd, OpenFile& file, const iovec* parts, std::size_t count, const sockaddr* address,
                     socklen_t address_len) {
    Beginning data;
    if (stays_inside(fd, address, address_len) || !read_beginning(parts, count, data) ||
        data.len_bytes < kTransportBytes) {
        return 0;
    }
    const auto [protocol, header] = find_transport(file, data);
    if (is_icmp(protocol)) {
        return is_echo_request(protocol, header[0]) ? claim_sender(file, protocol, word_at(header + 4)) : 0;
    }
    if (has_ports(protocol)) {
        return claim_sender(file, protocol, word_at(header));
    }
    if (file.claim != nullptr && file.claim->endpoint.key.protocol == protocol) {
        return 0;
    }
    return claim_sender(file, protocol, 0);
}

}  // namespace alp::calls
