// SPDX-License-Identifier: GPL-2.0
/*
 * A call of the program: Linux's own by number, or one of ours (alpine/stack_calls.h) that puts a new file at the
 * descriptor the program already has on the host.
 */
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/kernel.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/resume_user_mode.h>
#include <linux/sched/signal.h>
#include <linux/socket.h>
#include <linux/syscalls.h>
#include <net/sock.h>
#include <alpine/stack_calls.h>
#include <asm/alpine.h>
#include <asm/unistd.h>

/* Puts `file` at descriptor `fd` and consumes the caller's reference. Returns fd or -errno. */
static long install_at(struct file *file, unsigned int fd, int flags)
{
	long err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = replace_fd(fd, file, flags & O_CLOEXEC);
	fput(file);
	return err < 0 ? err : fd;
}

/* The file at `fd`, which is taken out of the table. */
static struct file *take_file(unsigned int fd)
{
	struct file *file = fget(fd);

	close_fd(fd);
	return file ? file : ERR_PTR(-EBADF);
}

/*
 * What the calling task makes from now on is this user's. The user of a file alone: capabilities and all other ids stay
 * root's.
 */
static int make_as(uid_t user)
{
	struct cred *cred;

	if (likely(uid_eq(current_fsuid(), KUIDT_INIT(user))))
		return 0;
	cred = prepare_creds();
	if (!cred)
		return -ENOMEM;
	cred->fsuid = KUIDT_INIT(user);
	return commit_creds(cred);
}

static long socket_at(int fd, int family, int type, int protocol, uid_t user)
{
	int err = make_as(user);

	if (err)
		return err;
	return install_at(__sys_socket_file(family, type, protocol), fd, type & SOCK_CLOEXEC);
}

static long accept_at(int listener, int fd, void __user *address, int __user *address_len, int flags,
		      uid_t user)
{
	struct proto_accept_arg arg = { };
	struct file *file;
	struct file *accepted;
	int err;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = make_as(user);
	if (err)
		return err;
	file = fget(listener);
	if (!file)
		return -EBADF;
	accepted = do_accept(file, &arg, address, address_len, flags);
	fput(file);
	return install_at(accepted, fd, flags);
}

static long epoll_at(int fd, int flags)
{
	long made = alpine_syscalls[__NR_epoll_create1](flags, 0, 0, 0, 0, 0);

	return made < 0 ? made : install_at(take_file(made), fd, flags);
}

static long bpf_at(int fd, long command, long attributes, long bytes)
{
	long made = alpine_syscalls[__NR_bpf](command, attributes, bytes, 0, 0, 0);

	return made < 0 ? made : install_at(take_file(made), fd, O_CLOEXEC);
}

static struct file *open_file(int folder, struct filename *name, int flags, umode_t mode)
{
	struct file *root;
	struct file *file;

	if (folder == AT_FDCWD || name->name[0] == '/')
		return file_open_name(name, flags, mode);
	root = fget_raw(folder);
	if (!root)
		return ERR_PTR(-EBADF);
	file = file_open_root(&root->f_path, name->name, flags, mode);
	fput(root);
	return file;
}

static long open_at(int fd, int folder, const char __user *path, int flags, umode_t mode)
{
	struct filename *name = getname(path);
	struct file *file;

	if (IS_ERR(name))
		return PTR_ERR(name);
	file = open_file(folder, name, flags, mode);
	putname(name);
	return install_at(file, fd, flags);
}

static long socketpair_at(int fd0, int fd1, int family, int type, int protocol)
{
	int made[2];
	long err = __sys_socketpair(family, type, protocol, (int __force __user *)made);
	struct file *first, *second;

	if (err < 0)
		return err;
	first = take_file(made[0]);
	second = take_file(made[1]);
	err = install_at(first, fd0, type & SOCK_CLOEXEC);
	if (err < 0) {
		fput(second);
		return err;
	}
	err = install_at(second, fd1, type & SOCK_CLOEXEC);
	return err < 0 ? err : 0;
}

static long device_ioctl(unsigned int request, unsigned long argument)
{
	struct file *file = __sys_socket_file(AF_INET, SOCK_DGRAM, 0);
	long err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = vfs_ioctl(file, request, argument);
	fput(file);
	return err;
}

