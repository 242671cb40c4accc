// SPDX-License-Identifier: GPL-2.0
// A system call to the host kernel that no interposed libc symbol can see.
//
// Alpine's own code runs inside programs whose read(), close() and even syscall() are Alpine's. Where it means
// the host kernel, it says so with raw_syscall().
#pragma once

/// A `syscall` instruction of Alpine's own, as text of an asm statement: the empty instruction before it (nopl
/// 42(%rax)) is how calls/sites.h knows it from a program's, which it takes over.
#define ALPINE_OWN_SYSCALL ".byte 0x0f, 0x1f, 0x40, 0x2a\n\tsyscall"

namespace alp {

/// Calls the host kernel. Returns the kernel's answer: the value, or a negative errno. Never touches `errno`.
/// Async-signal-safe; uses no stack beyond its frame. (x86-64 calling convention: syscall(2), Architecture notes.)
inline long raw_syscall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    long result;
    asm volatile(ALPINE_OWN_SYSCALL
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

/// Is this answer an error, where every other value, negative ones too, is an address?
inline bool is_errno(long result) { return result < 0 && result >= -4095; }

/// For pointer arguments: raw_syscall(SYS_read, fd, arg(buffer), len).
inline long arg(const volatile void* pointer) { return reinterpret_cast<long>(pointer); }

}  // namespace alp
