// SPDX-License-Identifier: GPL-2.0
/*
 * Signals that the stack raises for the program: SIGIO and its F_SETSIG relatives, SIGURG.
 *
 * Theory of operation
 * -------------------
 * Nothing inside the stack ever handles a signal: all of them are blocked in every task of the process, and so they
 * are queued and interrupt no call. (SIGPIPE is ignored instead, since the host side raises it by itself from EPIPE.)
 * What is queued is told to readers of signalfds, and the leader of the process is for ever among those who wait there.
 * Who takes the whole queue, the process's and that of each thread (F_OWNER_TID), hands every signal to the host, which
 * delivers it as it delivers any other: to whichever thread of the program wants it. A call whose own work raised the
 * signal does so before it returns, so that send() of urgent data over lo leaves SIGURG pending as it does in Linux;
 * what comes from elsewhere is the leader's.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <asm/alpine.h>

void alpine_hold_signals(void)
{
	sigset_t held;

	ignore_signals(current);
	sigfillset(&held);
	sigdelset(&held, SIGPIPE);
	set_current_blocked(&held);
}

static void raise_one(const kernel_siginfo_t *info, u64 thread)
{
	siginfo_t external;

	copy_siginfo_to_external(&external, info);
	host_ops()->raise(&external, current->thread.host.group->process, thread);
}

/* Signals whose details had no memory, and SIGKILL, which never has any. */
static void raise_without_details(sigset_t *numbers, u64 thread)
{
	kernel_siginfo_t info;
	int number;

	for (number = 1; number < _NSIG; number++) {
		if (!sigismember(numbers, number))
			continue;
		clear_siginfo(&info);
		info.si_signo = number;
		info.si_code = SI_KERNEL;
		raise_one(&info, thread);
	}
}

/* Takes all that is queued in `pending`, of the process or of one thread, and hands it on. */
static void raise_all(struct sigpending *pending, u64 thread)
{
	struct sigpending taken;
	struct sigqueue *q;

	spin_lock_irq(&current->sighand->siglock);
	taken.signal = pending->signal;
	sigemptyset(&pending->signal);
	INIT_LIST_HEAD(&taken.list);
	list_splice_init(&pending->list, &taken.list);
	spin_unlock_irq(&current->sighand->siglock);

	list_for_each_entry(q, &taken.list, list) {
		sigdelset(&taken.signal, q->info.si_signo);
		raise_one(&q->info, thread);
	}
	raise_without_details(&taken.signal, thread);
	flush_sigqueue(&taken);
}

/* In the place of a reader of a signalfd; the queue's lock is held. */
static int note_signal(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	struct task_struct *leader = entry->private;

	WRITE_ONCE(leader->thread.host.signals_queued, 1);
	return wake_up_process(leader);
}

/* By the leader of a process, once. `watch` stays on the queue until the process ends. */
void alpine_watch_signals(struct wait_queue_entry *watch)
{
	init_waitqueue_func_entry(watch, note_signal);
	watch->private = current;
	add_wait_queue(&current->sighand->signalfd_wqh, watch);
}

static bool has_signals(struct sigpending *pending)
{
	return !sigisemptyset(&pending->signal);
}

/* By any task of the process. */
void alpine_raise_signals(void)
{
	struct task_struct *thread;

	WRITE_ONCE(current->thread.host.group->signals_queued, 0);
	if (has_signals(&current->signal->shared_pending))
		raise_all(&current->signal->shared_pending, 0);
	rcu_read_lock();
	for_each_thread(current, thread) {
		if (has_signals(&thread->pending))
			raise_all(&thread->pending, thread->thread.host.owner);
	}
	rcu_read_unlock();
}

long alpine_task_of_thread(u64 owner)
{
	struct task_struct *process, *thread;
	long pid = -ESRCH;

	rcu_read_lock();
	for_each_process_thread(process, thread) {
		if (owner && thread->thread.host.owner == owner)
			pid = task_pid_vnr(thread);
	}
	rcu_read_unlock();
	return pid;
}

long alpine_thread_of_task(pid_t pid)
{
	struct task_struct *thread;
	long owner = 0;

	rcu_read_lock();
	thread = find_task_by_vpid(pid);
	if (thread)
		owner = thread->thread.host.owner;
	rcu_read_unlock();
	return owner ? owner : -ESRCH;
}

/* What stands for the process on the host. */
static u32 process_on_host(const struct task_struct *leader)
{
	const struct alpine_task *group = leader->thread.host.group;

	return group == &leader->thread.host ? group->process : 0;
}

long alpine_task_of_process(u32 process)
{
	struct task_struct *leader;
	long pid = -ESRCH;

	rcu_read_lock();
	for_each_process(leader) {
		if (process && process_on_host(leader) == process)
			pid = task_pid_vnr(leader);
	}
	rcu_read_unlock();
	return pid;
}

long alpine_process_of_task(pid_t pid)
{
	struct task_struct *leader;
	long process = 0;

	rcu_read_lock();
	leader = find_task_by_vpid(pid);
	if (leader)
		process = process_on_host(leader);
	rcu_read_unlock();
	return process ? process : -ESRCH;
}
