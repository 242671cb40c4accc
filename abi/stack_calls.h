/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls of the stack that no Linux kernel has: what the pseudo-system-call layer (calls/) needs to keep a
 * program's descriptor numbers and the stack's descriptor numbers the same. They are made like any other stack
 * call, with numbers above every x86-64 call number. Included by the stack's arch folder (C) and by calls/ (C++).
 */
#ifndef ALPINE_ABI_STACK_CALLS_H
#define ALPINE_ABI_STACK_CALLS_H

#include "stack.h"

#define ALPINE_NR_BASE 0x10000

/*
 * (fd, family, type|SOCK_CLOEXEC|SOCK_NONBLOCK, protocol, user): socket(2), but the new socket gets descriptor `fd`
 * in the stack's table, replacing whatever was there, and is `user`'s (who may do what is not decided by that: inside
 * the stack all are root). Returns fd or -errno.
 */
#define ALPINE_NR_socket_at (ALPINE_NR_BASE + 0)

/*
 * (listening fd, new fd, sockaddr *, socklen_t *, flags, user): accept4(2), but the connection gets descriptor `new fd`
 * and is `user`'s. Blocks as accept4 does. On error `new fd` is left empty. Returns new fd or -errno.
 */
#define ALPINE_NR_accept_at (ALPINE_NR_BASE + 1)

/*
 * (fd, flags): epoll_create1(2) at descriptor `fd`. Returns fd or -errno.
 */
#define ALPINE_NR_epoll_at (ALPINE_NR_BASE + 2)

/*
 * (fd0, fd1, family, type, protocol): socketpair(2) at the two given descriptors. Returns 0 or -errno.
 */
#define ALPINE_NR_socketpair_at (ALPINE_NR_BASE + 3)

/*
 * (protocol, port in host order): is any socket of the stack (also one in TIME_WAIT, FIN_WAIT or otherwise
 * orphaned) still bound to this local port? 1, 0 or -EPROTONOSUPPORT. Used to give a claim back at the right time.
 */
#define ALPINE_NR_port_in_use (ALPINE_NR_BASE + 4)

/*
 * (): number of TCP sockets that no descriptor holds and that still have data, a FIN or an answer outstanding
 * (FIN_WAIT1, FIN_WAIT2, CLOSING, LAST_ACK). A process drains these before it exits.
 */
#define ALPINE_NR_orphans (ALPINE_NR_BASE + 5)

/*
 * (): the calling thread's task leaves the stack. Made by the stack library (stack/host) only.
 */
#define ALPINE_NR_exit_thread (ALPINE_NR_BASE + 6)

/*
 * (host thread id): id, inside the stack, of the task that belongs to this thread of any process of the family; what
 * F_SETOWN_EX with F_OWNER_TID is to be given.
 * -ESRCH: no such thread, or one that has made no call yet.
 */
#define ALPINE_NR_task_of_thread (ALPINE_NR_BASE + 7)

/* (task id): the way back, the host thread id of a task, or -ESRCH. */
#define ALPINE_NR_thread_of_task (ALPINE_NR_BASE + 8)

/*
 * (packet socket fd, struct alpine_packet_map *): the first half of mmap(2) of a packet socket's rings (PACKET_MMAP).
 * Holds the rings as a mapping does: until ALPINE_NR_packet_unmap their memory stays, also after the socket is
 * closed, and PACKET_RX_RING and PACKET_TX_RING answer EBUSY. Fills the structure; returns the length in bytes of
 * the whole mapping (rx ring, then tx ring), which mmap's length must equal and whose offset must be 0. -ENODEV: not
 * a packet socket; -EINVAL: it has no ring.
 */
#define ALPINE_NR_packet_map (ALPINE_NR_BASE + 9)

/*
 * (handle, index): address in the arena of a block of the held rings, counted through the rx ring and then the tx
 * ring. The arena is a shared mapping: mremap(address, 0, block_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, where) maps the
 * block once more. -EINVAL: there is no such block; -EBADF: no such handle.
 */
#define ALPINE_NR_packet_block (ALPINE_NR_BASE + 10)

/* (handle): the mapping is gone. 0 or -EBADF. */
#define ALPINE_NR_packet_unmap (ALPINE_NR_BASE + 11)

/*
 * (fd, folder, path, flags, mode): openat(2), but the file gets descriptor `fd`. Returns fd or -errno.
 */
#define ALPINE_NR_open_at (ALPINE_NR_BASE + 12)

