// SPDX-License-Identifier: GPL-2.0
// The stack's one CPU, and the host threads that take turns at running it.
//
// Theory of operation
// -------------------
// A thread that makes a call takes the token and resumes the stack. Mostly the call has its result when the stack
// comes back, and the thread drops the token and goes on. If the call blocks, the thread has to wait, and waiting
// is what drives the stack (leader and followers):
//
//   the leader    waits in ppoll on {wire, kick, its own host descriptors} until the stack's next timer. Whatever
//                 comes, it takes the token and serves it, and if that completes its own call, no other thread was
//                 ever woken: a packet goes from the wire to the reader in one wake-up;
//   a follower    is parked on its task's `turn` word. It is woken when the scheduler switches to its task (the
//                 token is handed over with the wake-up) or when it is to become the leader;
//   the keeper    is a thread of our own that leads while no program thread is blocked in the stack. It does not
//                 follow the comings and goings of leaders: while the stack is in use it looks every 2 ms whether
//                 somebody leads or has led since; once a leader has sat for a while it sleeps until it is called. It
//                 also watches over the other processes of the family (family.h), of which each has a keeper, and one
//                 is active.
//
// A thread that begins to lead while the keeper still waits does not end that wait: for a moment both see the wire and
// the kick. So whoever takes a kick that was the leader's makes another (poll_wire()).
//
// While the token is free, a thread that is parked implies a program thread that leads: nobody parks unless there is
// one, and it does not let go of the token before it has appointed another. (Should it be killed, the keeper does.)
//
// Death in the middle: a thread that is killed while it has the token leaves it marked. If it was not inside resume(),
// the stack's data is in order, and whoever finds the token goes on from there; what the dead one had promised (a
// handover) is made good. If it was, the data may be half changed: the stack ends, for all processes, at once.
//
// All fields are protected by the token unless said otherwise; what processes share is in struct alpine_cpu.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "abi/stack.h"
#include "base/result.h"
#include "stack/host/bell.h"
#include "stack/host/family.h"
#include "stack/host/robust.h"
#include "stack/host/stack.h"
#include "stack/host/token.h"
#include "stack/host/wire_glance.h"

namespace alp::stack {

/// What this process knows of one of its threads. Only the thread itself uses it, also in signal handlers.
struct Thread {
    alpine_task* task = nullptr;   ///< in the arena; null before the first call
    alpine_task* group = nullptr;  ///< whose thread it is, if not this process's (a vfork child's)
    std::uint64_t id = 0;          ///< gettid
    int depth = 0;                 ///< inside call()
    Bell bell;                     ///< wakes this thread while it waits in ppoll as a follower; made when first needed
    RobustList robust;
    pollfd* watched = nullptr;  ///< host descriptors that end the wait as well
    nfds_t watched_count = 0;
    bool host_ready = false;
    WireGlance* glance = nullptr;      ///< the stack has been told to look into the wire: on which occasion
    std::uint64_t packets_before = 0;  ///< packets_read() at that time
    volatile bool polling = false;     ///< in ppoll: a signal handler has to ring to end it

    /// Called once by the thread itself.
    void begin();
    [[nodiscard]] std::uint32_t tid() const { return static_cast<std::uint32_t>(id); }
};

/// Names the token as this thread's for a scope.
class Armed {
public:
    Armed(Thread& thread, std::uint32_t* token) : thread_(thread) { thread_.robust.arm(token); }
    ~Armed() { thread_.robust.disarm(); }
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;

private:
    Thread& thread_;
};

class Cpu {
public:
    /// What a process carries: the image, its private page, the wire, and the memory that the family shares.
    struct Parts {
        const alpine_stack_image* image;
        alpine_process* process;
        Family* family;
        int wire_fd;
    };

    /// A place of one's own in the family.
    struct Seat {
        Member* member = nullptr;
        std::uint32_t serial = 0;
    };

    /// Boots the stack on the calling thread and starts the keeper, as the family's first process.
    Result<void> start(const Parts& parts);

    /// Takes a seat in a family whose stack runs: after exec, or to attach. `kick_fd`: the family's.
    void join(Thread& thread, const Parts& parts, const Seat& seat, int kick_fd);

    /// One call of `thread`, whose task's call block is filled. Returns its result; -ECONNABORTED: the stack has ended.
    long run_call(Thread& thread);

    /// Makes the task for a thread's first call. False: the stack has no room for one more, or has ended.
    bool spawn(Thread& thread);

    /// The thread's task leaves the stack (its call block says so); it may not be touched any more.
    void run_exit(Thread& thread);

    /// For how long a thread of this process that leads asks the wire again and again before it sleeps. Set once,
    /// before the process's threads make calls.
    void set_busy_poll(std::uint64_t ns) { busy_poll_ns_ = ns; }

    /// Waits until `fd` is readable, for `limit_ms` at most while the family uses the stack. For one thread of the
    /// family, with a descriptor table of its own, in which `bell` is made.
    void wait_unless_used(Bell& bell, int fd, int limit_ms);

    /// Ends the wait of the calling thread as a signal does. Async-signal-safe.
    void interrupt(Thread& thread) const;

    // --- The family (family.cpp's theory) ---

    /// A seat for a process that is about to be forked and has this leader inside the stack. No member: none is free.
    /// `closes`: this process's, from before that was made.
    Seat take_seat(Thread& thread, alpine_task* group, std::uint32_t closes);

    [[nodiscard]] std::uint32_t closes() const { return __atomic_load_n(&seat_.member->closes, __ATOMIC_SEQ_CST); }

