// SPDX-License-Identifier: GPL-2.0
/* Faults, and the end of the stack: a readable word about why, then back to the host for good. */
#include <linux/cpu.h>
#include <linux/extable.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/sched/debug.h>
#include <linux/sched/task_stack.h>
#include <asm/alpine.h>

#define TRACE_LINES 24

u64 alpine_fixup(u64 ip)
{
	const struct exception_table_entry *e = search_exception_tables(ip);

	return e ? (u64)&e->fixup + e->fixup : 0;
}

/* Without frame pointers: every word on the stack that points into text may be a return address. */
void show_stack(struct task_struct *task, unsigned long *sp, const char *loglvl)
{
	unsigned long end;
	int lines = 0;

	if (!sp)
		sp = !task || task == current ? (unsigned long *)&end : (unsigned long *)task->thread.sp;
	end = ((unsigned long)sp | (THREAD_SIZE - 1)) & ~7UL;
	printk("%sCall trace (words on the stack that point into text):\n", loglvl);
	for (; (unsigned long)sp < end && lines < TRACE_LINES; sp++) {
		if (!__kernel_text_address(*sp))
			continue;
		printk("%s  %pS\n", loglvl, (void *)*sp);
		lines++;
	}
}

void alpine_oops(u64 ip, u64 sp, u64 address, const char *what)
{
	console_verbose();
	pr_emerg("Oops: %s at address %#llx\n", what, address);
	pr_emerg("IP: %pS, task %s/%d\n", (void *)ip, current->comm, current->pid);
	show_stack(current, (unsigned long *)sp, KERN_EMERG);
	panic("%s in %pS", what, (void *)ip);
}

static int on_panic(struct notifier_block *nb, unsigned long action, void *text)
{
	host_ops()->died(text);
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = {
	.notifier_call = on_panic,
};

void __init trap_init(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
}

void machine_restart(char *cmd)
{
	host_ops()->died("restart");
}

void machine_halt(void)
{
	host_ops()->died("halt");
}

void machine_power_off(void)
{
	host_ops()->died("power off");
}
