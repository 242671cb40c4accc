// SPDX-License-Identifier: GPL-2.0
#include "stack/host/cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"
#include "stack/host/own_table.h"
#include "stack/host/poll_set.h"
#include "stack/host/private_fd.h"

namespace alp::stack {

namespace {

constexpr std::uint64_t kSpawnRetryNs = 100'000;

void signal_event(int fd) {
    const std::uint64_t one = 1;
    write_to(fd, &one, sizeof(one));
}

void drain_event(int fd) {
    std::uint64_t count;
    raw_syscall(SYS_read, fd, arg(&count), sizeof(count));
}

}  // namespace

// --- Running the stack ---

/// Resumes the stack. True: it has come to rest and the caller still holds the token. False: the token was handed
/// to another thread.
bool Cpu::drive(Thread& thread) {
    process_->thread = thread.id;
    if (image_->resume() != ALPINE_HANDOFF) {
        return true;
    }
    alpine_task* next = cpu_->handoff;
    if (thread.id == keeper_id_) {
        process_->ops->died("its keeper met a thread that is blocked");
    }
    if (thread.task != nullptr && thread.task->owner == thread.id && thread.task->wants_in != 0) {
        park(thread);
    }
    wake(next, ALPINE_TURN_RUN);
    token_.hand_over(__atomic_load_n(&next->at_token, __ATOMIC_SEQ_CST) != 0);
    return false;
}

void Cpu::wake(alpine_task* task, std::uint32_t why) const {
    const bool by_event = task->wake_by_event != 0;
    const int event_fd = static_cast<int>(task->event_fd);
    __atomic_fetch_or(&task->turn, why, __ATOMIC_SEQ_CST);
    if (by_event) {
        signal_event(event_fd);
    } else {
        futex_wake(&task->turn, 1);
    }
}

long Cpu::run_call(Thread& thread) {
    alpine_task* task = thread.task;
    token_.lock();
    task->wants_in = 1;
    cpu_->enter = task;
    for (;;) {
        const bool holds = drive(thread);
        if (task->wants_in == 0) {
            if (holds) {
                release(thread);
            }
            break;
        }
        wait(thread, holds);
    }
    __atomic_store_n(&task->turn, 0, __ATOMIC_RELAXED);
    return task->result;
}

/// With the token.
bool Cpu::spawn_is_decided() const { return cpu_->spawned != nullptr || cpu_->spawn_error != 0; }

bool Cpu::spawn(Thread& thread) {
    Token one_at_a_time(&spawn_lock_);
    one_at_a_time.lock();
    token_.lock();
    cpu_->spawned = nullptr;
    cpu_->spawn_error = 0;
    cpu_->spawn_owner = thread.id;
    cpu_->request = ALPINE_REQUEST_SPAWN;
    do {
        bool locked = drive(thread);
        if (locked && !spawn_is_decided()) {
            // The stack waits for something, such as memory: whoever leads brings it.
            release(thread);
            const timespec pause = to_timespec(kSpawnRetryNs);
            raw_syscall(SYS_nanosleep, arg(&pause), 0);
            locked = false;
        }
        if (!locked) {
            token_.lock();
        }
    } while (!spawn_is_decided());
    thread.task = cpu_->spawned;
    release(thread);
    one_at_a_time.unlock();
    return thread.task != nullptr;
}

void Cpu::run_exit(Thread& thread) {
    const alpine_task* task = thread.task;
    token_.lock();
    thread.task->wants_in = 1;
    cpu_->enter = thread.task;
    for (;;) {
        const bool holds = drive(thread);
        // The task has left once it is nobody's. Until then other tasks may come first.
        if (task->owner != thread.id) {
            thread.task = nullptr;
            if (holds) {
                release(thread);
            }
            break;
        }
        wait(thread, holds);
    }
    if (thread.event_fd >= 0) {
        forget_private_fd(thread.event_fd);
        raw_syscall(SYS_close, thread.event_fd);
    }
}

// --- Waiting ---

/// The call has blocked: comes back with the token when there is something to resume the stack for. `locked`: the
/// thread holds the token (and the stack is at rest), else it is parked.
void Cpu::wait(Thread& thread, bool locked) {
    do {
        if (!locked) {
            wait_for_turn(thread);
        } else if (has_reason_to_resume(thread)) {
            return;
        } else if (cpu_->leader == 0 || cpu_->leader == keeper_id_) {
            lead(thread);
        } else {
            park(thread);
            unlock_and_kick(thread);
            wait_for_turn(thread);
        }
        locked = take_token(thread);
        end_wait(thread);
    } while (locked);
    // Handed over: the CPU is in this thread's own context.
}

bool Cpu::has_reason_to_resume(Thread& thread) {
    if (thread.host_ready || (__atomic_load_n(&thread.task->turn, __ATOMIC_ACQUIRE) & ALPINE_TURN_INTERRUPT) != 0) {
        __atomic_fetch_and(&thread.task->turn, ~ALPINE_TURN_INTERRUPT, __ATOMIC_RELAXED);
        cpu_->request = ALPINE_REQUEST_INTERRUPT;
        cpu_->interrupt = thread.task;
        return true;
    }
    return __atomic_load_n(&cpu_->pending, __ATOMIC_ACQUIRE) != 0;
}

/// With the token, after a wait as leader or follower.
void Cpu::end_wait(Thread& thread) {
    alpine_task* task = thread.task;
    __atomic_fetch_and(&task->turn, ~(ALPINE_TURN_LEAD | ALPINE_TURN_RUN), __ATOMIC_ACQ_REL);
    task->wake_by_event = 0;
    if (task->parked != 0) {
        unpark(task);
        task->parked = 0;
    }
    if (cpu_->leader == thread.id) {
        cpu_->leader = 0;
    }
}

void Cpu::park(Thread& thread) {
    alpine_task* task = thread.task;
    if (thread.watched_count > 0) {
        make_event_fd(thread);
    }
    task->wake_by_event = thread.watched_count > 0 && thread.event_fd >= 0 ? 1 : 0;
    task->event_fd = static_cast<std::uint32_t>(thread.event_fd);
    if (task->parked == 0) {
        task->parked = 1;
        task->next_parked = cpu_->parked;
        cpu_->parked = task;
    }
}

void Cpu::unpark(const alpine_task* task) {
    for (alpine_task** link = &cpu_->parked; *link != nullptr; link = &(*link)->next_parked) {
        if (*link == task) {
            *link = task->next_parked;
            return;
        }
    }
}

/// Sleeps until `turn` is something, or one of the watched host descriptors is ready.
void Cpu::wait_for_turn(Thread& thread) {
    std::uint32_t* turn = &thread.task->turn;
    while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) == ALPINE_TURN_NONE) {
        if (thread.task->wake_by_event == 0) {
            futex_wait(turn, ALPINE_TURN_NONE);
            continue;
        }
        PollSet set({thread.event_fd}, thread.watched, thread.watched_count);
        thread.polling = true;
        if (__atomic_load_n(turn, __ATOMIC_ACQUIRE) == ALPINE_TURN_NONE) {
            set.wait(kNever);
        }
        thread.polling = false;
        if (set.own_is_ready(0)) {
            drain_event(thread.event_fd);
        }
        if (set.watched_is_ready()) {
            thread.host_ready = true;
            return;
        }
    }
}

