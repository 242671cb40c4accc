// SPDX-License-Identifier: GPL-2.0
// The address of alpined's socket as people write it: "@name" (abstract) or a path.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace alp::proxy {

struct SocketAddress {
    sockaddr_un address{};
    socklen_t length = 0;
};

/// EINVAL: empty, or too long for a Unix socket.
inline Result<SocketAddress> socket_address(std::string_view text) {
    SocketAddress to;
    if (text.size() < 2 || text.size() >= sizeof(to.address.sun_path)) {
        return Error{EINVAL, "'" + std::string(text) + "' cannot be the address of alpined's socket"};
    }
    to.address.sun_family = AF_UNIX;
    text.copy(to.address.sun_path, text.size());
    const bool abstract = text.front() == '@';
    if (abstract) {
        to.address.sun_path[0] = '\0';
    }
    to.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (abstract ? 0 : 1));
    return to;
}

}  // namespace alp::proxy
