// SPDX-License-Identifier: GPL-2.0
#include "wire/rtnetlink.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "stack/host/stack.h"

namespace alp::wire {

namespace {

constexpr std::size_t kReceiveBytes = 32UL * 1024; /* what the kernel fills per dump message at most */
constexpr rlim_t kHighDescriptor = 960;            /* below the usual limit of 1024, so that the fd table stays small */
constexpr rlim_t kMostDescriptors = 1 << 19;       /* half of what the stack has room for */
constexpr long kBeyondLimit = 4096;                /* calls/sockets.cpp takes the first ones for blocked accept()s */
constexpr long kFirstRestartCode = 512;            /* ERESTARTSYS; up to ERESTART_RESTARTBLOCK, 516 */
constexpr long kLastRestartCode = 516;

bool interrupted(long answer) {
    return answer == -EINTR || (answer <= -kFirstRestartCode && answer >= -kLastRestartCode);
}

long host_kernel(long number, long a, long b, long c, long d, long e, long f) {
    return raw_syscall(number, a, b, c, d, e, f);
}

long stack_kernel(long number, long a, long b, long c, long d, long e, long f) {
    return stack::call(number, a, b, c, d, e, f);
}

Error failed(long answer, const char* what) { return Error{static_cast<int>(-answer), what}; }

}  // namespace

Message::Message(std::uint16_t type, std::uint16_t flags) {
    auto& header = *static_cast<nlmsghdr*>(append(sizeof(nlmsghdr)));
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
}

void* Message::append(std::size_t len_bytes) {
    const std::size_t start = len_;
    len_ += NLMSG_ALIGN(len_bytes);
    if (len_ > kCapacity) {
        std::abort();  // every request made here has a known bound
    }
    netlink_header().nlmsg_len = static_cast<std::uint32_t>(len_);
    return buffer_.data() + start;
}

nlmsghdr& Message::netlink_header() { return *reinterpret_cast<nlmsghdr*>(buffer_.data()); }

std::span<const std::byte> Message::bytes() const { return {buffer_.data(), len_}; }

void Message::put(std::uint16_t type, std::span<const std::uint8_t> value) {
    auto* attribute = static_cast<rtattr*>(append(RTA_LENGTH(value.size())));
    attribute->rta_type = type;
    attribute->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size()));
    if (!value.empty()) {
        std::memcpy(RTA_DATA(attribute), value.data(), value.size());
    }
}

void Message::put_u32(std::uint16_t type, std::uint32_t value) {
    put(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof(value)});
}

void Message::put_u8(std::uint16_t type, std::uint8_t value) { put(type, {&value, sizeof(value)}); }

void Message::put_string(std::uint16_t type, std::string_view value) {
    put(type, {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
}

std::size_t Message::begin_nest(std::uint16_t type) {
    const std::size_t start = len_;
    put(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
    return start;
}

void Message::end_nest(std::size_t start) {
    auto* attribute = reinterpret_cast<rtattr*>(buffer_.data() + start);
    attribute->rta_len = static_cast<std::uint16_t>(len_ - start);
}

void for_each_attribute(const rtattr* first, std::size_t len_bytes, const std::function<void(const rtattr&)>& visit) {
    auto remaining = static_cast<long>(len_bytes);
    for (const rtattr* at = first; RTA_OK(at, remaining); at = RTA_NEXT(at, remaining)) {
        visit(*at);
    }
}

std::uint32_t attribute_u32(const rtattr& attribute) {
    std::uint32_t value = 0;
    if (RTA_PAYLOAD(&attribute) >= sizeof(value)) {
        std::memcpy(&value, RTA_DATA(&attribute), sizeof(value));
    }
    return value;
}

Result<Channel> Channel::to_host(std::uint32_t groups) {
    const long fd = raw_syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return failed(fd, "opening a netlink socket on the host");
    }
    Channel channel(host_kernel, static_cast<int>(fd));
    if (groups != 0) {
        sockaddr_nl address{};
        address.nl_family = AF_NETLINK;
        address.nl_groups = groups;
        const long bound = raw_syscall(SYS_bind, fd, arg(&address), sizeof(address));
        if (bound < 0) {
            return failed(bound, "subscribing to the host's network changes");
        }
    }
    return channel;
}

Result<Channel> Channel::to_stack() {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit));
    const long number = static_cast<long>(std::min(limit.rlim_cur, kMostDescriptors)) + kBeyondLimit;
    const long fd = stack::call(ALPINE_NR_socket_at, number, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return failed(fd, "opening a netlink socket in the stack");
    }
    return Channel(stack_kernel, static_cast<int>(fd));
}

Channel::Channel(Channel&& other) noexcept
    : kernel_(other.kernel_),
      fd_(std::exchange(other.fd_, -1)),
      sequence_(other.sequence_),
      buffer_(std::move(other.buffer_)) {}

