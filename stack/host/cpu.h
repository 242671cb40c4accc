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
//                 somebody leads; once a leader has sat for a while it sleeps until it is called.
//
// While the token is free, a thread that is parked implies a program thread that leads: nobody parks unless there is
// one, and it does not let go of the token before it has appointed another. So when the keeper runs the stack, no
// program thread is blocked in it, and none has to be woken.
//
// All fields are protected by the token unless said otherwise.
#pragma once

#include <poll.h>

#include <cstdint>

#include "abi/stack.h"
#include "base/result.h"
#include "stack/host/token.h"

namespace alp::stack {

/// What this process knows of one of its threads. Only the thread itself uses it, also in signal handlers.
struct Thread {
    alpine_task* task = nullptr;  ///< in the arena; null before the first call
    std::uint64_t id = 0;         ///< gettid
    int depth = 0;                ///< inside call()
    int event_fd = -1;            ///< wakes this thread while it waits in ppoll as a follower; made when first needed
    pollfd* watched = nullptr;    ///< host descriptors that end the wait as well
    nfds_t watched_count = 0;
    bool host_ready = false;
    volatile bool polling = false;  ///< in ppoll: a signal handler has to write to the descriptor to end it
};

class Cpu {
public:
    /// Boots the stack on the calling thread and starts the keeper. `process` is the private page.
    Result<void> start(const alpine_stack_image& image, alpine_process* process, int wire_fd);

    /// One call of `thread`, whose task's call block is filled. Returns its result.
    long run_call(Thread& thread);

    /// Makes the task for a thread's first call. False: the stack has no room for one more.
    bool spawn(Thread& thread);

    /// The thread's task leaves the stack (its call block says so); it may not be touched any more.
    void run_exit(Thread& thread);

    /// Ends the wait of the calling thread as a signal does. Async-signal-safe.
    void interrupt(Thread& thread) const;

    [[nodiscard]] int kick_fd() const { return kick_fd_; }
    [[nodiscard]] int wire_fd() const { return wire_fd_; }

private:
    bool drive(Thread& thread);
    [[nodiscard]] bool spawn_is_decided() const;
    void wake(alpine_task* task, std::uint32_t why) const;
    void wait(Thread& thread, bool locked);
    bool has_reason_to_resume(Thread& thread);
    void end_wait(Thread& thread);
    void lead(Thread& thread);
    void poll_wire(Thread& thread, std::uint64_t deadline_ns);
    void park(Thread& thread);
    void unpark(const alpine_task* task);
    void wait_for_turn(Thread& thread);
    bool take_token(Thread& thread);
    void release(Thread& thread);
    void unlock_and_kick(const Thread& thread);
    void appoint_leader();
    void make_event_fd(Thread& thread) const;
    static void* keeper_main(void* self);
    void keep();
    bool keeper_lead(Thread& keeper);
    void keeper_rest();

    const alpine_stack_image* image_ = nullptr;
    alpine_cpu* cpu_ = nullptr;
    alpine_process* process_ = nullptr;
    Token token_{nullptr};
    int wire_fd_ = -1;
    bool wire_gone_ = false;  ///< nothing more will come: alpined has died, or deleted the TUN. Atomic
    int kick_fd_ = -1;
    std::uint64_t leader_deadline_ns_ = 0;  ///< until when the leader will sleep
    std::uint64_t keeper_id_ = 0;
    std::uint32_t keeper_ready_ = 0;   ///< futex word: 1 once the keeper has left the process's descriptor table
    std::uint32_t keeper_asleep_ = 0;  ///< futex word: 1 while the keeper sleeps until called
    std::uint32_t spawn_lock_ = 0;     ///< futex word of a Token of its own: one spawn at a time
};

}  // namespace alp::stack
