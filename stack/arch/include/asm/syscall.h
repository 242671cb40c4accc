/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_SYSCALL_H
#define _ASM_ALPINE_SYSCALL_H
#include <linux/sched.h>
#include <asm/ptrace.h>
#include <uapi/linux/audit.h>

static inline long syscall_get_nr(struct task_struct *task, struct pt_regs *regs)
{
	return task->thread.host.number;
}

static inline long syscall_get_error(struct task_struct *task, struct pt_regs *regs)
{
	long result = task->thread.host.result;

	return IS_ERR_VALUE(result) ? result : 0;
}

static inline long syscall_get_return_value(struct task_struct *task, struct pt_regs *regs)
{
	return task->thread.host.result;
}

static inline void syscall_get_arguments(struct task_struct *task, struct pt_regs *regs, unsigned long *args)
{
	int i;

	for (i = 0; i < 6; i++)
		args[i] = task->thread.host.args[i];
}

static inline int syscall_get_arch(struct task_struct *task)
{
	return AUDIT_ARCH_X86_64;
}
#endif
