// SPDX-License-Identifier: GPL-2.0
#include "proxy/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "proxy/client/address.h"

namespace alp::proxy {
namespace {

constexpr int first_passed = 3;  // SD_LISTEN_FDS_START

int int_option(int socket, int option) {
    int value = -1;
    socklen_t length = sizeof(value);
    return getsockopt(socket, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

Result<UniqueFd> passed_listener() {
    if (variable("LISTEN_PID") != std::to_string(getpid())) {
        return UniqueFd();
    }
    const std::string count = variable("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    if (count != "1" || int_option(first_passed, SO_TYPE) != SOCK_SEQPACKET ||
        int_option(first_passed, SO_DOMAIN) != AF_UNIX || int_option(first_passed, SO_ACCEPTCONN) != 1) {
        return Error{EINVAL, "alpined wants one socket from systemd, with ListenSequentialPacket="};
    }
    UniqueFd listener(first_passed);
    fcntl(listener.get(), F_SETFD, FD_CLOEXEC);
    fcntl(listener.get(), F_SETFL, fcntl(listener.get(), F_GETFL) | O_NONBLOCK);
    return listener;
}

void notify_ready() {
    const std::string where = variable("NOTIFY_SOCKET");
    const auto to = where.empty() ? Result<SocketAddress>(Error{ENOENT, ""}) : socket_address(where);
    if (!to) {
        return;
    }
    const UniqueFd out(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    constexpr char ready[] = "READY=1";
    sendto(out.get(), ready, sizeof(ready) - 1, MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to.value().address),
           to.value().length);
}

}  // namespace alp::proxy