long alpine_private_call(long number, const s64 *args)
{
	switch (number) {
	case ALPINE_NR_socket_at:
		return socket_at(args[0], args[1], args[2], args[3], args[4]);
	case ALPINE_NR_accept_at:
		return accept_at(args[0], args[1], (void __user *)args[2], (int __user *)args[3], args[4],
				 args[5]);
	case ALPINE_NR_epoll_at:
		return epoll_at(args[0], args[1]);
	case ALPINE_NR_socketpair_at:
		return socketpair_at(args[0], args[1], args[2], args[3], args[4]);
	case ALPINE_NR_open_at:
		return open_at(args[0], args[1], (const char __user *)args[2], args[3], args[4]);
	case ALPINE_NR_port_in_use:
		return alpine_port_in_use(args[0], args[1]);
	case ALPINE_NR_orphans:
		return alpine_orphans();
	case ALPINE_NR_task_of_thread:
		return alpine_task_of_thread(args[0]);
	case ALPINE_NR_thread_of_task:
		return alpine_thread_of_task(args[0]);
	case ALPINE_NR_packet_map:
		return alpine_packet_map(args[0], (struct alpine_packet_map __user *)args[1]);
	case ALPINE_NR_packet_block:
		return alpine_packet_block(args[0], args[1]);
	case ALPINE_NR_packet_unmap:
		return alpine_packet_unmap(args[0]);
	case ALPINE_NR_choose_port:
		return alpine_choose_port(args[0]);
	case ALPINE_NR_take_port:
		return alpine_take_port(args[0], args[1]);
	case ALPINE_NR_give_port_back:
		return alpine_give_port_back(args[0]);
	case ALPINE_NR_local_port:
		return alpine_local_port(args[0]);
	case ALPINE_NR_device_ioctl:
		return device_ioctl(args[0], args[1]);
	case ALPINE_NR_fork:
		return alpine_fork();
	case ALPINE_NR_open_descriptors:
		return alpine_open_descriptors(args[0], (u8 __user *)args[1], args[2]);
	case ALPINE_NR_hold:
		return alpine_hold(args[0]);
	case ALPINE_NR_take_held:
		return alpine_take_held(args[0], args[1], args[2]);
	case ALPINE_NR_let_go:
		return alpine_let_go(args[0]);
	case ALPINE_NR_bpf_at:
		return bpf_at(args[0], args[1], args[2], args[3]);
	case ALPINE_NR_take_from:
		return alpine_take_from(args[0], args[1], args[2]);
	case ALPINE_NR_group_option:
		return alpine_group_option(args[0], args[1], (struct alpine_group_option __user *)args[2]);
	case ALPINE_NR_task_of_process:
		return alpine_task_of_process(args[0]);
	case ALPINE_NR_process_of_task:
		return alpine_process_of_task(args[0]);
	default:
		return -ENOSYS;
	}
}

static long dispatch(const struct alpine_task *self)
{
	const s64 *a = self->args;

	if (likely((u64)self->number < NR_syscalls))
		return alpine_syscalls[self->number](a[0], a[1], a[2], a[3], a[4], a[5]);
	return alpine_private_call(self->number, a);
}

/*
 * What Linux does on the way back to user mode. Signals are held (signal.c) and go to the host: the flag that one is
 * pending means an interrupt of the host's, or one that cannot be held.
 */
static void return_to_user(void)
{
	unsigned long flags = READ_ONCE(current_thread_info()->flags);

	if (unlikely(READ_ONCE(current->thread.host.group->signals_queued)))
		alpine_raise_signals();
	if (likely(!(flags & (_TIF_NOTIFY_RESUME | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL))))
		return;
	if (flags & _TIF_NOTIFY_SIGNAL)
		clear_notify_signal();
	if (flags & _TIF_SIGPENDING)
		clear_thread_flag(TIF_SIGPENDING);
	if (test_and_clear_thread_flag(TIF_NOTIFY_RESUME))
		resume_user_mode_work(NULL);
}

/* The program's thread has ended. From here on the task is nobody's, and any host thread may run its end. */
static void __noreturn leave_stack(struct alpine_task *self)
{
	self->wants_in = 0;
	self->owner = 0;
	do_exit(0);
}

void alpine_call(struct alpine_task *self)
{
	if (unlikely(self->number == ALPINE_NR_exit_thread))
		leave_stack(self);
	self->result = dispatch(self);
	return_to_user();
	restore_saved_sigmask();
}
