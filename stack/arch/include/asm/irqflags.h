/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_IRQFLAGS_H
#define _ASM_ALPINE_IRQFLAGS_H
/*
 * The interrupt flag of the one CPU is a variable in the arena. Interrupts are bits in alpine_cpu.pending, looked at
 * where the flag is set. Its value belongs to the context that runs: every switch leaves it to be restored by the
 * code that resumes, which is what the scheduler and the idle loop do anyway.
 */
#include <linux/compiler.h>
#include <alpine/stack.h>

extern unsigned long alpine_irq_flag;
extern struct alpine_cpu alpine_cpu;
extern void alpine_serve_interrupts(void);

#define ARCH_IRQ_ENABLED 1UL
#define ARCH_IRQ_DISABLED 0UL

static inline unsigned long arch_local_save_flags(void)
{
	return READ_ONCE(alpine_irq_flag);
}
#define arch_local_save_flags arch_local_save_flags

static inline void arch_local_irq_restore(unsigned long flags)
{
	barrier();
	WRITE_ONCE(alpine_irq_flag, flags);
	if (flags && unlikely(READ_ONCE(alpine_cpu.pending)))
		alpine_serve_interrupts();
	barrier();
}
#define arch_local_irq_restore arch_local_irq_restore

#include <asm-generic/irqflags.h>
#endif
