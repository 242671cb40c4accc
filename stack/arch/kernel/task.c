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
 * New tasks for program threads are made by the leader of their process's thread group, which also hands the process's
 * signals to the host (signal.c) and does nothing else: so it does not matter which program thread is blocked where.
 *
 * The end of a process, in whatever way, is told by a host thread of another one, or by itself as its last act. All its
 * tasks are then marked TIF_GONE, and run to their end by whoever has the CPU; a call that is half done ends as by
 * SIGKILL, and can reach no program's memory on its way.
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

/* Sleeps until this task's thread wants in, or is gone. Both are only ever set before the task is woken. */
static void step_aside(struct alpine_task *self)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (self->wants_in || test_thread_flag(TIF_GONE))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* The host thread of `task` is no more. What it sleeps for inside a call ends as by a signal. */
static void mark_gone(struct task_struct *task)
{
	struct alpine_task *host = &task->thread.host;

	set_ti_thread_flag(task_thread_info(task), TIF_GONE);
	host->owner = 0;
	host->wants_in = 0;
	set_notify_signal(task);
	wake_up_process(task);
}

/* The program threads of a process are gone; with `leader`, the process is. */
static void mark_process_gone(struct alpine_task *group, bool leader)
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_thread(task_of(group), task) {
		if (leader || task != task_of(group))
			mark_gone(task);
	}
	rcu_read_unlock();
	if (leader)
		send_sig(SIGKILL, task_of(group), 1);
}

static void take_request(u32 request)
{
	struct alpine_task *group = alpine_cpu.group;

	switch (request) {
	case ALPINE_REQUEST_SPAWN:
		group->spawn_wanted = alpine_cpu.spawn_owner;
		wake_up_process(task_of(group));
		break;
	case ALPINE_REQUEST_INTERRUPT:
		set_notify_signal(task_of(alpine_cpu.interrupt));
		break;
	case ALPINE_REQUEST_END:
		mark_process_gone(group, true);
		break;
	case ALPINE_REQUEST_EXEC:
		mark_process_gone(group, false);
		break;
	}
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
	if (request != ALPINE_REQUEST_NONE)
		take_request(request);
}

static void program_thread(struct alpine_task *self)
{
	for (;;) {
		if (test_thread_flag(TIF_GONE))
			do_exit(0);
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

static void set_up(struct task_struct *task, struct alpine_task *group)
{
	task->thread.host.group = group;
	task->thread.host.flags = &task_thread_info(task)->flags;
}

static int program_thread_start(void *owner)
{
	struct alpine_task *self = &current->thread.host;

	set_up(current, &current->group_leader->thread.host);
	self->owner = (u64)owner;
	set_thread_flag(TIF_PROGRAM);
	alpine_cpu.spawned = self;
	return 0;
}

static void spawn_program_thread(u64 owner)
{
	struct kernel_clone_args args = {
		.flags = PROGRAM_THREAD_FLAGS,
		.fn = program_thread_start,
		.fn_arg = (void *)owner,
	};
	pid_t pid = kernel_clone(&args);

	if (pid < 0)
		alpine_cpu.spawn_error = pid;
}

/* What the leader of a process does until that ends. */
static void __noreturn lead_group(struct alpine_task *self)
{
	struct wait_queue_entry watch;

	alpine_watch_signals(&watch);
	self->signals_queued = 1; /* it may be one that came before this task first ran */
	for (;;) {
		set_current_state(TASK_IDLE);
		if (!self->spawn_wanted && !self->signals_queued && !test_thread_flag(TIF_GONE))
			schedule();
		__set_current_state(TASK_RUNNING);
		if (test_thread_flag(TIF_GONE))
			break;
		if (self->signals_queued)
			alpine_raise_signals();
		if (self->spawn_wanted) {
			u64 owner = self->spawn_wanted;

			self->spawn_wanted = 0;
			spawn_program_thread(owner);
		}
	}
	remove_wait_queue(&current->sighand->signalfd_wqh, &watch);
	do_exit(0);
}

/* The leader of the first process. */
int alpine_first_group(void *unused)
{
	alpine_hold_signals();
	__close_range(0, ~0U, 0);
	current->signal->rlim[RLIMIT_NOFILE].rlim_cur = MAX_DESCRIPTORS;
	current->signal->rlim[RLIMIT_NOFILE].rlim_max = MAX_DESCRIPTORS;
	set_up(current, &current->thread.host);
	alpine_cpu.group = &current->thread.host;
	alpine_cpu.booted = 1;
	lead_group(&current->thread.host);
}

static int forked_group(void *unused)
{
	lead_group(&current->thread.host);
}

/* A process with a copy of the caller's descriptors. That it holds its signals it has from the caller. */
long alpine_fork(void)
{
	struct kernel_clone_args args = {
		.flags = CLONE_VM,
		.exit_signal = SIGCHLD,
		.fn = forked_group,
	};
	pid_t pid = kernel_clone(&args);
	struct task_struct *leader;

	if (pid < 0)
		return pid;
	rcu_read_lock();
	leader = find_task_by_vpid(pid); /* it has not run yet: there is one CPU, and it is ours */
	set_up(leader, &leader->thread.host);
	rcu_read_unlock();
	return (long)&leader->thread.host;
}
