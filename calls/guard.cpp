// SPDX-License-Identifier: GPL-2.0
#include "calls/guard.h"

#include <ucontext.h>

#include <cstdint>

namespace alp::calls {

extern "C" {
long alpine_guarded_copy(void* to, const void* from, std::size_t len) __attribute__((visibility("hidden")));
long alpine_guarded_string(char* to, const char* from, std::size_t room) __attribute__((visibility("hidden")));
extern const char alpine_guard_start[] __attribute__((visibility("hidden")));
extern const char alpine_guard_end[] __attribute__((visibility("hidden")));
extern const char alpine_guard_failed[] __attribute__((visibility("hidden")));
}

// Both are leaf functions without a frame, so that a fault anywhere between start and end can go on at `failed`, which
// returns to their caller. What is short goes by words: rep movsb takes some 10 ns before it begins. -14 is -EFAULT,
// which is no length, and -36 is -ENAMETOOLONG.
asm(R"(
    .text
    .globl alpine_guarded_copy, alpine_guarded_string
    .hidden alpine_guarded_copy, alpine_guarded_string
    .type alpine_guarded_copy, @function
    .type alpine_guarded_string, @function
    .globl alpine_guard_start, alpine_guard_end, alpine_guard_failed
    .hidden alpine_guard_start, alpine_guard_end, alpine_guard_failed
alpine_guard_start:
alpine_guarded_copy:
    .cfi_startproc
    mov %rdx, %rcx
    test $7, %edx
    jne 3f
    cmp $128, %rdx
    ja 3f
    shr $3, %rcx
    je 2f
1:  mov (%rsi), %rax
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdi
    dec %rcx
    jne 1b
2:  mov $1, %eax
    ret
3:  rep movsb
    mov $1, %eax
    ret
    .cfi_endproc
alpine_guarded_string:
    .cfi_startproc
    xor %ecx, %ecx
1:  cmp %rdx, %rcx
    jae 2f
    mov (%rsi,%rcx), %al
    mov %al, (%rdi,%rcx)
    test %al, %al
    je 3f
    inc %rcx
    jmp 1b
2:  mov $-36, %rax
    ret
3:  mov %rcx, %rax
    ret
    .cfi_endproc
alpine_guard_end:
alpine_guard_failed:
    mov $-14, %rax
    ret
)");

bool guarded_copy(void* to, const void* from, std::size_t len) { return alpine_guarded_copy(to, from, len) == 1; }

long guarded_string(char* to, const char* from, std::size_t room) { return alpine_guarded_string(to, from, room); }

bool end_guarded_access(void* context) {
    auto& ip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    const auto at = reinterpret_cast<const char*>(ip);
    if (at < alpine_guard_start || at >= alpine_guard_end) {
        return false;
    }
    ip = reinterpret_cast<greg_t>(alpine_guard_failed);
    return true;
}

}  // namespace alp::calls
