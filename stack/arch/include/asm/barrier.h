/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_BARRIER_H
#define _ASM_ALPINE_BARRIER_H
/* UP: the token orders CPUs, the compiler must not reorder. There are no devices. */
#define mb() barrier()
#define rmb() barrier()
#define wmb() barrier()
#include <asm-generic/barrier.h>
#endif
