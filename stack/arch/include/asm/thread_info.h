/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_THREAD_INFO_H
#define _ASM_ALPINE_THREAD_INFO_H
/*
 * thread_info lies at the low end of every kernel stack, and every instruction of the stack runs on a kernel stack
 * in the arena, so `current` needs no global variable: it follows from the stack pointer, in whichever host thread
 * and process that happens to be.
 *
 * 32 KiB: host signals are delivered on whatever stack is in use, and a frame with AVX-512 state takes several KiB.
 */
#include <linux/const.h>

#define THREAD_SIZE_ORDER 3
#define THREAD_SIZE (_AC(4096, UL) << THREAD_SIZE_ORDER)

#ifndef __ASSEMBLY__
#include <linux/types.h>
#include <asm/asm.h> /* current_stack_pointer */

struct task_struct;

struct thread_info {
	unsigned long flags;
	unsigned long syscall_work;
	struct task_struct *task;
	int preempt_count;
	u32 cpu;
};

#define INIT_THREAD_INFO(tsk)				\
{							\
	.task = &tsk,					\
	.preempt_count = INIT_PREEMPT_COUNT,		\
}

static inline struct thread_info *current_thread_info(void)
{
	return (struct thread_info *)(current_stack_pointer & ~(THREAD_SIZE - 1));
}
#endif

#define TIF_SYSCALL_TRACE 0
#define TIF_NOTIFY_RESUME 1
#define TIF_SIGPENDING 2
#define TIF_NEED_RESCHED 3
#define TIF_NOTIFY_SIGNAL 4
#define TIF_RESTORE_SIGMASK 5
#define TIF_MEMDIE 6
#define TIF_POLLING_NRFLAG 7
#define TIF_SYSCALL_AUDIT 8
#define TIF_SECCOMP 9
#define TIF_PROGRAM 10 /* carries a host thread (struct alpine_task) */
#define TIF_GONE 11 /* carried one: ALPINE_TASK_GONE */

#define _TIF_NOTIFY_RESUME (1 << TIF_NOTIFY_RESUME)
#define _TIF_SIGPENDING (1 << TIF_SIGPENDING)
#define _TIF_NEED_RESCHED (1 << TIF_NEED_RESCHED)
#define _TIF_NOTIFY_SIGNAL (1 << TIF_NOTIFY_SIGNAL)
#define _TIF_POLLING_NRFLAG (1 << TIF_POLLING_NRFLAG)
#define _TIF_GONE (1 << TIF_GONE)
#endif
