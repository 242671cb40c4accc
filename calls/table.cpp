// SPDX-License-Identifier: GPL-2.0
#include "calls/table.h"

#include <errno.h>
#include <sys/syscall.h>

#include <array>
#include <type_traits>
#include <utility>

#include "base/raw_syscall.h"
#include "calls/explain.h"
#include "calls/guard.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

struct Entry {
    long (*function)(long, long, long, long, long, long);
    const char* name;
};

/// A register's value as one of the types that calls have.
template <typename T>
T from_register(long value) {
    if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<T>(value);
    } else {
        return static_cast<T>(value);
    }
}

/// `Function`, whose arguments are the first of a system call's six, as a table entry.
template <auto Function>
struct Adapted;

template <typename... Arguments, long (*Function)(Arguments...)>
struct Adapted<Function> {
    static long call(long a, long b, long c, long d, long e, long f) {
        const long registers[] = {a, b, c, d, e, f};
        return from_registers(registers, std::make_index_sequence<sizeof...(Arguments)>());
    }

private:
    template <std::size_t... Index>
    static long from_registers(const long* registers, std::index_sequence<Index...>) {
        return Function(from_register<Arguments>(registers[Index])...);
    }
};

/// pselect6's last argument points to the mask and its length.
long pselect6(long count, long read, long write, long except, long timeout, long window) {
    struct Window {
        const sigset_t* mask;
        std::size_t len;
    };
    Window given{};
    if (window != 0 && !guarded_copy(&given, from_register<const Window*>(window), sizeof(given))) {
        return -EFAULT;
    }
    return sys_pselect(static_cast<int>(count), from_register<fd_set*>(read), from_register<fd_set*>(write),
                       from_register<fd_set*>(except), from_register<timespec*>(timeout), given.mask);
}

/// The offset of preadv2 and pwritev2 comes in two registers, of which x86-64 uses the first.
long preadv2(long fd, long vector, long count, long offset, long, long flags) {
    return sys_preadv2(static_cast<int>(fd), from_register<const iovec*>(vector), static_cast<int>(count), offset,
                       static_cast<int>(flags));
}

long pwritev2(long fd, long vector, long count, long offset, long, long flags) {
    return sys_pwritev2(static_cast<int>(fd), from_register<const iovec*>(vector), static_cast<int>(count), offset,
                        static_cast<int>(flags));
}

constexpr std::array<Entry, kTableCalls> make_table() {
    std::array<Entry, kTableCalls> table{};
#define ALPINE_ENTRY(name) table[SYS_##name] = {Adapted<&sys_##name>::call, #name}
    ALPINE_ENTRY(read);
    ALPINE_ENTRY(write);
    ALPINE_ENTRY(readv);
    ALPINE_ENTRY(writev);
    table[SYS_preadv2] = {preadv2, "preadv2"};
    table[SYS_pwritev2] = {pwritev2, "pwritev2"};
    ALPINE_ENTRY(sendto);
    ALPINE_ENTRY(recvfrom);
    ALPINE_ENTRY(sendmsg);
    ALPINE_ENTRY(recvmsg);
    ALPINE_ENTRY(sendmmsg);
    ALPINE_ENTRY(recvmmsg);
    ALPINE_ENTRY(close);
    ALPINE_ENTRY(close_range);
    ALPINE_ENTRY(pidfd_getfd);
    ALPINE_ENTRY(dup);
    ALPINE_ENTRY(dup2);
    ALPINE_ENTRY(dup3);
    ALPINE_ENTRY(fcntl);
    ALPINE_ENTRY(ioctl);
    ALPINE_ENTRY(setsockopt);
    ALPINE_ENTRY(getsockopt);
    ALPINE_ENTRY(socket);
    ALPINE_ENTRY(bind);
    ALPINE_ENTRY(listen);
    ALPINE_ENTRY(accept);
    ALPINE_ENTRY(accept4);
    ALPINE_ENTRY(connect);
    ALPINE_ENTRY(shutdown);
    ALPINE_ENTRY(getsockname);
    ALPINE_ENTRY(getpeername);
    ALPINE_ENTRY(sendfile);
    ALPINE_ENTRY(splice);
    ALPINE_ENTRY(tee);
    ALPINE_ENTRY(poll);
    ALPINE_ENTRY(ppoll);
    ALPINE_ENTRY(select);
    table[SYS_pselect6] = {pselect6, "pselect6"};
    ALPINE_ENTRY(epoll_create);
    ALPINE_ENTRY(epoll_create1);
    ALPINE_ENTRY(epoll_ctl);
    ALPINE_ENTRY(epoll_wait);
    ALPINE_ENTRY(epoll_pwait);
    ALPINE_ENTRY(epoll_pwait2);
    ALPINE_ENTRY(open);
    ALPINE_ENTRY(creat);
    ALPINE_ENTRY(openat);
    ALPINE_ENTRY(openat2);
    ALPINE_ENTRY(stat);
    ALPINE_ENTRY(lstat);
    ALPINE_ENTRY(newfstatat);
    ALPINE_ENTRY(statx);
    ALPINE_ENTRY(access);
    ALPINE_ENTRY(faccessat);
    ALPINE_ENTRY(faccessat2);
    ALPINE_ENTRY(readlink);
    ALPINE_ENTRY(readlinkat);
    ALPINE_ENTRY(bpf);
    ALPINE_ENTRY(fstat);
    ALPINE_ENTRY(lseek);
    ALPINE_ENTRY(pread64);
    ALPINE_ENTRY(pwrite64);
    ALPINE_ENTRY(getdents64);
    ALPINE_ENTRY(copy_file_range);
    ALPINE_ENTRY(mmap);
    ALPINE_ENTRY(munmap);
    ALPINE_ENTRY(rt_sigaction);
    ALPINE_ENTRY(rt_sigprocmask);
    ALPINE_ENTRY(prlimit64);
    ALPINE_ENTRY(setrlimit);
    ALPINE_ENTRY(getrlimit);
    ALPINE_ENTRY(seccomp);
    ALPINE_ENTRY(prctl);
    ALPINE_ENTRY(kill);
    ALPINE_ENTRY(tgkill);
    ALPINE_ENTRY(pidfd_send_signal);
    ALPINE_ENTRY(wait4);
    ALPINE_ENTRY(waitid);
    ALPINE_ENTRY(execve);
    ALPINE_ENTRY(execveat);
    ALPINE_ENTRY(exit);
    ALPINE_ENTRY(exit_group);
    ALPINE_ENTRY(io_uring_setup);
#undef ALPINE_ENTRY
    return table;
}

constexpr std::array<Entry, kTableCalls> table = make_table();

constexpr std::array<unsigned char, kTableCalls> make_numbers() {
    std::array<unsigned char, kTableCalls> numbers{};
    for (std::size_t i = 0; i < kTableCalls; ++i) {
        numbers[i] = table[i].function != nullptr ? 1 : 0;
    }
    return numbers;
}

}  // namespace

constinit const std::array<unsigned char, kTableCalls> taken_over = make_numbers();

const char* name_of_call(long number) {
    return takes_over(number) ? table[static_cast<std::size_t>(number)].name : "?";
}

long call_by_number(long number, long a, long b, long c, long d, long e, long f) {
    if (!takes_over(number)) {
        return raw_syscall(number, a, b, c, d, e, f);
    }
    const bool before = thread_state.by_number;
    thread_state.by_number = true;
    const Explained explained(number);
    const long result = explained.done(table[static_cast<std::size_t>(number)].function(a, b, c, d, e, f));
    thread_state.by_number = before;
    return result;
}

}  // namespace alp::calls
