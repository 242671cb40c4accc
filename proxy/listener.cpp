// SPDX-License-Identifier: GPL-2.0
#include "proxy/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "proxy/client/address.h"

namespace alp::proxy {
namespace {

constexpr int backlog = 1024;

UniqueFd seqpacket_socket() { return UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

bool bind_to(const UniqueFd& listener, const SocketAddress& to) {
    return bind(listener.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length) == 0;
}

/// A socket file that nobody listens on.
bool is_stale(const SocketAddress& to) {
    const UniqueFd probe = seqpacket_socket();
    return connect(probe.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0 &&
           errno == ECONNREFUSED;
}

}  // namespace

Result<UniqueFd> listen_at(const std::string& address) {
    const auto to = socket_address(address);
    if (!to) {
        return to.error();
    }
    const bool path = address.front() != '@';
    UniqueFd listener = seqpacket_socket();
    bool bound = bind_to(listener, to.value());
    if (!bound && errno == EADDRINUSE && path && is_stale(to.value())) {
        unlink(address.c_str());
        bound = bind_to(listener, to.value());
    }
    if (!bound && errno == EADDRINUSE) {
        return Error{EADDRINUSE, "another alpined answers at " + address + ": stop it, or choose another --socket"};
    }
    if (!bound || ::listen(listener.get(), backlog) != 0) {
        return Error{errno, "cannot listen at " + address};
    }
    if (path && chmod(address.c_str(), 0666) != 0) {  // who may do what is policy's business
        return Error{errno, "cannot open " + address + " to all users"};
    }
    return listener;
}

}  // namespace alp::proxy