/// True: locked. False: it was handed to this thread, whose task is the one to be resumed.
bool Cpu::take_token(Thread& thread) {
    alpine_task* task = thread.task;
    __atomic_store_n(&task->at_token, 1, __ATOMIC_SEQ_CST);
    const bool locked = token_.lock_unless(&task->turn, ALPINE_TURN_RUN);
    __atomic_store_n(&task->at_token, 0, __ATOMIC_RELAXED);
    return locked;
}

/// Called with the token, and nobody leads but perhaps the keeper. Comes back without it.
void Cpu::lead(Thread& thread) {
    alpine_task* task = thread.task;
    cpu_->leader = thread.id;
    task->event_fd = static_cast<std::uint32_t>(kick_fd_);
    task->wake_by_event = 1;
    const std::uint64_t deadline_ns = cpu_->next_event_ns;
    leader_deadline_ns_ = deadline_ns;
    token_.unlock();

    thread.polling = true;
    if (__atomic_load_n(&task->turn, __ATOMIC_SEQ_CST) == ALPINE_TURN_NONE) {
        poll_wire(thread, deadline_ns);
    }
    thread.polling = false;
}

/// Waits for the wire, a kick, the thread's host descriptors or the deadline, and raises the interrupts it finds.
void Cpu::poll_wire(Thread& thread, std::uint64_t deadline_ns) {
    const bool wire_gone = __atomic_load_n(&wire_gone_, __ATOMIC_RELAXED);
    PollSet set({wire_gone ? -1 : wire_fd_, kick_fd_}, thread.watched, thread.watched_count);
    set.wait(deadline_ns);
    std::uint32_t pending = 0;
    if (set.own_is_ready(0)) {
        pending |= ALPINE_IRQ_WIRE;
    }
    if (set.own_is_gone(0)) {
        __atomic_store_n(&wire_gone_, true, __ATOMIC_RELAXED);  // what is left in it is read now
    }
    if (set.own_is_ready(1)) {
        drain_event(kick_fd_);
    }
    if (set.watched_is_ready()) {
        thread.host_ready = true;
    }
    if (deadline_ns != kNever && monotonic_ns() >= deadline_ns) {
        pending |= ALPINE_IRQ_TIMER;
    }
    if (pending != 0) {
        __atomic_fetch_or(&cpu_->pending, pending, __ATOMIC_SEQ_CST);
    }
}

