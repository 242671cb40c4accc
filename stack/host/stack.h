// SPDX-License-Identifier: GPL-2.0
// The stack as a library: what the rest of the process may ask of the Linux network stack it carries.
//
// The stack is an image (an ELF shared object made from a Linux tree plus arch/alpine) and an arena (one region
// of memory at one fixed address that holds everything the stack owns). start() maps both and boots it; after
// that call() makes a system call on it from any thread of the process, exactly as a program would on Linux:
// x86-64 call numbers and structure layouts, negative errno as the kernel answers.
//
// Nothing here throws, and nothing on the call path allocates or takes a libc lock.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

struct alpine_task;

namespace alp::stack {

struct Bell;
struct Member;

/// With less RAM the stack does not come through its boot; start() answers EINVAL.
constexpr std::uint64_t kMinMemoryBytes = 16ULL << 20;

/// How to boot the stack.
struct Options {
    std::string image_path;                      ///< the stack image (stack-NAME.so)
    std::uint64_t memory_bytes = 1024ULL << 20;  ///< arena heap; address space, touched only as it is used
    bool dmesg = false;                          ///< copy printk to standard error
    std::string kernel_arguments;                ///< added to the stack's kernel command line
    int wire_fd = -1;                            ///< TUN queue (IFF_NO_PI|IFF_VNET_HDR, non-blocking); owned by the
                                                 ///< caller, must stay open while the stack runs; -1: no wire
    unsigned mtu_bytes = 1500;                   ///< MTU of alp0
    bool handle_faults = true;                   ///< false: the caller's handlers of SIGSEGV, SIGBUS and SIGILL call
                                                 ///< handle_fault()
};

/// Maps the image and the arena and boots the stack; returns when its init has run and calls can be made.
/// Once per process; a second call answers EALREADY. Call from an ordinary (not signal-handler) context.
/// Errors: ENOENT image missing, ENOEXEC not a stack image, EPROTO another ABI version, EADDRINUSE the fixed
/// address region is taken, ENOMEM.
Result<void> start(const Options& options);

/// True once start() has succeeded in this process.
[[nodiscard]] bool running();

/// One system call on the stack (x86-64 number or ALPINE_NR_*). Blocks the calling thread as the call does.
/// Returns the value or a negative errno. A call that was interrupted (see interrupt_self_on_return and signals)
/// answers -EINTR, or -ERESTARTSYS (-512), -ERESTARTNOHAND (-514), -ERESTARTNOINTR (-513) or
/// -ERESTART_RESTARTBLOCK (-516) as the kernel's own code did: the caller decides whether to restart. -ECONNABORTED
/// also once the stack has ended before its time. Any thread; the first call of a thread makes its task inside the
/// stack. Not from inside a host operation.
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);

/// The same, but the wait also ends when one of `fds` (host descriptors, as in poll(2)) becomes ready: then the
/// blocked call answers -EINTR (or one of the restart codes) and `*host_ready` is set. Used for poll, select and
/// epoll_wait over stack and host descriptors at once. `fds[i].revents` is not meaningful afterwards: poll again.
long call_watching(pollfd* fds, nfds_t count, bool* host_ready, long number, long a = 0, long b = 0, long c = 0,
                   long d = 0, long e = 0, long f = 0);

/// For `microseconds`, a thread of this process that waits in a call, and watches the wire meanwhile, asks for packets
/// again and again before it sleeps: what comes then is met by a thread that is awake, and a core is busy meanwhile. 0,
/// as it is at first: it sleeps at once. Kept by fork. Before other threads make calls.
void set_busy_poll(std::uint32_t microseconds);

/// True while the calling thread is inside call(): a signal handler that finds this set must not enter the
/// stack, but note the signal and call interrupt_self(). Async-signal-safe.
[[nodiscard]] bool inside();

/// From a signal handler that found inside(): makes the call in progress end as if a signal had come
/// (-EINTR or a restart code) as soon as it can. Async-signal-safe.
void interrupt_self();

/// For a handler of SIGSEGV, SIGBUS or SIGILL: serves a fault of the stack's code. One in a copy to or from the
/// program's memory goes on at its fixup (the call answers EFAULT), any other ends in a readable oops. False: the fault
/// is not the stack's. Async-signal-safe.
bool handle_fault(int number, siginfo_t* info, void* context);

/// The calling thread ends: its task leaves the stack. Safe to call for a thread that never made a call.
void thread_exit();

/// The process's id inside the stack, which stands there for the process: what F_SETOWN, FIOSETOWN and SIOCSPGRP of
/// the program's are to be given for itself. The signals that follow (SIGIO, SIGURG, F_SETSIG's) are raised for the
/// whole process by the host's kernel, with the siginfo of the stack. (Threads: ALPINE_NR_task_of_thread.)
[[nodiscard]] pid_t process_id();

/// Is `fd` one of the host descriptors the stack library itself needs (TUN queue, kick eventfd, arena)?
/// close(), dup2() and close_range() of the program must pass these by. Async-signal-safe.
[[nodiscard]] bool is_private_fd(int fd);

/// For a thread of Alpine's own that makes calls: from here on it has a descriptor table of its own, with nothing in it
/// but `kept` and what the stack needs (own_table.h). Descriptors 0 to 2 are there, and can neither be read nor
/// written.
void leave_descriptor_table(int kept);

