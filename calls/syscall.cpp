// SPDX-License-Identifier: GPL-2.0
// syscall(2), libc's function for system calls by number.
//
// Numbers that Alpine takes over go through the table; all others to the host. Calls that come back twice, or on
// another stack (clone, vfork), must not run inside a C function's frame: the assembly makes those itself.
#include "calls/entry.h"
#include "calls/table.h"

namespace alp::calls {

/// Makes the call. The answer as syscall(2) gives it.
extern "C" __attribute__((visibility("hidden"))) long alpine_syscall_by_number(long number, long a, long b, long c,
                                                                               long d, long e, long f) {
    return answer<long>(call_by_number(number, a, b, c, d, e, f));
}

extern "C" __attribute__((visibility("hidden"))) long alpine_syscall_error(long error) { return answer<long>(error); }

// vfork, clone, fork, clone3 and rt_sigreturn are made in place, without a frame: 15, 56, 57, 58, 435.
asm(R"(
    .text
    .globl syscall
    .type syscall, @function
syscall:
    .cfi_startproc
    cmp $15, %rdi
    je 1f
    cmp $435, %rdi
    je 1f
    lea -56(%rdi), %rax
    cmp $2, %rax
    ja alpine_syscall_by_number
1:  mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    )" ALPINE_OWN_SYSCALL R"(
    cmp $-4095, %rax
    jae 2f
    ret
2:  mov %rax, %rdi
    jmp alpine_syscall_error
    .cfi_endproc
    .size syscall, .-syscall
)");

}  // namespace alp::calls
