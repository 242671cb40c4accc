// SPDX-License-Identifier: GPL-2.0
#include "calls/passing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "base/thread_death.h"
#include "calls/adopted.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/process.h"
#include "calls/shared.h"
#include "calls/stack_call.h"
#include "calls/startup.h"
#include "calls/system_calls.h"
#include "stack/host/private_fd.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

constexpr long kOrphanedNs = 30'000'000'000; /* 30 s: what a dead process has sent is received by then, or never */

std::atomic<int> own_count{0};  // of the held, those that this process has sent

PassingTable& table() { return shared().passing; }

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

std::uint32_t own_process() { return static_cast<std::uint32_t>(raw_syscall(SYS_getpid)); }

void let_go(int index) {
    PassingTable& passing = table();
    const HeldDescriptor gone = passing.held[index];
    const int last = passing.count.load() - 1;
    passing.held[index] = passing.held[last];
    passing.count = last;
    if (gone.process == own_process()) {
        own_count.fetch_sub(1);
        stack::forget_private_fd(gone.reader);
        raw_syscall(SYS_close, gone.reader);
    }
    if (gone.handle != 0) {
        stack_call(ALPINE_NR_let_go, gone.handle);
    }
}

/// Has the stack hold `fd` and makes its ticket. The ticket, or -errno.
long hold(int fd) {
    SharedLocked locked(table().lock);
    int ends[2];
    if (table().count.load() == PassingTable::kMaxHeld) {
        return -ETOOMANYREFS;
    }
    const long error = raw_syscall(SYS_pipe2, arg(ends), O_CLOEXEC);
    if (error < 0) {
        return error;
    }
    const long handle = stack_call(ALPINE_NR_hold, fd);
    if (handle < 0) {
        raw_syscall(SYS_close, ends[0]);
        raw_syscall(SYS_close, ends[1]);
        return handle;
    }
    const int reader = stack::adopt_private_fd(ends[0]);
    table().held[table().count.load()] = HeldDescriptor{inode_of(ends[1]), handle, own_process(), reader, now_ns()};
    table().count.fetch_add(1);
    own_count.fetch_add(1);
    note_shared_descriptions();
    return ends[1];
}

bool is_lost(const HeldDescriptor& one) {
    if (one.process != own_process()) {
        return (one.handle == 0 || now_ns() > one.since_ns + kOrphanedNs) && is_dead(one.process);
    }
    pollfd reader{one.reader, 0, 0};
    return raw_syscall(SYS_poll, arg(&reader), 1, 0) > 0 && (reader.revents & POLLHUP) != 0;
}

/// Puts what `ticket` stands for in its place, if it is one. There is one for each sending: who has it in hand (and has
/// not just peeked at the message) has the last, and the sender, who would find out, may be asleep.
void redeem(int ticket, int flags) {
    const ino_t pipe = inode_of(ticket);
    for (int i = 0; pipe != 0 && i < table().count.load(); ++i) {
        if (table().held[i].pipe == pipe) {
            if (stack_call(ALPINE_NR_take_held, table().held[i].handle, ticket, 0) == ticket) {
                note_shared_descriptions();
                adopt_stack_descriptor(ticket, (flags & MSG_CMSG_CLOEXEC) != 0);
            }
            if ((flags & MSG_PEEK) == 0) {
                stack_call(ALPINE_NR_let_go, table().held[i].handle);
                table().held[i].handle = 0;
            }
            return;
        }
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

bool descriptors_under_way() { return own_count.load(std::memory_order_acquire) != 0; }

bool descriptors_may_come(const msghdr* message) {
    if (!stack::running() && pending_passage() != nullptr && message->msg_controllen >= CMSG_LEN(sizeof(int)) &&
        !is_foreign_process()) {
        ensure_stack();  // what comes is perhaps of the stack that this process is to join
    }
    return stack::running() && table().count.load(std::memory_order_relaxed) != 0 && !is_foreign_process();
}

void take_passed_descriptors(msghdr* message, int flags) {
    {
        SharedLocked locked(table().lock);
        for_each_passed(static_cast<char*>(message->msg_control), message->msg_controllen, [&](const char* place) {
            int fd;
            memcpy(&fd, place, sizeof(fd));
            redeem(fd, flags);
        });
    }
    forget_lost_tickets();
}

void forget_lost_tickets() {
    SharedLocked locked(table().lock);
    for (int i = table().count.load() - 1; i >= 0; --i) {
        if (is_lost(table().held[i])) {
            let_go(i);
        }
    }
}

void reset_passing_after_fork() {
    if (own_count != 0) {
        own_count = 0;
    }
}

long sys_pidfd_getfd(int pidfd, int fd, unsigned flags) {
    const long copy = raw_call_on(SYS_pidfd_getfd, pidfd, fd, flags);
    if (copy < 0 || !stack::running() || stack::ended() || is_foreign_process()) {
        return copy;
    }
    const long process = stack_call(ALPINE_NR_task_of_process, process_of(pidfd));
    if (process >= 0 && stack_call(ALPINE_NR_take_from, process, fd, copy) == copy) {
        note_shared_descriptions();
        if (const long error = take_up_stack_descriptor(static_cast<int>(copy)); error < 0) {
            raw_syscall(SYS_close, copy);
            return error;
        }
    }
    return copy;
}

}  // namespace alp::calls
