/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_ALTERNATIVE_H
#define _ASM_ALPINE_ALTERNATIVE_H
/*
 * One CPU, and whoever runs it holds the token: taking the token orders everything before it. So atomics need to be
 * single instructions (a gdb or a dying process never sees half of one), but not locked ones, just as on a UP x86.
 * Words that host threads touch without the token (alpine_cpu.pending, alpine_task.turn) are handled with real
 * locked atomics where they are used.
 */
#include <asm/asm.h>

#define LOCK_PREFIX_HERE ""
#define LOCK_PREFIX ""
#define ALTERNATIVE(oldinstr, newinstr, feature) oldinstr
#endif