/*
 * (fd): gives a socket without a port one, as the first connect or send does (also where IP_BIND_ADDRESS_NO_PORT left
 * the port for later). 0, -EADDRINUSE when there is none left, -EOPNOTSUPP for a protocol without ports.
 */
#define ALPINE_NR_choose_port (ALPINE_NR_BASE + 13)

/*
 * (fd): takes back a port that the stack chose (by bind(2) to port 0 or by the above) and that is not used yet.
 * 0; -EINVAL for a port that the program named; -EOPNOTSUPP where the protocol cannot.
 */
#define ALPINE_NR_give_port_back (ALPINE_NR_BASE + 14)

/*
 * (fd): the port, in host order, that the socket holds; 0 when it holds none, as once a connection has ended whose port
 * the stack had chosen (getsockname(2) still shows it then).
 */
#define ALPINE_NR_local_port (ALPINE_NR_BASE + 15)

/* (request, argument): ioctl(2) of a request about network devices (SIOCGIFINDEX...), for which any socket serves. */
#define ALPINE_NR_device_ioctl (ALPINE_NR_BASE + 16)

/*
 * (fd, port in host order): the same as ALPINE_NR_choose_port, with this port. -EADDRINUSE: the stack has something on it;
 * -ERANGE: the socket would not choose it (ip_local_port_range, IP_LOCAL_PORT_RANGE, reserved ports); -EISCONN: the socket
 * has a port.
 */
#define ALPINE_NR_take_port (ALPINE_NR_BASE + 17)

/*
 * (): what fork(2) does inside the stack: a process with a copy of the caller's descriptor table. It has no threads yet;
 * they are made when they make their first call. Returns the address of its leader's struct alpine_task.
 */
#define ALPINE_NR_fork (ALPINE_NR_BASE + 18)

/*
 * (from, bitmap, bytes): which descriptors of the calling process are open: bit i of the bitmap stands for `from` + i.
 * Returns one past the highest open descriptor of the table.
 */
#define ALPINE_NR_open_descriptors (ALPINE_NR_BASE + 19)

/*
 * (fd): keeps the open file behind `fd` for whoever takes it: a descriptor under way to another process of the family.
 * Returns a handle.
 */
#define ALPINE_NR_hold (ALPINE_NR_BASE + 20)

/* (handle, fd, flags): puts the file that is held at descriptor `fd` (O_CLOEXEC). It stays held. Returns fd or -EBADF. */
#define ALPINE_NR_take_held (ALPINE_NR_BASE + 21)

/* (handle): no longer holds it. 0 or -EBADF. */
#define ALPINE_NR_let_go (ALPINE_NR_BASE + 22)

/* (fd, command, attributes, bytes): bpf(2) with a command that makes a descriptor, which is `fd`. Returns fd or -errno. */
#define ALPINE_NR_bpf_at (ALPINE_NR_BASE + 23)

/*
 * (fd, index, struct alpine_group_option *): one of the options that join the multicast groups this socket is in. 0;
 * -ENOENT: there is none of that index.
 */
#define ALPINE_NR_group_option (ALPINE_NR_BASE + 24)

/* (host process id): id, inside the stack, of that process of the family, or -ESRCH. */
#define ALPINE_NR_task_of_process (ALPINE_NR_BASE + 25)

/* (id of a process inside the stack): the way back, or -ESRCH. */
#define ALPINE_NR_process_of_task (ALPINE_NR_BASE + 26)

/*
 * (id of a process inside the stack, fd, to): what pidfd_getfd(2) does: that process's open file behind `fd` gets descriptor
 * `to` here, close-on-exec. Returns `to`, -ESRCH or -EBADF.
 */
#define ALPINE_NR_take_from (ALPINE_NR_BASE + 27)

#define ALPINE_NR_END (ALPINE_NR_BASE + 28)

#ifndef __ASSEMBLY__
/* What ALPINE_NR_packet_map tells. A ring that the socket does not have has no blocks. */
struct alpine_packet_map {
	alp_s64 handle;
	alp_u32 rx_blocks;
	alp_u32 rx_block_bytes;
	alp_u32 tx_blocks;
	alp_u32 tx_block_bytes;
};
ALPINE_ASSERT_LAYOUT(sizeof(struct alpine_packet_map) == 24);

/* What ALPINE_NR_group_option tells: the arguments of a setsockopt(2). */
struct alpine_group_option {
	alp_u32 level;
	alp_u32 option;
	alp_u32 len;
	alp_u32 value[67];
};
ALPINE_ASSERT_LAYOUT(sizeof(struct alpine_group_option) == 280);
#endif

#endif
