// SPDX-License-Identifier: GPL-2.0
#include "stack/host/cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"
#include "stack/host/host_ops.h"
#include "stack/host/image.h"
#include "stack/host/own_table.h"
#include "stack/host/poll_set.h"
#include "stack/host/private_fd.h"

namespace alp::stack {

int kept_for_takeover[kKeptForTakeover] = {-1, -1, -1, -1};
void (*on_takeover)() = nullptr;
void (*on_end)(const char* line) = nullptr;

namespace {

constexpr std::uint64_t kSpawnRetryNs = 100'000;
constexpr std::uint64_t kTellOfForkEveryNs = 100'000'000; /* 100 ms: less than kLookAgainNs (vigil.h) */

// Values of alpine_cpu.ended.
constexpr std::uint32_t kEndFound = 1;
constexpr std::uint32_t kEndSaid = 2;

void signal_event(int fd) {
    const std::uint64_t one = 1;
    write_to(fd, &one, sizeof(one));
}

void drain_event(int fd) {
    std::uint64_t count;
    raw_syscall(SYS_read, fd, arg(&count), sizeof(count));
}

}  // namespace

void Thread::begin() {
    id = static_cast<std::uint64_t>(raw_syscall(SYS_gettid));
    robust.find();
}

// --- The token ---

/// False: the stack has ended.
bool Cpu::lock(Thread& thread) {
    do {
        token_.lock(thread.tid());
        hold_if_left(thread);
        if ((__builtin_expect(cpu_->ended == 0 && !token_.holder_died(), 1) || settle_death(thread)) &&
            (__builtin_expect(__atomic_load_n(&family_->leavers, __ATOMIC_RELAXED) == 0, 1) || !bury_leaver(thread))) {
            return true;
        }
    } while (!ended());
    return false;
}

bool Cpu::try_lock(Thread& thread) {
    if (!token_.try_lock(thread.tid())) {
        return false;
    }
    return (cpu_->ended == 0 && !token_.holder_died()) || settle_death(thread);
}

/// With the token, of which the holder before has died, or after the stack's end. True: all is in order, and the token
/// still the caller's. False: it is not.
bool Cpu::settle_death(Thread& thread) {
    if (cpu_->ended != 0) {
        if (token_.holder_died()) {
            end_stack();  // in the middle of which it has died: one whom it had told has ended its process
        } else {
            token_.unlock();
        }
        return false;
    }
    if (cpu_->running != 0) {
        end_stack();
        return false;
    }
    token_.recovered();
    cpu_->request = ALPINE_REQUEST_NONE;
    cpu_->enter = nullptr;
    alpine_task* next = cpu_->handoff;
    if (next == nullptr) {
        return true;
    }
    // The CPU is suspended in the context of a task whose thread was to be told, or was told and died.
    const auto owner = static_cast<std::uint32_t>(next->owner);
    if (owner == thread.tid() || !is_dead(owner)) {
        wake(next, ALPINE_TURN_RUN);
        token_.hand_over(owner, &next->at_token);
        return false;
    }
    *next->flags |= ALPINE_TASK_GONE;  // from here on it may be freed, before its process is buried
    unpark(next);
    next->owner = 0;
    next->wants_in = 0;
    cpu_->handoff = nullptr;
    return true;
}

/// With the token; comes back without it.
void Cpu::end_stack() {
    // The line before all others are let go: who learns of the end may end its process at once, and this thread with
    // it.
    static constexpr char kLine[] =
        "alpine: the stack has ended, and its connections with it: one of its processes was killed in the middle of a "
        "call\n";
    if (cpu_->ended != kEndSaid) {
        __atomic_store_n(&cpu_->ended, kEndFound, __ATOMIC_SEQ_CST);
        if (on_end != nullptr) {
            on_end(kLine);
        }
        __atomic_store_n(&cpu_->ended, kEndSaid, __ATOMIC_SEQ_CST);
    }
    for (alpine_task* task = cpu_->parked; task != nullptr; task = task->next_parked) {
        wake(task, ALPINE_TURN_END);
    }
    token_.unlock();
    signal_event(kick_fd_);
    ring(bell_out_, family_->keeper_bell);
}

// --- Running the stack ---

void Cpu::note_use() const {
    if (__builtin_expect(__atomic_load_n(&family_->use, __ATOMIC_RELAXED) == kUsed, 1)) {
        return;
    }
    if (__atomic_exchange_n(&family_->use, kUsed, __ATOMIC_SEQ_CST) == kSleepsOnUse) {
        ring(bell_out_, family_->use_bell);
    }
}

/// Resumes the stack. True: it has come to rest and the caller still holds the token. False: the token was handed
/// to another thread.
bool Cpu::drive(Thread& thread) {
    note_use();
    process_->thread = thread.id;
    __atomic_store_n(&cpu_->running, 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    cpu_->handoff = nullptr;
    int reason = 0;
    do {
        reason = image_->resume();
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        // Where the stack went on in the call of a thread that has died, it has not looked at what it is asked for.
    } while (reason != ALPINE_HANDOFF && (cpu_->enter != nullptr || cpu_->request != ALPINE_REQUEST_NONE));
    __atomic_store_n(&cpu_->running, 0, __ATOMIC_RELAXED);
    if (reason != ALPINE_HANDOFF) {
        return true;
    }
    alpine_task* next = cpu_->handoff;
    if (thread.task != nullptr && thread.task->owner == thread.id && thread.task->wants_in != 0) {
        park(thread);
    }
    const auto owner = static_cast<std::uint32_t>(next->owner);
    wake(next, ALPINE_TURN_RUN);
    token_.hand_over(owner, &next->at_token);
    return false;
}

void Cpu::wake(alpine_task* task, std::uint32_t why) const {
    const std::uint32_t by = task->wake_by;
    const std::uint64_t bell = task->bell;
    __atomic_fetch_or(&task->turn, why, __ATOMIC_SEQ_CST);
    switch (by) {
        case ALPINE_WAKE_KICK:
            signal_event(kick_fd_);
            break;
        case ALPINE_WAKE_BELL:
            ring(bell_out_, bell);
            break;
        default:
            futex_wake(&task->turn, 1);
            break;
    }
}

long Cpu::run_call(Thread& thread) {
    alpine_task* task = thread.task;
    const Armed armed(thread, &cpu_->token);
    if (!lock(thread)) {
        return -ECONNABORTED;
    }
    if (may_glance() && at_call_.is_due()) {
        glance(thread, at_call_);
    }
    task->wants_in = 1;
    cpu_->enter = task;
    for (;;) {
        const bool holds = drive(thread);
        if (task->wants_in == 0) {
            if (thread.glance != nullptr) {
                end_glance(thread);
            }
            if (holds) {
                release(thread);
            }
            break;
        }
        if (!wait(thread, holds)) {
            return -ECONNABORTED;
        }
    }
    __atomic_store_n(&task->turn, 0, __ATOMIC_RELAXED);
    return task->result;
}

/// With the token.
bool Cpu::spawn_is_decided(const Thread& thread) const {
    return (cpu_->spawned != nullptr && cpu_->spawned->owner == thread.id) || cpu_->spawn_error != 0;
}

bool Cpu::spawn(Thread& thread) {
    auto& one_at_a_time = reinterpret_cast<SharedLock&>(cpu_->spawn_lock);
    const Armed armed(thread, &cpu_->token);
    one_at_a_time.lock(thread.tid());
    bool locked = lock(thread);
    if (locked) {
        // Asked for once: the group's leader may be in the middle of making the task when this thread looks again.
        cpu_->spawned = nullptr;
        cpu_->spawn_error = 0;
        cpu_->spawn_owner = thread.id;
        cpu_->group = thread.group != nullptr ? thread.group : group_;
        cpu_->request = ALPINE_REQUEST_SPAWN;
    }
    while (locked) {
        locked = drive(thread);
        if (locked && !spawn_is_decided(thread)) {
            // The stack waits for something, such as memory: whoever leads brings it.
            release(thread);
            const timespec pause = to_timespec(kSpawnRetryNs);
            raw_syscall(SYS_nanosleep, arg(&pause), 0);
            locked = false;
        }
        if (!locked) {
            locked = lock(thread);
        }
        if (locked && spawn_is_decided(thread)) {
            thread.task = cpu_->spawned;
            release(thread);
            break;
        }
    }
    one_at_a_time.unlock();
    return thread.task != nullptr;
}

void Cpu::run_exit(Thread& thread) {
    const alpine_task* task = thread.task;
    {
        const Armed armed(thread, &cpu_->token);
        bool alive = lock(thread);
        if (alive) {
            thread.task->wants_in = 1;
            cpu_->enter = thread.task;
        }
        while (alive) {
            const bool holds = drive(thread);
            // The task has left once it is nobody's. Until then other tasks may come first.
            if (task->owner != thread.id) {
                thread.task = nullptr;
                if (holds) {
                    release(thread);
                }
                break;
            }
            alive = wait(thread, holds);
        }
    }
    thread.bell.close();
}

// --- Waiting ---

/// The call has blocked: comes back with the token when there is something to resume the stack for. `locked`: the
/// thread holds the token (and the stack is at rest), else it is parked. False: the stack has ended.
bool Cpu::wait(Thread& thread, bool locked) {
    do {
        if (!locked) {
            wait_for_turn(thread);
        } else if (has_reason_to_resume(thread) || glances_before_wait(thread)) {
            return true;
        } else if (cpu_->leader == 0 || cpu_->leader == cpu_->keeper) {
            lead(thread);
        } else {
            park(thread);
            unlock_and_kick(thread);
            wait_for_turn(thread);
        }
        const Taken taken = take_token(thread);
        if (taken == Taken::ended) {
            return false;
        }
        locked = taken == Taken::locked;
        end_wait(thread);
    } while (locked);
    return true;  // handed over: the CPU is in this thread's own context
}

/// With the token. Another thread has ended the process's part in the stack, and is about to end the process: this
/// thread's task is gone already, and the end may not find the thread inside the stack.
void Cpu::hold_if_left(Thread& thread) {
    if (__builtin_expect(left_.load(std::memory_order_relaxed), 0)) {
        if (!token_.holder_died() || settle_death(thread)) {
            token_.unlock();
        }
        for (;;) {
            raw_syscall(SYS_pause);
        }
    }
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

/// With the token: does nobody watch the wire but perhaps the keeper?
bool Cpu::may_glance() const { return wire_fd_ >= 0 && (cpu_->leader == 0 || cpu_->leader == cpu_->keeper); }

/// With the token: the stack, once resumed, looks into the wire.
void Cpu::glance(Thread& thread, WireGlance& occasion) {
    begin_to_lead();
    cpu_->leader = 0;
    thread.glance = &occasion;
    thread.packets_before = packets_read();
    __atomic_fetch_or(&cpu_->pending, ALPINE_IRQ_WIRE, __ATOMIC_SEQ_CST);
}

/// True: it found something.
bool Cpu::end_glance(Thread& thread) {
    const bool found = packets_read() != thread.packets_before;
    thread.glance->note(found);
    thread.glance = nullptr;
    return found;
}

/// With the token, before a wait in which this thread would lead. True: the stack is to look into the wire first. A
/// look that found something is followed by another.
bool Cpu::glances_before_wait(Thread& thread) {
    if (thread.glance != nullptr && !end_glance(thread)) {
        return false;
    }
    if (!may_glance() || !before_wait_.is_due()) {
        return false;
    }
    glance(thread, before_wait_);
    return true;
}

/// With the token: a thread of the program sees to the wire, and the keeper need not for a while.
void Cpu::begin_to_lead() { __atomic_store_n(&family_->waits, family_->waits + 1, __ATOMIC_RELAXED); }

/// With the token, after a wait as leader or follower.
void Cpu::end_wait(Thread& thread) {
    alpine_task* task = thread.task;
    __atomic_fetch_and(&task->turn, ~(ALPINE_TURN_LEAD | ALPINE_TURN_RUN), __ATOMIC_ACQ_REL);
    task->wake_by = ALPINE_WAKE_FUTEX;
    unpark(task);
    if (cpu_->leader == thread.id) {
        cpu_->leader = 0;
        cpu_->leader_group = nullptr;
    }
}

void Cpu::park(Thread& thread) {
    alpine_task* task = thread.task;
    const bool by_bell = thread.watched_count > 0 && thread.bell.make(true);
    task->bell = thread.bell.name;
    task->wake_by = by_bell ? ALPINE_WAKE_BELL : ALPINE_WAKE_FUTEX;
    if (task->parked == 0) {
        task->parked = 1;
        task->next_parked = cpu_->parked;
        cpu_->parked = task;
    }
}

void Cpu::unpark(alpine_task* task) {
    if (task->parked == 0) {
        return;
    }
    for (alpine_task** link = &cpu_->parked; *link != nullptr; link = &(*link)->next_parked) {
        if (*link == task) {
            *link = task->next_parked;
            break;
        }
    }
    task->parked = 0;
}

/// Sleeps until `turn` is something, or one of the watched host descriptors is ready.
void Cpu::wait_for_turn(Thread& thread) {
    std::uint32_t* turn = &thread.task->turn;
    while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) == ALPINE_TURN_NONE) {
        if (thread.task->wake_by == ALPINE_WAKE_FUTEX) {
            futex_wait(turn, ALPINE_TURN_NONE);
            continue;
        }
        PollSet set({thread.bell.fd}, thread.watched, thread.watched_count);
        thread.polling = true;
        if (__atomic_load_n(turn, __ATOMIC_ACQUIRE) == ALPINE_TURN_NONE) {
            set.wait(kNever);
        }
        thread.polling = false;
        if (set.own_is_ready(0)) {
            thread.bell.silence();
        }
        if (set.watched_is_ready()) {
            thread.host_ready = true;
            return;
        }
    }
}

Cpu::Taken Cpu::take_token(Thread& thread) {
    alpine_task* task = thread.task;
    __atomic_store_n(&task->at_token, 1, __ATOMIC_SEQ_CST);
    Taken taken = Taken::locked;
    for (;;) {
        const bool locked = token_.lock_unless(&task->turn, ALPINE_TURN_RUN | ALPINE_TURN_END, thread.tid()) ||
                            (!ended() && token_.lock_unless(nullptr, 0, thread.tid()));
        if (ended()) {
            if (locked) {
                token_.unlock();
            }
            taken = Taken::ended;
            break;
        }
        if (locked) {
            hold_if_left(thread);
        }
        if (locked && (!token_.holder_died() || settle_death(thread))) {
            break;
        }
        if (token_.is_held_by(thread.tid())) {
            taken = Taken::handed_over;
            break;
        }
    }
    __atomic_store_n(&task->at_token, 0, __ATOMIC_RELAXED);
    return taken;
}

/// Called with the token, and nobody leads but perhaps the keeper. Comes back without it.
void Cpu::lead(Thread& thread) {
    alpine_task* task = thread.task;
    begin_to_lead();
    cpu_->leader = thread.id;
    cpu_->leader_group = task->group;
    task->wake_by = ALPINE_WAKE_KICK;
    const std::uint64_t deadline_ns = cpu_->next_event_ns;
    cpu_->leader_deadline_ns = deadline_ns;
    token_.unlock();

    thread.polling = true;
    if (__atomic_load_n(&task->turn, __ATOMIC_SEQ_CST) == ALPINE_TURN_NONE) {
        poll_wire(thread, deadline_ns, busy_poll_ns_, -1, -1);
    }
    thread.polling = false;
}

/// Waits for the wire, a kick, the thread's host descriptors or the deadline, and raises the interrupts it finds. The
/// other two descriptors end the wait as well: true, if one of them did. For the first `busy_ns` of the wait it does
/// not sleep.
bool Cpu::poll_wire(Thread& thread, std::uint64_t deadline_ns, std::uint64_t busy_ns, int watch_fd, int bell_fd) {
    const bool wire_gone = __atomic_load_n(&wire_gone_, __ATOMIC_RELAXED);
    PollSet set({wire_gone ? -1 : wire_fd_, kick_fd_, watch_fd, bell_fd}, thread.watched, thread.watched_count);
    if (busy_ns == 0 || !set.wait_busily(std::min(deadline_ns, monotonic_ns() + busy_ns))) {
        set.wait(deadline_ns);
    }
    std::uint32_t pending = 0;
    if (set.own_is_ready(0)) {
        pending |= ALPINE_IRQ_WIRE;
    }
    if (set.own_is_gone(0)) {
        __atomic_store_n(&wire_gone_, true, __ATOMIC_RELAXED);  // what is left in it is read now
    }
    if (set.own_is_ready(1)) {
        drain_event(kick_fd_);
        if (__atomic_load_n(&cpu_->leader, __ATOMIC_SEQ_CST) != thread.id) {
            signal_event(kick_fd_);  // whoever leads meanwhile is meant, and may not have seen it yet
        }
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
    return set.own_is_ready(2) || set.own_is_ready(3);
}

/// Without limit only when the whole wait before, and what the caller did since, was without use: what came of the last
/// use is looked for once more.
void Cpu::wait_unless_used(Bell& bell, int fd, int limit_ms) {
    constexpr std::uint64_t kNsPerMs = 1'000'000;
    std::uint64_t deadline_ns = monotonic_ns() + static_cast<std::uint64_t>(limit_ms) * kNsPerMs;
    if (bell.make(false)) {
        family_->use_bell = bell.name;
        std::uint32_t unused = kUnused;
        if (__atomic_compare_exchange_n(&family_->use, &unused, kSleepsOnUse, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            deadline_ns = kNever;
        } else {
            __atomic_store_n(&family_->use, kUnused, __ATOMIC_SEQ_CST);
        }
    }
    PollSet set({fd, bell.fd}, nullptr, 0);
    set.wait(deadline_ns);
    if (set.own_is_ready(1)) {
        bell.silence();
    }
}

void Cpu::interrupt(Thread& thread) const {
    if (thread.task == nullptr) {
        return;
    }
    __atomic_fetch_or(&thread.task->turn, ALPINE_TURN_INTERRUPT, __ATOMIC_SEQ_CST);
    if (!thread.polling) {
        return;
    }
    if (thread.task->wake_by == ALPINE_WAKE_KICK) {
        signal_event(kick_fd_);
    } else if (thread.bell.name != 0) {
        ring(bell_out_, thread.bell.name);
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
        if (__atomic_load_n(&cpu_->pending, __ATOMIC_SEQ_CST) == 0 || !try_lock(thread)) {
            return;
        }
    }
}

/// Unlocks; a leader that would sleep past the stack's next timer is woken to look at it.
void Cpu::unlock_and_kick(const Thread& thread) {
    const bool oversleeps =
        cpu_->leader != 0 && cpu_->leader != thread.id && cpu_->next_event_ns < cpu_->leader_deadline_ns;
    if (oversleeps) {
        cpu_->leader_deadline_ns = cpu_->next_event_ns;
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
        cpu_->leader_group = next->group;
        cpu_->leader_deadline_ns = 0;  // it will look at the timer before it sleeps
        wake(next, ALPINE_TURN_LEAD);
    } else if (__atomic_load_n(&cpu_->keeper_asleep, __ATOMIC_RELAXED) != 0) {
        __atomic_store_n(&cpu_->keeper_asleep, 0, __ATOMIC_SEQ_CST);
        ring(bell_out_, family_->keeper_bell);
    }
}

// --- The family ---

Cpu::Seat Cpu::take_seat(Thread& thread, alpine_task* group, std::uint32_t closes) {
    Member forked{};
    forked.group = group;
    forked.stage = kForked;
    forked.descriptors = descriptors();
    forked.parent = static_cast<std::uint32_t>(seat_.member - family_->members);
    forked.parent_serial = seat_.serial;
    forked.parent_closes = closes;
    Member* member = family_->add(forked, thread.tid());
    if (member != nullptr) {
        return {member, member->serial};
    }
    const Armed armed(thread, &cpu_->token);
    if (lock(thread)) {
        end_threads(thread, group, ALPINE_REQUEST_END);
    }
    return {};
}

void Cpu::name_member(Thread& thread, const Seat& seat, std::uint32_t process) {
    family_->name(seat.member, seat.serial, process, thread.tid());
    tell_keeper_of_fork();
}

void Cpu::call_keeper() const {
    if (family_->count > 1) {
        ring(bell_out_, family_->keeper_bell);
    }
}

/// A fork is dear enough without a thread that wakes up for each. The keeper looks again for a while by itself.
void Cpu::tell_keeper_of_fork() const {
    const std::uint64_t now = monotonic_ns();
    std::uint64_t last = __atomic_load_n(&family_->rung_ns, __ATOMIC_RELAXED);
    if (now - last >= kTellOfForkEveryNs &&
        __atomic_compare_exchange_n(&family_->rung_ns, &last, now, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        call_keeper();
    }
}

void Cpu::settle(const Seat& seat) {
    std::uint32_t forked = kForked;
    if (__atomic_compare_exchange_n(&seat.member->stage, &forked, kUsesStack, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED)) {
        call_keeper();
    }
}

FamilyDescriptors Cpu::descriptors() const {
    return {arena_fd(),
            wire_fd_,
            kick_fd_,
            {kept_for_takeover[0], kept_for_takeover[1], kept_for_takeover[2], kept_for_takeover[3]}};
}

void Cpu::become(Thread& thread, const Seat& seat) {
    seat_ = seat;
    group_ = seat.member->group;
    has_keeper_ = false;
    left_ = false;
    keeper_ready_ = 0;
    if (seat.serial == seat.member->serial) {  // else a guest at another's, until it has its own (attach())
        seat.member->descriptors = descriptors();
    }
    name_member(thread, seat, static_cast<std::uint32_t>(raw_syscall(SYS_getpid)));
}

/// With the token; comes back without it. `request`: ALPINE_REQUEST_END or _EXEC.
void Cpu::end_threads(Thread& thread, alpine_task* group, std::uint32_t request) {
    for (alpine_task** link = &cpu_->parked; *link != nullptr;) {
        if ((*link)->group == group) {
            *link = (*link)->next_parked;
        } else {
            link = &(*link)->next_parked;
        }
    }
    if (cpu_->leader_group == group) {
        cpu_->leader = 0;
        cpu_->leader_group = nullptr;
    }
    cpu_->group = group;
    cpu_->request = request;
    if (drive(thread)) {
        release(thread);
    }
}

void Cpu::bury(Thread& thread, const Seat& seat) {
    alpine_task* group = family_->remove(seat.member, seat.serial, thread.tid());
    if (group == nullptr) {
        return;
    }
    const Armed armed(thread, &cpu_->token);
    if (lock(thread)) {
        end_threads(thread, group, ALPINE_REQUEST_END);
    }
}

/// With the token; comes back without it. False: there was none, and with it.
bool Cpu::bury_leaver(Thread& thread) {
    alpine_task* group = family_->remove_leaver(thread.tid());
    if (group != nullptr) {
        end_threads(thread, group, ALPINE_REQUEST_END);
    }
    return group != nullptr;
}

void Cpu::bury_leavers(Thread& thread) {
    if (__atomic_load_n(&family_->leavers, __ATOMIC_SEQ_CST) == 0) {
        return;
    }
    const Armed armed(thread, &cpu_->token);
    if (lock(thread)) {
        release(thread);
    }
}

Leaving Cpu::begin_leave(const Thread& thread) {
    Member* member = seat_.member;
    const bool unused = thread.task == nullptr && __atomic_load_n(&member->stage, __ATOMIC_ACQUIRE) == kForked;
    const auto self = static_cast<std::uint32_t>(raw_syscall(SYS_gettid));
    if (!family_->resign(member, unused ? kLeaving : kResigned, self)) {
        return Leaving::last;
    }
    if (!unused) {
        return Leaving::used;
    }
    // Looked at only now: a parent that closes something finds this process leaving, or has said so before.
    if (family_->is_sole_owner(*member) && family_->take_back(member, seat_.serial, self)) {
        return Leaving::sole_owner;
    }
    left_ = true;
    return Leaving::unused;
}

/// Removed with the token: who finds that this process has gone finds what it had closed.
void Cpu::leave(Thread& thread) {
    const Armed armed(thread, &cpu_->token);
    if (lock(thread)) {
        left_ = true;
        thread.task = nullptr;
        if (family_->remove(seat_.member, seat_.serial, thread.tid()) != nullptr) {
            end_threads(thread, group_, ALPINE_REQUEST_END);
        } else {
            release(thread);
        }
    }
    left_ = true;
}

void Cpu::hold_for_exec(Thread& thread) {
    thread.robust.arm(&cpu_->token);
    if (!lock(thread)) {
        thread.robust.disarm();
    }
}

void Cpu::let_go_after_exec(Thread& thread) {
    if (token_.is_held_by(thread.tid())) {
        release(thread);
    }
    thread.robust.disarm();
}

void Cpu::forget_threads(Thread& thread) {
    const Armed armed(thread, &cpu_->token);
    if (lock(thread)) {
        end_threads(thread, group_, ALPINE_REQUEST_EXEC);
    }
}

}  // namespace alp::stack