void Cpu::interrupt(Thread& thread) const {
    if (thread.task == nullptr) {
        return;
    }
    __atomic_fetch_or(&thread.task->turn, ALPINE_TURN_INTERRUPT, __ATOMIC_SEQ_CST);
    if (thread.polling) {
        signal_event(static_cast<int>(thread.task->event_fd));
    }
}

void Cpu::make_event_fd(Thread& thread) const {
    if (thread.event_fd < 0) {
        thread.event_fd = adopt_private_fd(static_cast<int>(raw_syscall(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC)));
    }
}

// --- Letting go ---

/// Gives the token back: serves what has come meanwhile, and sees to it that somebody watches the wire.
void Cpu::release(Thread& thread) {
    for (;;) {
        while (__atomic_load_n(&cpu_->pending, __ATOMIC_ACQUIRE) != 0) {
            if (!drive(thread)) {
                return;
            }
        }
        appoint_leader();
        unlock_and_kick(thread);
        if (__atomic_load_n(&cpu_->pending, __ATOMIC_SEQ_CST) == 0 || !token_.try_lock()) {
            return;
        }
    }
}

/// Unlocks; a leader that would sleep past the stack's next timer is woken to look at it.
void Cpu::unlock_and_kick(const Thread& thread) {
    const bool oversleeps = cpu_->leader != 0 && cpu_->leader != thread.id && cpu_->next_event_ns < leader_deadline_ns_;
    if (oversleeps) {
        leader_deadline_ns_ = cpu_->next_event_ns;
    }
    token_.unlock();
    if (oversleeps) {
        signal_event(kick_fd_);
    }
}

void Cpu::appoint_leader() {
    if (cpu_->leader != 0) {
        return;
    }
    if (alpine_task* next = cpu_->parked; next != nullptr) {
        cpu_->parked = next->next_parked;
        next->parked = 0;
        cpu_->leader = next->owner;
        leader_deadline_ns_ = 0;  // it will look at the timer before it sleeps
        wake(next, ALPINE_TURN_LEAD);
    } else if (__atomic_load_n(&keeper_asleep_, __ATOMIC_RELAXED) != 0) {
        __atomic_store_n(&keeper_asleep_, 0, __ATOMIC_SEQ_CST);
        futex_wake(&keeper_asleep_, 1);
    }
}

}  // namespace alp::stack