/// For a thread that has left the descriptor table: waits until `fd` is readable. While the family uses the stack, for
/// `limit_ms` at most, else until it does again. One thread of the family, the same all the time, with the same `bell`
/// (bell.h), empty at first.
void wait_unless_used(Bell& bell, int fd, int limit_ms);

/// gettid(2) of the calling thread, without the system call. Async-signal-safe.
[[nodiscard]] std::uint32_t thread_id();

// --- Families: processes that share the stack (theory in family.h) ---

/// Memory that all processes of the family have at the same address, zeroed at first, for the users of this library.
struct SharedMemory {
    void* start;
    std::size_t len_bytes;
};
[[nodiscard]] SharedMemory shared_memory();

/// A process being forked: from begin_fork() to the end_fork of parent and child. Plain data, copied by the fork.
struct Fork {
    alpine_task* group;
    Member* member;
    std::uint32_t serial;
};

/// Before fork(): makes the child's process inside the stack, with a copy of this one's descriptors. 0, or -errno for
/// fork() to answer.
long begin_fork(Fork& fork);

/// In the parent. `child`: its process id, or negative: there is none after all.
void end_fork_in_parent(const Fork& fork, long child);

/// In the child, on its one thread, before anything else. It needs a keeper from its first call on: start_keeper().
void end_fork_in_child(const Fork& fork);

/// A vfork child's calls: between the two, those of the calling thread are made in the process of `fork`. The thread
/// that made the child is suspended meanwhile, and shares its memory, thread-local storage too. `saved` holds what the
/// thread was.
struct SavedThread {
    alignas(8) unsigned char bytes[192];
};
void enter_vfork_child(const Fork& fork, SavedThread& saved);
void leave_vfork_child(const SavedThread& saved);

/// Ends the part of a vfork child in the stack, before it ends or becomes a program that does not inherit it.
void end_vfork_child(const Fork& fork);

/// In a child that was forked without these: the stack stays with the parent. running() is false from here on, unless
/// the stack has ended.
void lose();

/// In the child, when what it has is counted: from here on it is one that uses the stack (begin_leave()).
void settle_child();
/// The same for a vfork child that has nothing.
void settle_child(const Fork& fork);
/// A descriptor of the stack is about to be closed by the program, or has been.
void note_close();
/// Are there children that have not used the stack yet?
[[nodiscard]] bool has_unsettled_children();

[[nodiscard]] bool needs_keeper();
Result<void> start_keeper();

/// Process `process` has ended: if it was of the family, its part in the stack ends now, and not when the keeper sees
/// it.
void bury_process(pid_t process);

/// A system call of the host's.
struct HostCall {
    long number;
    long a;
    long b;
    long c;
    long d;
};

/// A call that sends SIGKILL to `whom`, as kill(2) takes it: processes of the family die outside the stack's code, and
/// leave it in order. Comes back when they are gone. 0, or -errno. Not while the calling thread is inside().
long kill_processes(pid_t whom, const HostCall& call);

/// Around execve(2) of a process that stays in the family: nobody is inside the stack while the host's kernel ends the
/// process's other threads, the keeper among them. The second is for when it has failed. A signal handler between the
/// two that makes a call lets others in again. Not while the calling thread is inside(), nor in a vfork child.
void begin_exec();
void end_failed_exec();

/// Is this the family's only process?
[[nodiscard]] bool is_alone();

/// This process ends: its descriptors inside the stack are closed, its tasks end. No call can be made any more, by any
/// of its threads.
void leave();

/// What is left to do for a process that ends.
enum class Leaving {
    last,        ///< of its family: what has been sent is to get out first
    used,        ///< leave()
    sole_owner,  ///< not decided: a forked child that has not used the stack may alone have something its parent had.
                 ///< To be counted (settle_child()), and asked once more
    unused,  ///< nothing: such a child whose parent has all of it. Whoever of the family uses the stack next ends it
};
Leaving begin_leave();

/// Are others of the family on their way out, or is there anybody else in it?
[[nodiscard]] bool has_others();

/// Has the stack ended before its time? Every call answers -ECONNABORTED.
[[nodiscard]] bool ended();

/// What a program needs to join its own process's stack after exec: descriptors that it inherits, and its seat.
struct Passage {
    int memory_fd;
    int wire_fd;
    int kick_fd;
    long place;  ///< of the member
    long serial;
};

/// Of this process, or of a vfork child's.
[[nodiscard]] Passage passage();
[[nodiscard]] Passage passage_of(const Fork& fork);

/// Joins. The process takes the seat of what it was before exec; its threads' tasks are gone, its descriptors in the
/// stack are as they were. Errors: those of start(); ESTALE the seat is another's by now.
Result<void> join(const Passage& passage, bool handle_faults);

/// Attaches to a running family, whose descriptors are given, as a process of its own without any descriptor.
/// Errors: those of start(); ECONNABORTED the stack has ended; EAGAIN the family is full.
Result<void> attach(const Passage& passage, bool handle_faults);

/// For the users of this library in a family. `takeover`: called by the keeper thread of a process that becomes the
/// family's active one after another's. `end`: called with a line for the user by a thread that finds that the stack
/// has ended before its time. `kept`: private descriptors that stay open in forked children and in keepers' tables.
void set_family_hooks(void (*takeover)(), void (*end)(const char* line), std::initializer_list<int> kept);

}  // namespace alp::stack
