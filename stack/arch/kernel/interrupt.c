// SPDX-License-Identifier: GPL-2.0
/* Interrupts: bits that anyone sets at any time, and that the CPU serves where it lets interrupts in. */
#include <linux/hardirq.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/seq_file.h>
#include <asm/alpine.h>
#include <asm/irq_regs.h>

/* Called with the interrupt flag set and something pending. */
void alpine_serve_interrupts(void)
{
	static struct pt_regs no_regs;
	struct pt_regs *old_regs;
	u32 pending;

	alpine_irq_flag = ARCH_IRQ_DISABLED;
	old_regs = set_irq_regs(&no_regs);
	irq_enter();
	while ((pending = xchg(&alpine_cpu.pending, 0))) {
		if (pending & ALPINE_IRQ_TIMER)
			alpine_timer_interrupt();
		if (pending & ALPINE_IRQ_WIRE)
			alpine_wire_interrupt();
	}
	irq_exit();
	set_irq_regs(old_regs);
	alpine_irq_flag = ARCH_IRQ_ENABLED;
}
EXPORT_SYMBOL(alpine_serve_interrupts);
EXPORT_SYMBOL(alpine_irq_flag);
EXPORT_SYMBOL(alpine_cpu);

/* A loop that waits for something an interrupt brings: bring it. */
void cpu_relax(void)
{
	alpine_poll_timer();
	if (alpine_irq_flag && READ_ONCE(alpine_cpu.pending))
		alpine_serve_interrupts();
	barrier();
}
EXPORT_SYMBOL(cpu_relax);

/* /proc/interrupts: there are no lines to show. */
int show_interrupts(struct seq_file *file, void *v)
{
	return 0;
}

void __init init_IRQ(void)
{
}
