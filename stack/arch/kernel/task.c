// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks: fibers, and the program's threads among them.
 *
 * Theory of operation
 * -------------------
 * A kernel thread is a context on a kernel stack; whichever host thread runs the CPU runs it. A program thread's
 * task is the same with one difference: while it is in a call (wants_in), only its own host thread may run it.
 * Between calls it is "in user mode": its context is suspended in alpine_user_mode(), and if it is still the
 * scheduler's current task, the next call of the same thread costs two register switches and nothing else.
 *
 * Somebody else who wants the CPU while the current task is in user mode (another thread with a call, an interrupt
 * that made a task runnable) resumes that context all the same: it then steps aside, that is, sleeps until its own
 * thread wants in, and the scheduler goes on from there. Stepping aside touches nothing of the program's, so any
 * host thread may carry it out.
 *
 * New tasks for program threads are made by the manager, which also hands the process's signals to the host
 * (signal.c) and does nothing else: it is the thread group leader of the process, so that it does not matter which
 * program thread is blocked where.
 */
#include <linux/binfmts.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/signal.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/alpine.h>

#define PROGRAM_THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define MAX_DESCRIPTORS (1 << 20)

static struct task_struct *manager;
static bool spawn_wanted;

int copy_thread(struct task_struct *p, const struct kernel_clone_args *args)
{
	unsigned long *sp = (unsigned long *)task_pt_regs(p);

	memset(task_pt_regs(p), 0, sizeof(struct pt_regs));
	memset(&p->thread, 0, sizeof(p->thread));
	clear_ti_thread_flag(task_thread_info(p), TIF_PROGRAM);

	*--sp = (unsigned long)alpine_task_start;
	*--sp = 0;                              /* rbp */
	*--sp = (unsigned long)args->fn;        /* rbx */
	*--sp = (unsigned long)args->fn_arg;    /* r12 */
	*--sp = 0;                              /* r13 */
	*--sp = 0;                              /* r14 */
	*--sp = 0;                              /* r15 */
	p->thread.sp = (unsigned long)sp;
	return 0;
}

void flush_thread(void)
{
}

void show_regs(struct pt_regs *regs)
{
}

void arch_cpu_idle(void)
{
	alpine_suspend(ALPINE_IDLE);
	alpine_take_requests();
}

/* Sleeps until this task's thread wants in. `wants_in` is only ever set before the task is woken. */
static void step_aside(struct alpine_task *self)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (self->wants_in)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* What the resuming host thread asks for, unless it is a call of the task that is current already. */
void alpine_take_requests(void)
{
	struct alpine_task *enter = alpine_cpu.enter;
	u32 request = alpine_cpu.request;

	alpine_cpu.enter = NULL;
	alpine_cpu.request = ALPINE_REQUEST_NONE;
	if (enter)
		wake_up_process(task_of(enter));
	if (request == ALPINE_REQUEST_SPAWN) {
		spawn_wanted = true;
		wake_up_process(manager);
	} else if (request == ALPINE_REQUEST_INTERRUPT) {
		set_notify_signal(task_of(alpine_cpu.interrupt));
	}
}

static void program_thread(struct alpine_task *self)
{
	for (;;) {
		if (self->wants_in) {
			alpine_call_frame(self);
			self->wants_in = 0;
			if (need_resched())
				step_aside(self);
			continue;
		}
		alpine_suspend(ALPINE_DONE);
		if (READ_ONCE(alpine_cpu.pending))
			alpine_serve_interrupts();
		if (alpine_cpu.enter == self) {
			alpine_cpu.enter = NULL;
			continue;
		}
		/*
		 * Resumed by another thread than its own: that is the leader, and if this task stayed current the
		 * tick would go on for as long as its thread is away.
		 */
		alpine_take_requests();
		if (need_resched() || ALPINE_PROCESS->thread != self->owner)
			step_aside(self);
	}
}

/* Where a task goes that has returned from its kernel function. */
void alpine_user_mode(void)
{
	if (test_thread_flag(TIF_PROGRAM))
		program_thread(&current->thread.host);
	for (;;) { /* init: it has nothing to do but be there */
		set_current_state(TASK_IDLE);
		schedule();
	}
}

static int program_thread_start(void *owner)
{
	struct alpine_task *self = &current->thread.host;

	self->owner = (u64)owner;
	set_thread_flag(TIF_PROGRAM);
	alpine_cpu.spawned = self;
	return 0;
}

static void spawn_program_thread(void)
{
	struct kernel_clone_args args = {
		.flags = PROGRAM_THREAD_FLAGS,
		.fn = program_thread_start,
		.fn_arg = (void *)alpine_cpu.spawn_owner,
	};
	pid_t pid = kernel_clone(&args);

	if (pid < 0)
		alpine_cpu.spawn_error = pid;
}

/* The thread group leader of a process of the stack. */
int alpine_manager(void *unused)
{
	alpine_hold_signals();
	alpine_watch_signals();
	__close_range(0, ~0U, 0);
	current->signal->rlim[RLIMIT_NOFILE].rlim_cur = MAX_DESCRIPTORS;
	current->signal->rlim[RLIMIT_NOFILE].rlim_max = MAX_DESCRIPTORS;
	manager = current;
	alpine_cpu.booted = 1;

	for (;;) {
		set_current_state(TASK_IDLE);
		if (!spawn_wanted && !alpine_signals_queued)
			schedule();
		__set_current_state(TASK_RUNNING);
		if (alpine_signals_queued)
			alpine_raise_signals();
		if (spawn_wanted) {
			spawn_wanted = false;
			spawn_program_thread();
		}
	}
}
