// SPDX-License-Identifier: GPL-2.0
#include "calls/passing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>

#include "base/raw_syscall.h"
#include "calls/descriptor_calls.h"
#include "calls/descriptors.h"
#include "calls/guard.h"
#include "calls/lock.h"
#include "stack/host/private_fd.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

constexpr int kMaxHeld = 1024;    /* descriptors under way at once */
constexpr int kHeldNumbers = 900; /* where private numbers begin, as in stack/host/private_fd.cpp */

/// One descriptor under way.
struct Held {
    ino_t pipe;
    int reader;  ///< the pipe's reading end; hangs up with the last ticket
    int fd;      ///< private number of the stack's descriptor
};

Lock held_lock;
Held held[kMaxHeld];
std::atomic<int> held_count{0};

/// Calls visit(descriptor number's place) for each descriptor in a control buffer.
template <typename Visit>
void for_each_passed(char* control, std::size_t len, Visit visit) {
    for (std::size_t at = 0; at + sizeof(cmsghdr) <= len;) {
        cmsghdr header;
        memcpy(&header, control + at, sizeof(header));
        if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > len - at) {
            return;
        }
        if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                visit(control + at + CMSG_LEN(0) + i * sizeof(int));
            }
        }
        at += CMSG_ALIGN(header.cmsg_len);
    }
}

ino_t inode_of(int fd) {
    struct stat status {};
    return raw_syscall(SYS_fstat, fd, arg(&status)) == 0 && S_ISFIFO(status.st_mode) ? status.st_ino : 0;
}

void let_go(int index) {
    const Held gone = held[index];
    const int last = held_count.load() - 1;
    held[index] = held[last];
    held_count = last;
    stack::forget_private_fd(gone.reader);
    raw_syscall(SYS_close, gone.reader);
    stack::forget_private_fd(gone.fd);
    close_stack_descriptor(gone.fd);
}

/// Holds `fd` and makes its ticket. The ticket, or -errno.
long hold(int fd) {
    Locked locked(held_lock);
    int ends[2];
    if (held_count.load() == kMaxHeld) {
        return -ETOOMANYREFS;
    }
    long error = raw_syscall(SYS_pipe2, arg(ends), O_CLOEXEC);
    if (error < 0) {
        return error;
    }
    const long copy = duplicate_from(fd, F_DUPFD_CLOEXEC, kHeldNumbers);
    if (copy < 0) {
        raw_syscall(SYS_close, ends[0]);
        raw_syscall(SYS_close, ends[1]);
        return copy;
    }
    stack::note_private_fd(static_cast<int>(copy));
    const int reader = stack::adopt_private_fd(ends[0]);
    held[held_count.load()] = Held{inode_of(ends[1]), reader, static_cast<int>(copy)};
    held_count.fetch_add(1);
    return ends[1];
}

bool is_lost(const Held& one) {
    pollfd reader{one.reader, 0, 0};
    return raw_syscall(SYS_poll, arg(&reader), 1, 0) > 0 && (reader.revents & POLLHUP) != 0;
}

/// Makes `ticket`, if it is one, a duplicate of what it stands for.
void redeem(int ticket, bool close_on_exec) {
    const ino_t pipe = inode_of(ticket);
    for (int i = 0; pipe != 0 && i < held_count.load(); ++i) {
        if (held[i].pipe != pipe) {
            continue;
        }
        if (raw_syscall(SYS_dup3, held[i].fd, ticket, close_on_exec ? O_CLOEXEC : 0) == ticket) {
            attach_copy(held[i].fd, ticket);
        }
        return;
    }
}

}  // namespace

bool carries_stack_descriptors(const msghdr* message) {
    if (!stack::running()) {
        return false;
    }
    msghdr header{};
    if (!guarded_copy(&header, message, sizeof(header)) || header.msg_control == nullptr ||
        header.msg_controllen < CMSG_LEN(sizeof(int))) {
        return false;
    }
    bool found = false;
    alignas(cmsghdr) char control[2048];
    if (header.msg_controllen <= sizeof(control) && guarded_copy(control, header.msg_control, header.msg_controllen)) {
        for_each_passed(control, header.msg_controllen, [&](const char* place) {
            int fd;
            memcpy(&fd, place, sizeof(fd));
            found = found || is_in_stack(fd);
        });
    }
    return found;
}

long Outgoing::prepare() {
    if (!guarded_copy(&copy_, original_, sizeof(copy_)) || copy_.msg_controllen > sizeof(control_) ||
        !guarded_copy(control_, copy_.msg_control, copy_.msg_controllen)) {
        return -EFAULT;
    }
    copy_.msg_control = control_;
    long error = 0;
    for_each_passed(control_, copy_.msg_controllen, [&](char* place) {
        int fd;
        memcpy(&fd, place, sizeof(fd));
        if (error < 0 || !is_in_stack(fd)) {
            return;
        }
        const long ticket = ticket_count_ < kMaxTickets ? hold(fd) : -ETOOMANYREFS;
        if (ticket < 0) {
            error = ticket;
            return;
        }
        tickets_[ticket_count_++] = static_cast<int>(ticket);
        memcpy(place, &tickets_[ticket_count_ - 1], sizeof(int));
    });
    return error;
}

Outgoing::~Outgoing() {
    for (int i = 0; i < ticket_count_; ++i) {
        raw_syscall(SYS_close, tickets_[i]);
    }
    forget_lost_tickets();
}

bool descriptors_under_way() { return held_count.load(std::memory_order_acquire) != 0; }

void take_passed_descriptors(msghdr* message, int flags) {
    {
        Locked locked(held_lock);
        for_each_passed(static_cast<char*>(message->msg_control), message->msg_controllen, [&](const char* place) {
            int fd;
            memcpy(&fd, place, sizeof(fd));
            redeem(fd, (flags & MSG_CMSG_CLOEXEC) != 0);
        });
    }
    forget_lost_tickets();
}

void forget_lost_tickets() {
    Locked locked(held_lock);
    for (int i = held_count.load() - 1; i >= 0; --i) {
        if (is_lost(held[i])) {
            let_go(i);
        }
    }
}

void reset_passing_after_fork() {
    held_lock.reset();
    held_count = 0;
}

}  // namespace alp::calls