    /// The child that was forked for this seat is process `process`.
    void name_member(Thread& thread, const Seat& seat, std::uint32_t process);

    /// In the forked child: the seat is its own.
    void become(Thread& thread, const Seat& seat);

    /// A process has ended without this process's doing, or there will be none.
    void bury(Thread& thread, const Seat& seat);

    /// This process ends: all that it has in the stack goes, with the calling thread's task. Nobody else of it can make
    /// a call any more.
    void leave(Thread& thread);

    /// Of those who have only said that they leave.
    void bury_leavers(Thread& thread);

    /// What is left to do for this process, which ends.
    Leaving begin_leave(const Thread& thread);

    /// The process of this seat, forked, uses the stack from here on.
    void settle(const Seat& seat);

    /// This process is about to close a descriptor of the stack, or has closed one.
    void note_close() { __atomic_fetch_add(&seat_.member->closes, 1, __ATOMIC_SEQ_CST); }

    /// `call` sends SIGKILL to what kill(2) calls `whom`: it is made while none of the family is inside the stack;
    /// comes back when those of the family whom it has ended are gone. (kill.cpp)
    long kill(Thread& thread, pid_t whom, const HostCall& call);

    /// Before exec, with which the host's kernel ends all other threads of this process: none of them is inside the
    /// stack from here on, nor anybody else. The kernel gives the token back, as that of one who has died. Where exec
    /// fails, let_go_after_exec() does.
    void hold_for_exec(Thread& thread);
    void let_go_after_exec(Thread& thread);

    /// This process's threads are gone (exec); its descriptors are not.
    void forget_threads(Thread& thread);

    /// Is there no other process in the family that does not end?
    [[nodiscard]] bool is_alone() const { return family_->is_alone(); }
    [[nodiscard]] bool ended() const { return cpu_ != nullptr && __atomic_load_n(&cpu_->ended, __ATOMIC_RELAXED) != 0; }
    /// By this process's numbers.
    [[nodiscard]] FamilyDescriptors descriptors() const;
    [[nodiscard]] const Seat& seat() const { return seat_; }
    [[nodiscard]] Family* family() const { return family_; }

    /// A forked or joined process has no keeper until this.
    Result<void> start_keeper();
    [[nodiscard]] bool has_keeper() const { return has_keeper_; }

    [[nodiscard]] int kick_fd() const { return kick_fd_; }
    [[nodiscard]] int wire_fd() const { return wire_fd_; }
    [[nodiscard]] int bell_fd() const { return bell_out_; }

private:
    enum class Taken : std::uint8_t { locked, handed_over, ended };

    void take(const Parts& parts);
    Result<void> open_descriptors();
    bool drive(Thread& thread);
    void note_use() const;
    bool lock(Thread& thread);
    bool try_lock(Thread& thread);
    bool settle_death(Thread& thread);
    bool bury_leaver(Thread& thread);
    void call_keeper() const;
    void tell_keeper_of_fork() const;
    void end_stack();
    void end_threads(Thread& thread, alpine_task* group, std::uint32_t request);
    [[nodiscard]] bool spawn_is_decided(const Thread& thread) const;
    void wake(alpine_task* task, std::uint32_t why) const;
    bool wait(Thread& thread, bool locked);
    bool has_reason_to_resume(Thread& thread);
    [[nodiscard]] bool may_glance() const;
    void glance(Thread& thread, WireGlance& occasion);
    static bool end_glance(Thread& thread);
    bool glances_before_wait(Thread& thread);
    void begin_to_lead();
    void end_wait(Thread& thread);
    void lead(Thread& thread);
    bool poll_wire(Thread& thread, std::uint64_t deadline_ns, std::uint64_t busy_ns, int watch_fd, int bell_fd);
    void park(Thread& thread);
    void unpark(alpine_task* task);
    void wait_for_turn(Thread& thread);
    Taken take_token(Thread& thread);
    void release(Thread& thread);
    void unlock_and_kick(const Thread& thread);
    void appoint_leader();
    void hold_if_left(Thread& thread);
    static void* keeper_main(void* self);
    void keep();
    friend class Keeper;

    const alpine_stack_image* image_ = nullptr;
    alpine_cpu* cpu_ = nullptr;
    alpine_process* process_ = nullptr;
    Family* family_ = nullptr;
    Seat seat_;
    alpine_task* group_ = nullptr;  ///< this process inside the stack
    Token token_{nullptr, nullptr};
    WireGlance before_wait_{32};
    WireGlance at_call_{64};
    std::uint64_t busy_poll_ns_ = 0;
    int wire_fd_ = -1;
    bool wire_gone_ = false;  ///< nothing more will come: alpined has died, or deleted the TUN. Atomic
    int kick_fd_ = -1;
    int bell_out_ = -1;
    bool has_keeper_ = false;
    std::atomic<bool> left_{false};
    std::uint32_t keeper_ready_ = 0;  ///< futex word: 1 once the keeper has left the process's descriptor table
};

/// Descriptors that keepers have in their table, beside the stack's own, for what is to be done when one becomes the
/// active one. Negative: none.
inline constexpr int kKeptForTakeover = 4;
extern int kept_for_takeover[kKeptForTakeover];
extern void (*on_takeover)();  ///< called by a keeper that becomes the active one after another; may be null
/// Called by whoever finds that the stack has ended, before anybody else can: it may not wait for long. May be null.
extern void (*on_end)(const char* line);

}  // namespace alp::stack
