// SPDX-License-Identifier: GPL-2.0
#include "proxy/client/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <span>

#include "base/fd_message.h"
#include "proxy/client/address.h"

namespace alp::proxy {
namespace {

// alpined answers in microseconds, or after a device was made, in milliseconds. If it says nothing for this long it
// is stopped, and the program should say so instead of hanging.
constexpr timeval answer_timeout = {10, 0}; /* s, us */

// Own descriptors go up here: high enough to be out of the way, low enough to not make the kernel's table large.
constexpr int high_descriptor = 960;

Error error_of(long result, std::string context) { return Error{static_cast<int>(-result), std::move(context)}; }

std::string start_it(const std::string& address) {
    return "alpined is not running on this host (no answer at " + address +
           "): start it with 'sudo alpined' or 'sudo ./dev lab up'";
}

/// getsockopt that leaves errno and libc alone.
template <typename T>
long raw_getsockopt(int socket, int level, int name, T& value) {
    socklen_t length = sizeof(value);
    return raw_syscall(SYS_getsockopt, socket, level, name, arg(&value), arg(&length));
}

/// An abstract name is anybody's who is quick: only root, or the user himself, is believed to be alpined.
Result<void> check_peer(int connection, const std::string& address) {
    ucred peer{};
    if (const long result = raw_getsockopt(connection, SOL_SOCKET, SO_PEERCRED, peer); result < 0) {
        return error_of(result, "cannot tell who listens at " + address);
    }
    if (peer.uid != 0 && peer.uid != static_cast<uid_t>(raw_syscall(SYS_geteuid))) {
        return Error{EPERM, "what listens at " + address + " is not alpined but a program of user " +
                                std::to_string(peer.uid) + ": stop it and start 'sudo alpined'"};
    }
    return {};
}

UniqueFd take_descriptor(msghdr& message) {
    UniqueFd taken;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c), sizeof(fd));
            taken.reset(fd);
        }
    }
    return taken;
}

template <typename T>
T make_request(alpine_msg_type type) {
    T request{};
    alpine_msg_header header{};
    header.magic = ALPINE_PROXY_MAGIC;
    header.version = ALPINE_PROXY_VERSION;
    header.type = static_cast<__u16>(type);
    header.length = sizeof(T);
    std::memcpy(&request, &header, sizeof(header));
    return request;
}

alpine_endpoint endpoint_of(const Claim& claim) {
    alpine_endpoint endpoint{};
    std::memcpy(endpoint.key.addr, &claim.address, sizeof(endpoint.key.addr));
    endpoint.key.port_be = htons(claim.port);
    endpoint.key.protocol = claim.protocol;
    endpoint.flags = claim.dual_stack ? ALPINE_ENDPOINT_DUAL : 0;
    return endpoint;
}

Claim claim_of(const alpine_endpoint& endpoint) {
    Claim claim;
    std::memcpy(&claim.address, endpoint.key.addr, sizeof(claim.address));
    claim.port = ntohs(endpoint.key.port_be);
    claim.protocol = endpoint.key.protocol;
    claim.dual_stack = (endpoint.flags & ALPINE_ENDPOINT_DUAL) != 0;
    return claim;
}

void own_comm(char (&comm)[16]) {
    constexpr long pr_get_name = 16;
    raw_syscall(SYS_prctl, pr_get_name, arg(comm));
    comm[sizeof(comm) - 1] = '\0';
}

}  // namespace

/// A reply as it came.
struct Client::Reply {
    alignas(8) std::array<std::byte, ALPINE_MSG_MAX> bytes{};
    std::size_t length = 0;
    UniqueFd fd;

    [[nodiscard]] alpine_reply head() const {
        alpine_reply reply{};
        std::memcpy(&reply, bytes.data(), sizeof(reply));
        return reply;
    }
};

std::string default_address() {
    const char* named = std::getenv(ALPINE_PROXY_SOCKET_ENV);
    return named != nullptr && *named != '\0' ? named : ALPINE_PROXY_SOCKET;
}