Channel::~Channel() {
    if (fd_ >= 0) {
        kernel_(SYS_close, fd_, 0, 0, 0, 0, 0);
    }
}

void Channel::move_high() {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit));
    const auto first = static_cast<long>(std::min<rlim_t>(limit.rlim_cur / 2, kHighDescriptor));
    const long moved = raw_syscall(SYS_fcntl, fd_, F_DUPFD_CLOEXEC, first);
    if (moved >= 0) {
        raw_syscall(SYS_close, fd_);
        fd_ = static_cast<int>(moved);
    }
}

Result<void> Channel::send(Message& message) {
    message.netlink_header().nlmsg_seq = ++sequence_;
    const auto bytes = message.bytes();
    long answer = 0;
    do {
        answer = kernel_(SYS_sendto, fd_, arg(bytes.data()), static_cast<long>(bytes.size()), 0, 0, 0);
    } while (interrupted(answer));
    if (answer < 0) {
        return failed(answer, "sending a netlink request");
    }
    return {};
}

Result<std::span<const std::byte>> Channel::receive(int flags) {
    buffer_.resize(kReceiveBytes);
    long answer = 0;
    do {
        answer = kernel_(SYS_recvfrom, fd_, arg(buffer_.data()), static_cast<long>(buffer_.size()), flags, 0, 0);
    } while (interrupted(answer));
    if (answer < 0) {
        return failed(answer, "receiving a netlink answer");
    }
    return std::span<const std::byte>(buffer_.data(), static_cast<std::size_t>(answer));
}

Result<void> Channel::request(Message& message) {
    message.netlink_header().nlmsg_flags |= NLM_F_ACK;
    if (auto sent = send(message); !sent) {
        return sent;
    }
    for (;;) {
        auto bytes = receive(0);
        if (!bytes) {
            return bytes.error();
        }
        auto left = static_cast<unsigned>(bytes.value().size());
        for (auto* at = reinterpret_cast<const nlmsghdr*>(bytes.value().data()); NLMSG_OK(at, left);
             at = NLMSG_NEXT(at, left)) {
            if (at->nlmsg_seq != sequence_ || at->nlmsg_type != NLMSG_ERROR) {
                continue;
            }
            const int code = static_cast<const nlmsgerr*>(NLMSG_DATA(at))->error;
            return code == 0 ? Result<void>() : failed(code, "netlink request refused");
        }
    }
}

namespace {

struct DumpProgress {
    bool done = false;
    bool consistent = true;
};

/// Goes through one datagram of a dump.
Result<void> walk_dump(std::span<const std::byte> bytes, std::uint32_t sequence, DumpProgress& progress,
                       const std::function<void(const nlmsghdr&)>& visit) {
    auto left = static_cast<unsigned>(bytes.size());
    for (auto* at = reinterpret_cast<const nlmsghdr*>(bytes.data()); NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
        if (at->nlmsg_seq != sequence) {
            continue;
        }
        if ((at->nlmsg_flags & NLM_F_DUMP_INTR) != 0) {
            progress.consistent = false;
        }
        if (at->nlmsg_type == NLMSG_DONE) {
            progress.done = true;
            return {};
        }
        if (at->nlmsg_type == NLMSG_ERROR) {
            return failed(static_cast<const nlmsgerr*>(NLMSG_DATA(at))->error, "netlink dump refused");
        }
        visit(*at);
    }
    return {};
}

}  // namespace

Result<void> Channel::dump(Message& message, const std::function<void(const nlmsghdr&)>& visit) {
    message.netlink_header().nlmsg_flags |= NLM_F_DUMP;
    if (auto sent = send(message); !sent) {
        return sent;
    }
    DumpProgress progress;
    while (!progress.done) {
        auto bytes = receive(0);
        if (!bytes) {
            return bytes.error();
        }
        if (auto walked = walk_dump(bytes.value(), sequence_, progress, visit); !walked) {
            return walked;
        }
    }
    if (!progress.consistent) {
        return Error{EAGAIN, "the tables changed while they were read"};
    }
    return {};
}

Result<bool> Channel::drain(const std::function<void(const nlmsghdr&)>& visit) {
    for (;;) {
        auto bytes = receive(MSG_DONTWAIT);
        if (!bytes) {
            const int code = bytes.error().code;
            if (code == EAGAIN) {
                return true;
            }
            if (code == ENOBUFS) {
                return false;
            }
            return bytes.error();
        }
        auto left = static_cast<unsigned>(bytes.value().size());
        for (auto* at = reinterpret_cast<const nlmsghdr*>(bytes.value().data()); NLMSG_OK(at, left);
             at = NLMSG_NEXT(at, left)) {
            visit(*at);
        }
    }
}

}  // namespace alp::wire
