// SPDX-License-Identifier: GPL-2.0
// Whose descriptor is it? One byte per number answers, and one record per open file holds the rest.
//
// Theory of operation
//
// A stack socket N exists three times: as the host's dummy N (which keeps the number taken, and holds the port),
// as descriptor N inside the stack, and here as an entry that points to an OpenFile. dup() makes a second number
// with the same OpenFile, exactly as the kernels do it with theirs, so what belongs to the open file description
// (O_NONBLOCK, the claim of a port, being an epoll instance with a stack half) is held once.
//
// The table is static, zero and untouched until used, and covers a million numbers. Reading it takes no lock.
// An entry is made after both kernels have the descriptor and taken away before the host's number is free again,
// so a number that the host gives out anew never has a stale entry. OpenFiles come from a pool that never gives
// memory back: a thread that still looks at one whose last number was closed under it reads old flags, not
// another type of object.
#pragma once

#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "calls/lock.h"
#include "stack/host/private_fd.h"

namespace alp::calls {

struct Claim;

/// What a descriptor number stands for.
enum class Kind : std::uint8_t {
    host = 0,     ///< the host's; Alpine has nothing to do with it
    socket,       ///< a socket of the stack
    file,         ///< a file or folder of the stack's /proc or /sys
    epoll,        ///< an epoll instance that so far watches host descriptors only
    mixed_epoll,  ///< an epoll instance with a half in the stack
};

/// One open file description. Fields are atomic where threads race on them; `binding` guards the port.
struct OpenFile {
    std::atomic<int> descriptors;   ///< how many numbers refer to it
    std::atomic<bool> nonblocking;  ///< O_NONBLOCK, as the stack has it
    std::atomic<bool> listening;
    std::atomic<bool> has_port;          ///< bound, by the program or by us; meaningful when `ports` is set
    std::atomic<bool> port_chosen;       ///< the stack chose the port, and may forget it; under `binding`
    std::atomic<bool> watches_host;      ///< epoll: some host descriptor was ever added
    std::atomic<int> host_waiters;       ///< epoll: threads blocked in the host's epoll_wait, unaware of the stack
    std::atomic<bool> host_first;        ///< epoll: which half goes first next time, so that neither starves
    std::atomic<int> accept_timeout_ms;  ///< SO_RCVTIMEO; 0: none
    bool ports;                          ///< its protocol has ports that must be claimed
    bool host_bindable;  ///< the dummy is of the same family and type: binding it says what the host allows
    bool dummy_bound;    ///< the dummy holds the port on the host (not another socket's claim)
    bool counted;        ///< while a forked child counts what it has, see share_claims_with_child()
    bool sigpipe;        ///< writing to a broken connection raises SIGPIPE
    std::uint16_t family;
    std::uint16_t type;  ///< SOCK_*, without flags
    int protocol;        ///< as the dummy or the stack knows it; MPTCP counts as TCP
    Lock binding;
    int member_fd;  ///< host socket that is in the groups this one has joined, or -1; under `binding`
    bool accepts;   ///< a listener that alpined was told of; under `binding`
    Claim* claim;   ///< under `binding`
    OpenFile* next_free;
};

inline constexpr long kLongestSeconds = 2'000'000; /* some 23 days */

/// For `accept_timeout_ms`: rounded up, and no longer than an int holds.
inline int to_milliseconds(const timeval& limit) {
    return static_cast<int>(std::min(limit.tv_sec, kLongestSeconds) * 1000 + (limit.tv_usec + 999) / 1000);
}

inline constexpr int kTableSize = 1 << 20;
extern std::uint8_t kinds[kTableSize];

inline Kind kind_of(int fd) {
    if (__builtin_expect(static_cast<unsigned>(fd) >= kTableSize, 0)) {
        return Kind::host;
    }
    return static_cast<Kind>(__atomic_load_n(&kinds[fd], __ATOMIC_ACQUIRE));
}

inline bool is_stack_socket(int fd) { return kind_of(fd) == Kind::socket; }
/// Has the stack alone what stands behind this number? Sockets and files, not epoll instances.
inline bool is_in_stack(int fd) {
    const Kind kind = kind_of(fd);
    return kind == Kind::socket || kind == Kind::file;
}

inline bool is_host(int fd) { return kind_of(fd) == Kind::host; }

/// The open file behind a number whose kind is not host. Never null for such a number.
[[nodiscard]] OpenFile* file_of(int fd);

/// A fresh OpenFile that no number refers to yet; null when memory is exhausted.
[[nodiscard]] OpenFile* new_file();

/// Makes `fd` refer to `file`. The number must have no entry.
void install(int fd, Kind kind, OpenFile* file);

/// Takes the entry of `fd` away. Returns the open file if this was its last number (the caller then gives back
/// what it holds and calls recycle()), else null.
[[nodiscard]] OpenFile* remove(int fd);

void recycle(OpenFile* file);

/// Changes what all numbers of an open file stand for (an epoll instance that gets its half in the stack).
void set_kind(OpenFile* file, Kind kind);

/// Calls visit(fd, kind) for every entry in [first, last].
template <typename Visit>
void for_each_descriptor(unsigned first, unsigned last, Visit visit);

/// One past the highest number that ever had an entry.
[[nodiscard]] unsigned table_end();

/// In a forked child: locks are free.
void reset_descriptors_after_fork();

/// A host descriptor that is Alpine's own and that the program must not reach (nor close)? Numbers below all of them
/// cost one comparison.
inline bool is_private(int fd) {
    return __builtin_expect(fd >= stack::lowest_private_fd(), 0) && stack::is_private_fd(fd);
}

/// For refuse(): why a private descriptor answers EBADF.
inline constexpr const char* kPrivateReason = "the number is a descriptor of Alpine's own";

template <typename Visit>
void for_each_descriptor(unsigned first, unsigned last, Visit visit) {
    const unsigned end = table_end();
    for (unsigned fd = first; fd <= last && fd < end; ++fd) {
        const Kind kind = kind_of(static_cast<int>(fd));
        if (kind != Kind::host) {
            visit(static_cast<int>(fd), kind);
        }
    }
}

}  // namespace alp::calls
