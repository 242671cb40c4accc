// SPDX-License-Identifier: GPL-2.0
// syscall(2), libc's function for system calls by number.
//
// Numbers that Alpine takes over go through the table; all others to the host. Calls that come back on another stack,
// or twice on the same (clone, vfork), must not run inside a C function's frame: the assembly makes those itself.
#include "calls/entry.h"
#include "calls/process.h"
#include "calls/table.h"

namespace alp::calls {

/// Makes the call. The answer as syscall(2) gives it.
extern "C" __attribute__((visibility("hidden"))) long alpine_syscall_by_number(long number, long a, long b, long c,
                                                                               long d, long e, long f) {
    return answer<long>(is_clone(number) ? clone_call(number, a, b, c, d, e)
                                         : call_by_number(number, a, b, c, d, e, f));
}

extern "C" __attribute__((visibility("hidden"))) long alpine_syscall_error(long error) { return answer<long>(error); }

// rt_sigreturn (15), vfork (58), and clone (56) and clone3 (435) with a stack or with shared memory are made in place,
// without a frame. A child made so does not share the stack, unless it is a thread.
asm(R"(
    .text
    .globl syscall
    .type syscall, @function
syscall:
    .cfi_startproc
    cmp $15, %rdi
    je 1f
    cmp $435, %rdi
    je 3f
    cmp $58, %rdi
    je 1f
    cmp $56, %rdi
    jne alpine_syscall_by_number
    test $0x100, %esi
    jne 1f
    test %rdx, %rdx
    je alpine_syscall_by_number
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
3:  cmp $64, %rdx                   /* struct clone_args: CLONE_VM of flags, stack */
    jb 1b
    test %rsi, %rsi
    je 1b
    testl $0x100, (%rsi)
    jne 1b
    cmpq $0, 40(%rsi)
    jne 1b
    jmp alpine_syscall_by_number
    .cfi_endproc
    .size syscall, .-syscall
)");

}  // namespace alp::calls