UniqueFd move_high(UniqueFd fd) {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit));
    const auto room = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, high_descriptor + 64)) - 64;
    const long moved = raw_syscall(SYS_fcntl, fd.get(), F_DUPFD_CLOEXEC, std::max(room, 0));
    return moved < 0 ? std::move(fd) : UniqueFd(static_cast<int>(moved));
}

Result<void> Client::connect(std::string_view address) {
    const LockedWithoutSignals locked(lock_);
    if (connection_.valid()) {
        return Error{EISCONN, "connected to alpined already"};
    }
    const auto to = socket_address(address);
    if (!to) {
        return to.error();
    }
    address_ = address;
    const long opened = raw_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (opened < 0) {
        return error_of(opened, "cannot make a socket to reach alpined");
    }
    UniqueFd connection = move_high(UniqueFd(static_cast<int>(opened)));
    raw_syscall(SYS_setsockopt, connection.get(), SOL_SOCKET, SO_RCVTIMEO, arg(&answer_timeout),
                sizeof(answer_timeout));
    const long result = raw_syscall(SYS_connect, connection.get(), arg(&to.value().address), to.value().length);
    if (result < 0) {
        return error_of(result, start_it(address_));
    }
    if (auto trusted = check_peer(connection.get(), address_); !trusted) {
        return trusted;
    }
    connection_ = std::move(connection);
    fd_.store(connection_.get(), std::memory_order_relaxed);
    return {};
}

void Client::after_fork_in_child() {
    lock_.reset();
    fd_.store(-1, std::memory_order_relaxed);
    connection_.reset();
}

Result<void> Client::send(const alpine_msg_header& request, std::size_t length, int send_fd) const {
    const FdMessage message(&request, length, send_fd);
    const long result = raw_syscall(SYS_sendmsg, connection_.get(), arg(message.header()), MSG_NOSIGNAL);
    if (result == -EPIPE || result == -ECONNRESET) {
        return error_of(result, "alpined has gone away: " + start_it(address_));
    }
    return result < 0 ? error_of(result, "cannot ask alpined") : Result<void>();
}

