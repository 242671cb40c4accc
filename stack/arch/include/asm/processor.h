/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_PROCESSOR_H
#define _ASM_ALPINE_PROCESSOR_H
#include <asm/ptrace.h>
#include <alpine/stack.h>

struct task_struct;

struct thread_struct {
	unsigned long sp;        /* saved stack pointer while switched out */
	struct alpine_task host; /* the host thread that this task belongs to, if any */
};
#define INIT_THREAD { .sp = 0 }

/* Without an MMU every address is fair; a bad one is caught when it is touched (see uaccess.h). */
#define TASK_SIZE 0x7ffffffff000UL
#define TASK_UNMAPPED_BASE 0UL

#define task_pt_regs(tsk) \
	((struct pt_regs *)((unsigned long)task_stack_page(tsk) + THREAD_SIZE - 64))
#define KSTK_EIP(tsk) (0UL)
#define KSTK_ESP(tsk) (0UL)

static inline unsigned long __get_wchan(struct task_struct *p)
{
	return 0;
}

static inline void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp)
{
}

/* A loop that waits for time to pass or for an interrupt must see it come: nothing else lets it in. */
void cpu_relax(void);
#endif
