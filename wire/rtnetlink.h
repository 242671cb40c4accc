// SPDX-License-Identifier: GPL-2.0
// Just enough rtnetlink(7) for the mirror: messages, attributes, and a channel to either kernel.
//
// libmnl would do, but it would be one more shared object in every program that runs under Alpine, and its
// socket half calls the very libc functions that Alpine interposes. What is needed of it fits here.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace alp::wire {

/// A netlink request under construction: a fixed header of the family, then attributes. No allocation.
class Message {
public:
    /// `flags` are NLM_F_*; NLM_F_REQUEST is added by itself.
    Message(std::uint16_t type, std::uint16_t flags);

    /// Appends the family's fixed header (ifinfomsg, ifaddrmsg, rtmsg), zeroed; to be called first.
    template <typename T>
    T& header() {
        return *static_cast<T*>(append(sizeof(T)));
    }

    void put(std::uint16_t type, std::span<const std::uint8_t> value);
    void put_u32(std::uint16_t type, std::uint32_t value);
    void put_u8(std::uint16_t type, std::uint8_t value);
    void put_string(std::uint16_t type, std::string_view value);

    /// Opens an attribute that holds attributes; the value returned goes to end_nest().
    [[nodiscard]] std::size_t begin_nest(std::uint16_t type);
    void end_nest(std::size_t start);

    [[nodiscard]] nlmsghdr& netlink_header();
    [[nodiscard]] std::span<const std::byte> bytes() const;

private:
    void* append(std::size_t len_bytes);

    static constexpr std::size_t kCapacity = 1024; /* bytes; the largest request here is some 200 */
    alignas(8) std::array<std::byte, kCapacity> buffer_{};
    std::size_t len_ = 0;
};

/// Calls `visit` for each attribute in [first, first + len_bytes). Stops at a malformed one.
void for_each_attribute(const rtattr* first, std::size_t len_bytes, const std::function<void(const rtattr&)>& visit);

/// The value of an attribute; 0 if it is shorter than four bytes.
[[nodiscard]] std::uint32_t attribute_u32(const rtattr& attribute);

/// One rtnetlink socket, on the host's kernel or inside the stack. Moves, never copies. Use from one thread.
class Channel {
public:
    /// On the host. `groups`: RTMGRP_* to be told of, 0 for requests only. Errors: those of socket(2), bind(2).
    static Result<Channel> to_host(std::uint32_t groups = 0);

    /// Inside the stack. The program's descriptor N and the stack's descriptor N must be the same thing, so the
    /// stack's socket takes a number beyond those that a program can have.
    static Result<Channel> to_stack();

    Channel(Channel&& other) noexcept;
    Channel& operator=(Channel&&) = delete;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel();

    [[nodiscard]] int fd() const { return fd_; }

    /// Moves a host channel that stays open to a high descriptor number: a program expects the lowest free ones for
    /// itself. It stays where it is when there is no room up there.
    void move_high();

    /// Sends a request and waits for its acknowledgement. The error carries the kernel's errno.
    Result<void> request(Message& message);

    /// Sends a dump request and calls `visit` for each message of the answer. EAGAIN: the tables kept changing
    /// under the dump.
    Result<void> dump(Message& message, const std::function<void(const nlmsghdr&)>& visit);

    /// Takes the notifications that have come, without waiting. Returns false when some were lost (ENOBUFS), so
    /// that only a new dump tells the truth.
    Result<bool> drain(const std::function<void(const nlmsghdr&)>& visit);

private:
    using Kernel = long (*)(long number, long a, long b, long c, long d, long e, long f);

    Channel(Kernel kernel, int fd) : kernel_(kernel), fd_(fd) {}

    Result<void> send(Message& message);
    Result<std::span<const std::byte>> receive(int flags);

    Kernel kernel_;
    int fd_;
    std::uint32_t sequence_ = 0;
    std::vector<std::byte> buffer_;
};

}  // namespace alp::wire
