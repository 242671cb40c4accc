/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of arch/alpine share with each other. */
#ifndef _ASM_ALPINE_H
#define _ASM_ALPINE_H

#include <linux/sched.h>
#include <alpine/stack.h>

/* switch.S */
int alpine_resume(void);
void alpine_suspend(int reason);
void alpine_call_frame(struct alpine_task *self);
void alpine_task_start(void);
void alpine_boot_start(void);
extern unsigned long alpine_context;
extern struct task_struct *alpine_last;

/* task.c */
void alpine_user_mode(void);
void alpine_take_requests(void);
int alpine_first_group(void *unused);
long alpine_fork(void);

/* calls.c: one call of the program, on its kernel stack */
void alpine_call(struct alpine_task *self);
long alpine_private_call(long number, const s64 *args);

/* signal.c */
struct wait_queue_entry;
void alpine_hold_signals(void);
void alpine_watch_signals(struct wait_queue_entry *watch);
void alpine_raise_signals(void);
long alpine_task_of_thread(u64 owner);
long alpine_thread_of_task(pid_t pid);
long alpine_task_of_process(u32 process);
long alpine_process_of_task(pid_t pid);

/* ports.c */
long alpine_port_in_use(int protocol, unsigned short port);
long alpine_orphans(void);
long alpine_choose_port(int fd);
long alpine_take_port(int fd, int port);
long alpine_give_port_back(int fd);
long alpine_local_port(int fd);

/* packet_map.c */
struct alpine_packet_map;
long alpine_packet_map(int fd, struct alpine_packet_map __user *to);
long alpine_packet_block(int handle, u32 index);
long alpine_packet_unmap(int handle);

/* passing.c */
long alpine_open_descriptors(unsigned int from, u8 __user *to, size_t bytes);
long alpine_hold(int fd);
long alpine_take_held(int handle, int fd, int flags);
long alpine_let_go(int handle);
long alpine_take_from(pid_t process, unsigned int fd, int to);

/* groups.c */
struct alpine_group_option;
long alpine_group_option(int fd, unsigned int index, struct alpine_group_option __user *to);

/* pinning.c */
long alpine_setsockopt(long fd, long level, long name, long value, long len, long unused);

/* syscall_table.c */
typedef long (*alpine_syscall_fn)(long, long, long, long, long, long);
extern const alpine_syscall_fn alpine_syscalls[];

/* setup.c */
void alpine_prepare(const struct alpine_boot *boot);

/* traps.c */
u64 alpine_fixup(u64 ip);
void alpine_oops(u64 ip, u64 sp, u64 address, const char *what);

/* time.c */
void alpine_timer_interrupt(void);
void alpine_poll_timer(void);

/* drivers/alp0.c */
void alpine_wire_interrupt(void);

/* drivers/local.c */
struct net_device;
struct sk_buff;
bool alpine_enters_lo(struct sk_buff *skb);
int alpine_share_host(struct net_device *wire);

static inline const struct alpine_host_ops *host_ops(void)
{
	return ALPINE_PROCESS->ops;
}

#define task_of(host_task) container_of(host_task, struct task_struct, thread.host)

#endif
