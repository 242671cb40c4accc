// SPDX-License-Identifier: GPL-2.0
// Messages of abi/proxy.h on a SOCK_SEQPACKET connection, with the descriptors that come along.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "abi/proxy.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace alp::proxy {

/// A request as it came: nothing in it has been checked. Owns its descriptors; those nobody takes are closed.
struct Incoming {
    alignas(8) std::array<std::byte, ALPINE_MSG_MAX> bytes{};
    std::size_t length = 0;
    bool oversized = false;  ///< it was longer than any message, or brought more descriptors than fit
    std::vector<UniqueFd> fds;
    std::optional<ucred> sender;  ///< as the kernel says, on a connection with SO_PASSCRED

    /// The message as a T, whose size it must have (see well_formed()).
    template <typename T>
    [[nodiscard]] T as() const {
        T message;
        std::memcpy(&message, bytes.data(), sizeof(message));
        return message;
    }
};

/// Has the kernel say with each message which process sent it: those of a family have one connection.
void ask_for_senders(int connection);

/// Reads one message. Nothing there: EAGAIN. Peer gone: ENOTCONN.
Result<Incoming> receive(int connection);

/// Sends `message`, with `fd` if there is one (it stays the caller's). Never blocks: a client that does not read
/// its replies gets EAGAIN, and is to be disconnected.
Result<void> send(int connection, std::span<const std::byte> message, int fd = -1);

/// Fills in the header of a reply to `request`. T is one of the *_reply structures, or alpine_reply itself.
template <typename T>
[[nodiscard]] T make_reply(const alpine_msg_header& request) {
    T reply{};
    alpine_msg_header header{};
    header.magic = ALPINE_PROXY_MAGIC;
    header.version = ALPINE_PROXY_VERSION;
    header.type = static_cast<__u16>(request.type | ALPINE_REPLY);
    header.length = sizeof(T);
    header.sequence = request.sequence;
    std::memcpy(&reply, &header, sizeof(header));
    return reply;
}

template <typename T>
[[nodiscard]] std::span<const std::byte> bytes_of(const T& message) {
    return std::as_bytes(std::span(&message, 1));
}

}  // namespace alp::proxy
