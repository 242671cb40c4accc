/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_SYSCALLS_H
#define _ASM_ALPINE_SYSCALLS_H
#include <asm-generic/syscalls.h>
#endif
