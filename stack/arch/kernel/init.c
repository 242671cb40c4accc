// SPDX-License-Identifier: GPL-2.0
/*
 * The stack's init. The kernel ends its boot by executing /init; here that is a file of a few bytes that our own
 * binary format recognises. Loading it gives pid 1 a user-mode task's standing (an mm, no PF_KTHREAD) without any
 * program, mounts proc and sysfs, and starts the first process.
 */
#include <linux/binfmts.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/init_syscalls.h>
#include <linux/oom.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include <asm/alpine.h>

static const char init_file[] = "#alpine-init\n";

static void mount_pseudo_filesystems(void)
{
	init_mkdir("/proc", 0555);
	init_mkdir("/sys", 0555);
	init_mount("proc", "/proc", "proc", 0, NULL);
	init_mount("sysfs", "/sys", "sysfs", 0, NULL);
}

static int load_init(struct linux_binprm *bprm);

static struct linux_binfmt init_format = {
	.load_binary = load_init,
};

static int load_init(struct linux_binprm *bprm)
{
	int err;

	if (memcmp(bprm->buf, init_file, sizeof(init_file) - 1))
		return -ENOEXEC;
	err = begin_new_exec(bprm);
	if (err)
		return err;
	setup_new_exec(bprm);
	set_binfmt(&init_format);
	finalize_exec(bprm);
	kernel_sigaction(SIGCHLD, SIG_IGN); /* processes whose parent has ended: they leave nothing */
	return user_mode_thread(alpine_first_group, NULL, SIGCHLD) < 0 ? -ENOMEM : 0;
}

/* Echo sockets (SOCK_DGRAM, IPPROTO_ICMP) are everybody's, as systemd has it: who may use this stack is settled. */
static void open_ping_sockets(void)
{
	struct ping_group_range *groups = &init_net.ipv4.ping_group_range;

	write_seqlock(&groups->lock);
	groups->range[0] = KGIDT_INIT(0);
	groups->range[1] = KGIDT_INIT(INT_MAX);
	write_sequnlock(&groups->lock);
}

static int __init make_init(void)
{
	struct file *file = filp_open("/init", O_CREAT | O_WRONLY, 0700);
	loff_t pos = 0;
	ssize_t written;

	if (IS_ERR(file))
		return PTR_ERR(file);
	written = kernel_write(file, init_file, sizeof(init_file) - 1, &pos);
	__fput_sync(file); /* a delayed fput would leave the file open for writing at its execution: ETXTBSY */
	if (written < 0)
		return written;
	mount_pseudo_filesystems();
	open_ping_sockets();
	/* There is nobody to kill but the program itself: a call that finds no memory is to say so (ENOMEM, ENOBUFS). */
	oom_killer_disable(MAX_SCHEDULE_TIMEOUT);
	register_binfmt(&init_format);
	return 0;
}
late_initcall(make_init);
