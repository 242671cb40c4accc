// SPDX-License-Identifier: GPL-2.0
// A system call by an instruction of the program's own.
#pragma once

/// As Go's runtime has it: any number, then the comparison with the range of errors. Answers as the kernel does.
static __attribute__((noinline)) long any_number(long number, long a, long b, long c) {
    long result = number;
    asm volatile(
        "syscall\n\t"
        "cmp $0xfffffffffffff001, %0\n\t"
        : "+a"(result)
        : "D"(a), "S"(b), "d"(c)
        : "rcx", "r11", "memory", "cc");
    return result;
}