Result<void> Client::receive(Reply& reply) const {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    iovec data{reply.bytes.data(), reply.bytes.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const long length = raw_syscall(SYS_recvmsg, connection_.get(), arg(&message), MSG_CMSG_CLOEXEC);
    if (length == -EAGAIN) {
        return Error{ETIMEDOUT, "alpined at " + address_ + " does not answer: look at its log, or restart it"};
    }
    if (length == 0 || length == -ECONNRESET) {
        return Error{ECONNRESET, "alpined has gone away: " + start_it(address_)};
    }
    if (length < 0) {
        return error_of(length, "cannot read alpined's answer");
    }
    reply.fd = take_descriptor(message);
    reply.length = static_cast<std::size_t>(length);
    return {};
}

// A reply that came too late for its request is still in line before ours: it is passed over.
Result<void> Client::exchange(alpine_msg_header& request, std::size_t length, int send_fd, Reply& reply) {
    const LockedWithoutSignals locked(lock_);
    if (!connection_.valid()) {
        return Error{ENOTCONN, "not connected to alpined"};
    }
    request.sequence = ++sequence_;
    if (auto sent = send(request, length, send_fd); !sent) {
        return sent;
    }
    do {
        if (auto received = receive(reply); !received) {
            return received;
        }
    } while (reply.head().header.sequence != request.sequence);
    return {};
}

/// Sends a request and reads its answer as an R; whatever is not one is an error.
template <typename R>
Result<R> Client::ask(alpine_msg_header& request, std::size_t length, int send_fd, UniqueFd* received_fd) {
    Reply reply;
    if (auto exchanged = exchange(request, length, send_fd, reply); !exchanged) {
        return exchanged.error();
    }
    const alpine_reply head = reply.head();
    if (head.header.magic != ALPINE_PROXY_MAGIC || reply.length < sizeof(head)) {
        return Error{EBADMSG, "what answers at " + address_ + " does not speak Alpine's protocol"};
    }
    if (head.error != 0) {
        return Error{head.error, std::string(head.reason, strnlen(head.reason, sizeof(head.reason)))};
    }
    if (head.header.version != ALPINE_PROXY_VERSION || reply.length != sizeof(R)) {
        return Error{EPROTO, "alpined speaks another version of the protocol: restart it from the same build"};
    }
    if (received_fd != nullptr) {
        *received_fd = std::move(reply.fd);
    }
    R typed{};
    std::memcpy(&typed, reply.bytes.data(), sizeof(typed));
    return typed;
}

Result<Attachment> Client::attach(alpine_wire wire) {
    auto request = make_request<alpine_attach>(ALPINE_MSG_ATTACH);
    own_comm(request.comm);
    request.wire = wire;
    UniqueFd tun;
    const auto reply = ask<alpine_attach_reply>(request.header, sizeof(request), -1, &tun);
    if (!reply) {
        return reply.error();
    }
    if (!tun.valid()) {
        return Error{EBADMSG, "alpined sent no wire: raise the limit of open files (ulimit -n)"};
    }
    const auto& answer = reply.value();
    return Attachment{move_high(std::move(tun)), answer.ifindex, answer.mtu_bytes,
                      std::string(answer.ifname, strnlen(answer.ifname, sizeof(answer.ifname)))};
}

Result<Claim> Client::ask_claim(alpine_claim& request, int socket) {
    const auto reply = ask<alpine_claim_reply>(request.header, sizeof(request), socket, nullptr);
    if (!reply) {
        return reply.error();
    }
    return claim_of(reply.value().endpoint);
}

Result<Claim> Client::claim(int socket) {
    auto request = make_request<alpine_claim>(ALPINE_MSG_CLAIM);
    if (socket < 0) {
        return Error{EBADF, "no socket to claim with"};
    }
    return ask_claim(request, socket);
}

Result<Claim> Client::claim_explicit(std::uint8_t protocol, const in6_addr& address, std::uint16_t port,
                                     bool dual_stack) {
    auto request = make_request<alpine_claim>(ALPINE_MSG_CLAIM);
    request.endpoint = endpoint_of({protocol, address, port, dual_stack});
    return ask_claim(request, -1);
}

Result<std::vector<Claim>> Client::lease(std::uint8_t protocol, unsigned count) {
    auto request = make_request<alpine_lease>(ALPINE_MSG_LEASE);
    request.protocol = protocol;
    request.count = count;
    const auto reply = ask<alpine_lease_reply>(request.header, sizeof(request), -1, nullptr);
    if (!reply) {
        return reply.error();
    }
    std::vector<Claim> leased;
    alpine_endpoint endpoint = reply.value().endpoint;
    for (unsigned i = 0; i < std::min<unsigned>(reply.value().count, ALPINE_LEASE_MAX); ++i) {
        endpoint.key.port_be = reply.value().ports_be[i];
        leased.push_back(claim_of(endpoint));
    }
    return leased;
}

Result<void> Client::release(const Claim& claim) {
    auto request = make_request<alpine_release>(ALPINE_MSG_RELEASE);
    request.endpoint = endpoint_of(claim);
    const auto reply = ask<alpine_reply>(request.header, sizeof(request), -1, nullptr);
    return reply ? Result<void>() : reply.error();
}

Result<std::vector<alpine_list_reply>> Client::list() {
    std::vector<alpine_list_reply> stacks;
    for (unsigned after = 0;; after = stacks.back().ifindex) {
        auto request = make_request<alpine_list>(ALPINE_MSG_LIST);
        request.after_ifindex = after;
        const auto reply = ask<alpine_list_reply>(request.header, sizeof(request), -1, nullptr);
        if (!reply && reply.error().code == ENOENT) {
            return stacks;
        }
        if (!reply) {
            return reply.error();
        }
        stacks.push_back(reply.value());
    }
}

Result<alpine_status_reply> Client::status() {
    auto request = make_request<alpine_msg_header>(ALPINE_MSG_STATUS);
    return ask<alpine_status_reply>(request, sizeof(request), -1, nullptr);
}

}  // namespace alp::proxy
