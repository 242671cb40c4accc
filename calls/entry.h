// SPDX-License-Identifier: GPL-2.0
// How a pseudo-system call is written once, exported under libc's name, answered, and passed on to the host.
//
// A system call's work is done by `long sys_NAME(...)`, which answers as a kernel does: a value or a negative errno.
// The table (table.h) finds it by number, for syscall() and for libc's own call sites; the entry point under libc's
// name wraps it. Entry points are defined under a name of their own (alpine_read) and exported under libc's (read): so
// nothing in calls/ can call an interposed function by mistake, and libc's headers, with their attributes and inline
// variants, stay out of the way.
#pragma once

#include <errno.h>
#include <pthread.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"
#include "calls/descriptors.h"
#include "calls/explain.h"
#include "calls/thread_state.h"

/// Opens the definition of an entry point: ALPINE_CALL(ssize_t, recv, int fd, void* buffer, size_t len) { ... }
#define ALPINE_CALL(type, name, ...)                                                              \
    extern "C" __attribute__((visibility("default"))) type alpine_##name(__VA_ARGS__) asm(#name); \
    extern "C" type alpine_##name(__VA_ARGS__)

/// Opens the definition of `long sys_NAME parameters`, and exports libc's NAME as its wrapper.
#define ALPINE_SYSTEM_CALL(type, name, parameters, arguments)                                   \
    extern "C" __attribute__((visibility("default"))) type alpine_##name parameters asm(#name); \
    extern "C" type alpine_##name parameters {                                                  \
        const ByName call(SYS_##name);                                                          \
        return answer<type>(call.done(sys_##name arguments));                                   \
    }                                                                                           \
    long sys_##name parameters

/// A second exported name for an entry point of the same file (twins for large files).
#define ALPINE_ALIAS(alias, name) asm(".globl " #alias "\n.type " #alias ", @function\n.set " #alias ", " #name)

namespace alp::calls {

/// Turns a kernel's answer into libc's: a negative errno becomes -1 and errno.
template <typename T = int>
inline T answer(long result) {
    if (__builtin_expect(result < 0, 0)) {
        errno = static_cast<int>(-result);
        return static_cast<T>(-1);
    }
    return static_cast<T>(result);
}

/// A call by libc's name: it comes from the program, whatever a handler of it may have interrupted or jumped out of.
class ByName : public Explained {
public:
    explicit ByName(long number) : Explained(number) { thread_state.by_number = false; }
};

/// A call to the host that is a POSIX cancellation point. While it runs the thread may be cancelled at any
/// moment, as in glibc's own wrappers; in a process of one thread there is nobody to do so. A call that did not come
/// by libc's name is none: libc's own code has arranged for that where it wants it.
inline long host_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
    if (__builtin_expect(__libc_single_threaded || thread_state.by_number, 1)) {
        return raw_syscall(number, a, b, c, d, e, f);
    }
    int previous;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &previous);
    const long result = raw_syscall(number, a, b, c, d, e, f);
    pthread_setcanceltype(previous, nullptr);
    return result;
}

/// host_call() and raw_syscall() for calls whose first argument is a descriptor: those of Alpine's own do not exist for
/// the program.
template <typename... Arguments>
inline long host_call_on(long number, int fd, Arguments... arguments) {
    return is_private(fd) ? refuse(-EBADF, kPrivateReason) : host_call(number, fd, arguments...);
}

template <typename... Arguments>
inline long raw_call_on(long number, int fd, Arguments... arguments) {
    return is_private(fd) ? refuse(-EBADF, kPrivateReason) : raw_syscall(number, fd, arguments...);
}

}  // namespace alp::calls
