/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam between a stack image (Linux plus arch/alpine) and the process that carries it.
 *
 * Theory of operation
 * -------------------
 * Three kinds of memory meet here:
 *
 *   the image    text and read-only data of the stack, linked for ALPINE_IMAGE_BASE;
 *   the arena    the image's writable data and, behind it, the stack's RAM: shared memory at one fixed address.
 *                `struct alpine_cpu` and every `struct alpine_task` live there. Nothing in the arena may point to
 *                memory outside image and arena;
 *   the process  one private page at ALPINE_PROCESS_ADDR: `struct alpine_process`. It holds what differs between
 *                processes that share an arena: the host operations and the stack pointer to go back to.
 *
 * Several processes may share an arena, as processes share a kernel: a family. To the stack each of them is a process
 * too: a thread group with a descriptor table of its own, whose leader (the "group" of alpine_task) runs no call.
 *
 * The stack has one CPU, and the CPU is a token: whichever host thread holds alpine_cpu.token may call resume(),
 * which switches from the host thread's stack to the stack's suspended context, in the arena. The context runs until
 * it has nothing more to do for this thread and comes back with a reason:
 *
 *   ALPINE_DONE     the CPU is in user mode of a task (perhaps not the caller's: look at wants_in);
 *   ALPINE_IDLE     the CPU is idle; alpine_cpu.next_event_ns says when it must run again at the latest;
 *   ALPINE_HANDOFF  the scheduler chose a task whose host thread is another one: alpine_cpu.handoff. The token
 *                   now belongs to that thread, which must be woken; the caller no longer holds it.
 *
 * A thread that wants a call made fills its task's call block, sets wants_in, stores the task in alpine_cpu.enter
 * and resumes. Interrupts are bits in alpine_cpu.pending, set by anyone at any time, served by whoever resumes.
 *
 * C and C++; x86-64 only.
 */
#ifndef ALPINE_ABI_STACK_H
#define ALPINE_ABI_STACK_H

/* Raise on every change of a structure or a meaning in this file. */
#define ALPINE_STACK_ABI_VERSION 6
#define ALPINE_STACK_MAGIC 0x414c5053 /* "ALPS" */

#define ALPINE_IMAGE_BASE 0x200000000000
#define ALPINE_PROCESS_ADDR 0x1ffffffff000

/* Offsets known to assembly code. */
#define ALPINE_PROCESS_HOST_SP 0

#ifndef __ASSEMBLY__

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/build_bug.h>
#define ALPINE_ASSERT_LAYOUT(cond) static_assert(cond)
struct iovec;
typedef u32 alp_u32;
typedef u64 alp_u64;
typedef s64 alp_s64;
#else
#include <stdint.h>
#include <sys/uio.h>
#include <assert.h>
#define ALPINE_ASSERT_LAYOUT(cond) static_assert(cond, #cond)
typedef uint32_t alp_u32;
typedef uint64_t alp_u64;
typedef int64_t alp_s64;
#endif

enum alpine_reason {
	ALPINE_DONE = 0,
	ALPINE_IDLE = 1,
	ALPINE_HANDOFF = 2,
	ALPINE_HALT = 3, /* the stack has died (panic) or was halted: never resume again */
};

/* Interrupts: bits of alpine_cpu.pending. */
#define ALPINE_IRQ_TIMER 1u /* next_event_ns has passed */
#define ALPINE_IRQ_WIRE 2u  /* the wire may have packets to read */

/* Values of alpine_task.turn, the word a parked host thread waits on. */
#define ALPINE_TURN_NONE 0u
#define ALPINE_TURN_RUN 1u       /* the token is yours: resume */
#define ALPINE_TURN_LEAD 2u      /* nobody watches the wire: you do */
#define ALPINE_TURN_INTERRUPT 4u /* flag beside the others: a signal came */
#define ALPINE_TURN_END 8u       /* flag beside the others: the stack has ended */

/* Values of alpine_task.wake_by: how its thread, waiting, is told that `turn` has changed. */
#define ALPINE_WAKE_FUTEX 0u /* by the futex `turn` */
#define ALPINE_WAKE_KICK 1u  /* it leads: by the kick, the event descriptor that all processes of the family have */
#define ALPINE_WAKE_BELL 2u  /* by a datagram to the abstract Unix address of alpine_task.bell */

/* Flag in alpine_task.flags: the host thread is no more. Whoever has the CPU runs the task, to its end, and what it
 * copies from or to the program's memory fails with EFAULT. */
#define ALPINE_TASK_GONE (1ul << 11)

/* One program thread, or the leader of a process, as both sides see it. In the arena, inside the task's thread_struct;
 * written under the token except for `turn`, which is atomic. */
struct alpine_task {
	alp_u32 turn;     /* futex word, see ALPINE_TURN_* */
	alp_u32 wants_in; /* from the start of a call until it has its result */
	alp_u64 owner;    /* host thread id (gettid) of the thread it belongs to; 0: nobody's */
	alp_s64 number;   /* the call: x86-64 number or ALPINE_NR_* */
	alp_s64 args[6];
	alp_s64 result;                 /* value or -errno (also -ERESTART*) */
	struct alpine_task *next_parked; /* list of blocked threads, kept by the host side under the token */
	alp_u32 parked;                 /* on that list */
	alp_u32 wake_by;                /* ALPINE_WAKE_* */
	alp_u32 at_token;               /* waiting for the token: to be woken there too when it gets its turn */
	alp_u32 signals_queued;         /* of a group: it has signals to raise */
	alp_u64 bell;                   /* name of the address for ALPINE_WAKE_BELL; 0: none */
	struct alpine_task *group;      /* the leader of its process; its own for that leader */
	alp_u64 process;                /* of a group: host process id, for signals */
	unsigned long *flags;           /* the task's flags, with ALPINE_TASK_GONE */
	alp_u32 spawn_wanted;           /* of a group: the host thread that it is to make a task for; 0: none */
	alp_u32 unused;
};
ALPINE_ASSERT_LAYOUT(sizeof(struct alpine_task) == 144);

/* What a host thread may ask of the stack besides a call; alpine_cpu.request. */
enum alpine_request {
	ALPINE_REQUEST_NONE = 0,
	ALPINE_REQUEST_SPAWN = 1,     /* make a task in process .group for host thread .spawn_owner; answer in .spawned,
				       * .spawn_error */
	ALPINE_REQUEST_INTERRUPT = 2, /* end the blocked call of alpine_cpu.interrupt as a signal would */
	ALPINE_REQUEST_END = 3,       /* process .group has ended: its tasks and descriptors go */
	ALPINE_REQUEST_EXEC = 4,      /* process .group runs another program: its threads are gone, its descriptors stay */
};

/* The CPU. One per arena. */
struct alpine_cpu {
	alp_u32 token;   /* futex word: see stack/host/token.h */
	alp_u32 pending; /* ALPINE_IRQ_*, atomic */
	alp_u64 next_event_ns; /* CLOCK_MONOTONIC; ~0: none */
	struct alpine_task *enter;   /* in: this task's thread wants to make a call */
	struct alpine_task *handoff; /* out, with ALPINE_HANDOFF; the host side clears it when its thread has the token */
	alp_u32 request;             /* in: enum alpine_request */
	alp_u32 booted;              /* out: calls can be made */
	struct alpine_task *group;   /* in: the process that a request is about; out, once booted: the first process */
	alp_u64 spawn_owner;
	struct alpine_task *spawned; /* out: the new task */
	alp_s64 spawn_error;         /* out: why there is none, -errno; 0: not known yet */
	struct alpine_task *interrupt;
	/* Host side from here on. */
	struct alpine_task *parked; /* threads blocked in calls and waiting on their `turn` */
	alp_u64 leader;             /* thread id of the one waiting on wire and timer; 0 none */
	struct alpine_task *leader_group; /* the process of a leader that is a program's thread */
	alp_u64 leader_deadline_ns; /* until when the leader will sleep */
	alp_u64 keeper;             /* thread id of the family's active keeper; 0 none */
	alp_u32 keeper_asleep;      /* futex word: 1 while it sleeps until called */
	alp_u32 spawn_lock;         /* futex word of a token of its own: one spawn at a time */
	alp_u32 running;            /* the token's holder is inside resume(): were it to die, the data were half changed */
	alp_u32 ended;              /* the stack has ended: never resume again */
};
ALPINE_ASSERT_LAYOUT(sizeof(struct alpine_cpu) == 136);

/*
 * Operations of the host, called on a stack in the arena with little of it to spare: raw system calls only, no
 * allocation, no libc locks. All return at once.
 */
struct alpine_host_ops {
	alp_u64 (*monotonic_ns)(void);
	alp_u64 (*realtime_ns)(void);
	void (*random)(void *buffer, alp_u64 len_bytes);
	void (*console)(const char *text, alp_u64 len_bytes);
	/* One packet with its virtio_net_hdr. Returns bytes or -errno (-EAGAIN: nothing there / no room). */
	alp_s64 (*wire_read)(const struct iovec *iov, int count);
	alp_s64 (*wire_write)(const struct iovec *iov, int count);
	/* The stack has died; `text` says why. Does not return. */
	void (*died)(const char *text);
	/*
	 * A signal for a program of the family (SIGIO, SIGURG, one chosen with F_SETSIG). `siginfo` is a siginfo_t of
	 * x86-64; `process` and `thread` are the host's ids of whom it is for; thread 0: the process.
	 */
	void (*raise)(const void *siginfo, alp_u64 process, alp_u64 thread);
	/*
	 * sock_diag(7) of the host. `request` is a netlink message that asks; what answers it is put into `answer`, message
	 * behind message, a dump with its NLMSG_DONE. Returns bytes; -ENOBUFS: more than `room` bytes are needed; or what the
	 * host answers, -errno.
	 */
	alp_s64 (*ask_sock_diag)(const void *request, alp_u64 len_bytes, void *answer, alp_u64 room);
};
ALPINE_ASSERT_LAYOUT(sizeof(struct alpine_host_ops) == 72);

/* The private page of a process that carries a stack. */
struct alpine_process {
	void *host_sp; /* stack pointer of the host thread that resumed; valid while the stack runs */
	const struct alpine_host_ops *ops;
	alp_u64 thread; /* host thread id of the thread that holds the token */
	alp_u64 wire_mtu_bytes;
	alp_u32 has_wire;
	alp_u32 wire_segments_udp; /* the wire takes and hands over UDP datagrams not yet cut */
};
ALPINE_ASSERT_LAYOUT(sizeof(struct alpine_process) == 40);

#define ALPINE_PROCESS ((struct alpine_process *)ALPINE_PROCESS_ADDR)

/* How the stack boots. Read during boot() only. */
struct alpine_boot {
	alp_u64 ram_end;      /* end of the arena; the stack's RAM runs from data_end to here */
	const char *cmdline;  /* kernel command line */
};

/* The one symbol an image exports, `alpine_stack_image`. Addresses are absolute (the image is not relocated). */
struct alpine_stack_image {
	alp_u32 magic;
	alp_u32 abi_version;
	const char *release;    /* utsname release, "6.12.117" */
	void *data_start;       /* page aligned: writable data, to be made part of the arena */
	void *data_end;         /* page aligned end of bss */
	struct alpine_cpu *cpu; /* inside the data */
	/* Prepares the boot; the first resume() after it runs start_kernel. */
	void (*prepare)(const struct alpine_boot *boot);
	/* Switches to the CPU's suspended context; the caller holds the token. */
	int (*resume)(void);
	/* Where to continue after a fault at `ip` in the stack's code that has an exception table entry; 0: none. */
	alp_u64 (*fixup)(alp_u64 ip);
	/* Prints registers' address symbolised and a trace from `sp` to the console, then calls ops->died. */
	void (*oops)(alp_u64 ip, alp_u64 sp, alp_u64 address, const char *what);
};
ALPINE_ASSERT_LAYOUT(sizeof(struct alpine_stack_image) == 72);

#endif /* __ASSEMBLY__ */
#endif
