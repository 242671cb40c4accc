// SPDX-License-Identifier: GPL-2.0
/* Nobody is traced inside the stack: debuggers work on the host's process that carries it. */
#include <linux/errno.h>
#include <linux/ptrace.h>

long arch_ptrace(struct task_struct *child, long request, unsigned long addr, unsigned long data)
{
	return -EIO;
}

void ptrace_disable(struct task_struct *child)
{
}
