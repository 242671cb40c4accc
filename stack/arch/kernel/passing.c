// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors between processes of a family. The host carries a token of a descriptor (over exec, or by SCM_RIGHTS); here
 * are the open files themselves: which a process has, and those that are under way and belong to none.
 */
#include <linux/bitmap.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>
#include <asm/alpine.h>

static DEFINE_IDR(held); /* handle -> struct file */

long alpine_open_descriptors(unsigned int from, u8 __user *to, size_t bytes)
{
	unsigned int end, last, i;

	rcu_read_lock();
	end = files_fdtable(current->files)->max_fds;
	last = find_last_bit(files_fdtable(current->files)->open_fds, end);
	end = last < end ? last + 1 : 0;
	rcu_read_unlock();
	for (i = 0; i < bytes; i++) {
		unsigned int bit;
		u8 byte = 0;

		rcu_read_lock();
		for (bit = 0; bit < 8; bit++) {
			unsigned int fd = from + i * 8 + bit;

			if (fd < end && test_bit(fd, files_fdtable(current->files)->open_fds))
				byte |= 1 << bit;
		}
		rcu_read_unlock();
		if (put_user(byte, to + i))
			return -EFAULT;
	}
	return end;
}

long alpine_hold(int fd)
{
	struct file *file = fget(fd);
	int handle;

	if (!file)
		return -EBADF;
	handle = idr_alloc(&held, file, 1, 0, GFP_KERNEL);
	if (handle < 0)
		fput(file);
	return handle;
}

long alpine_take_held(int handle, int fd, int flags)
{
	struct file *file = idr_find(&held, handle);
	int err;

	if (!file)
		return -EBADF;
	err = replace_fd(fd, file, flags & O_CLOEXEC);
	return err < 0 ? err : fd;
}

long alpine_let_go(int handle)
{
	struct file *file = idr_remove(&held, handle);

	if (!file)
		return -EBADF;
	fput(file);
	return 0;
}

long alpine_take_from(pid_t process, unsigned int fd, int to)
{
	struct task_struct *leader = find_get_task_by_vpid(process);
	struct file *file;
	int err;

	if (!leader)
		return -ESRCH;
	file = fget_task(leader, fd);
	put_task_struct(leader);
	if (!file)
		return -EBADF;
	err = replace_fd(to, file, O_CLOEXEC);
	fput(file);
	return err < 0 ? err : to;
}
