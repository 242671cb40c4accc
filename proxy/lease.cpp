// SPDX-License-Identifier: GPL-2.0
#include "proxy/lease.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "proxy/bound_socket.h"
#include "proxy/client/names.h"

namespace alp::proxy {

Result<EphemeralPort> take_ephemeral_port(std::uint8_t protocol) {
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) {
        return Error{EPROTONOSUPPORT, "ports of " + protocol_name(protocol) + " are not leased"};
    }
    const int type = (protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
    sockaddr_storage any{};
    any.ss_family = AF_INET6;
    UniqueFd socket(::socket(AF_INET6, type, protocol));
    if (socket.valid()) {
        // Whatever net.ipv6.bindv6only says.
        const int off = 0;
        setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    } else if (errno == EAFNOSUPPORT) {
        any.ss_family = AF_INET;
        socket = UniqueFd(::socket(AF_INET, type, protocol));
    }
    if (!socket.valid() || bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) != 0) {
        return Error{errno, "cannot take a port on the host"};
    }
    take_nothing_in(socket.get());
    auto endpoint = endpoint_of_socket(socket.get());
    if (!endpoint) {
        return endpoint.error();
    }
    return EphemeralPort{endpoint.value(), std::move(socket)};
}

}  // namespace alp::proxy
