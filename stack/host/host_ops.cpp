// SPDX-License-Identifier: GPL-2.0
#include "stack/host/host_ops.h"

#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"
#include "stack/host/own_table.h"

namespace alp::stack {

namespace {

int wire = -1;
std::uint64_t packets = 0;  // read from it

std::uint64_t op_realtime_ns() { return clock_ns(CLOCK_REALTIME); }

void op_random(void* buffer, std::uint64_t len_bytes) {
    raw_syscall(SYS_getrandom, arg(buffer), static_cast<long>(len_bytes), 0);
}

void op_console(const char* text, std::uint64_t len_bytes) { write_to(STDERR_FILENO, text, len_bytes); }

std::int64_t op_wire_read(const iovec* iov, int count) {
    const std::int64_t result = raw_syscall(SYS_readv, wire, arg(iov), count);
    packets += result > 0 ? 1 : 0;
    return result;
}

std::int64_t op_wire_write(const iovec* iov, int count) { return raw_syscall(SYS_writev, wire, arg(iov), count); }

/// There is nothing to go back to: half-done work lies on every stack. The process ends as after abort().
void op_died(const char* text) {
    static const char prefix[] = "alpine: the stack has died: ";
    op_console(prefix, sizeof(prefix) - 1);
    op_console(text, strlen(text));
    op_console("\n", 1);
    struct sigaction fallback {};
    raw_syscall(SYS_rt_sigaction, SIGABRT, arg(&fallback), 0, 8);
    const std::uint64_t none = 0;
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&none), 0, sizeof(none));
    raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), SIGABRT);
    for (;;) {
        raw_syscall(SYS_exit_group, 128 + SIGABRT);
    }
}

/// A thread may queue a signal with the si_code of a kernel only to its own id, and an id stands for its process. For
/// all others (and for one thread) it has to be a user's; SI_SIGIO says what it is.
long raise_in(siginfo_t* info, std::uint64_t process, std::uint64_t thread) {
    const long own = raw_syscall(SYS_getpid);
    const long self = raw_syscall(SYS_gettid);
    if (thread == 0 && static_cast<long>(process) == own) {
        return raw_syscall(SYS_rt_sigqueueinfo, self, info->si_signo, arg(info));
    }
    if (static_cast<long>(thread) != self && info->si_code >= 0) {
        info->si_code = SI_SIGIO;
    }
    return thread == 0 ? raw_syscall(SYS_rt_sigqueueinfo, static_cast<long>(process), info->si_signo, arg(info))
                       : raw_syscall(SYS_rt_tgsigqueueinfo, static_cast<long>(process), static_cast<long>(thread),
                                     info->si_signo, arg(info));
}

/// As Linux does it (send_sigio_to_task() in fs/fcntl.c): a full queue of real-time signals makes a plain SIGIO of it.
void op_raise(const void* siginfo, std::uint64_t process, std::uint64_t thread) {
    siginfo_t info = *static_cast<const siginfo_t*>(siginfo);
    if (process != 0 && raise_in(&info, process, thread) == -EAGAIN) {
        raw_syscall(SYS_kill, static_cast<long>(process), SIGIO);
    }
}

/// The most that Linux puts into one datagram of a dump (netlink_dump() in net/netlink/af_netlink.c).
constexpr std::uint64_t kDumpRoom = 32768;

/// Is it all there with the messages in `part`? Their last one says so; what is no dump is one message. A refusal is an
/// error.
long is_complete(const char* part, long len, bool dump) {
    while (len >= static_cast<long>(sizeof(nlmsghdr))) {
        nlmsghdr header;
        memcpy(&header, part, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len) {
            return -EBADMSG;
        }
        int error = 0;
        if (header.nlmsg_len >= sizeof(header) + sizeof(error)) {
            memcpy(&error, part + sizeof(header), sizeof(error));
        }
        if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
            return error < 0 ? error : 1;
        }
        part += NLMSG_ALIGN(header.nlmsg_len);
        len -= NLMSG_ALIGN(header.nlmsg_len);
    }
    return dump ? 0 : 1;
}

long read_answer(long fd, char* answer, std::uint64_t room, bool dump) {
    std::uint64_t used = 0;
    for (long complete = 0; complete == 0;) {
        if (room - used < kDumpRoom) {
            return -ENOBUFS;
        }
        const long part = raw_syscall(SYS_recvfrom, fd, arg(answer + used), static_cast<long>(room - used), 0, 0, 0);
        complete = part < 0 ? part : is_complete(answer + used, part, dump);
        if (complete < 0) {
            return complete;
        }
        used += static_cast<std::uint64_t>(part);
    }
    return static_cast<long>(used);
}

std::int64_t op_ask_sock_diag(const void* request, std::uint64_t len_bytes, void* answer, std::uint64_t room) {
    nlmsghdr header;
    memcpy(&header, request, sizeof(header));
    const bool dump = (header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    header.nlmsg_flags &= static_cast<std::uint16_t>(~NLM_F_ACK);  // the stack's affair
    const char* rest = static_cast<const char*>(request) + sizeof(header);
    iovec parts[] = {{&header, sizeof(header)}, {const_cast<char*>(rest), len_bytes - sizeof(header)}};
    const long fd = raw_syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        return fd;
    }
    long result = raw_syscall(SYS_writev, fd, arg(parts), 2);
    if (result >= 0) {
        result = read_answer(fd, static_cast<char*>(answer), room, dump);
    }
    raw_syscall(SYS_close, fd);
    return result;
}

const alpine_host_ops ops = {
    .monotonic_ns = monotonic_ns,
    .realtime_ns = op_realtime_ns,
    .random = op_random,
    .console = op_console,
    .wire_read = op_wire_read,
    .wire_write = op_wire_write,
    .died = op_died,
    .raise = op_raise,
    .ask_sock_diag = op_ask_sock_diag,
};

}  // namespace

std::uint64_t packets_read() { return packets; }

const alpine_host_ops* host_ops(int wire_fd) {
    wire = wire_fd;
    return &ops;
}

}  // namespace alp::stack
