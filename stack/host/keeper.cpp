// SPDX-License-Identifier: GPL-2.0
// The keeper: leads while no program thread does (theory in cpu.h), and watches over the family (family.h).
//
// It has a descriptor table of its own (own_table.h), with what it needs for leading: the wire and the kick.
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"
#include "stack/host/cpu.h"
#include "stack/host/own_table.h"
#include "stack/host/own_thread.h"
#include "stack/host/poll_set.h"
#include "stack/host/private_fd.h"
#include "stack/host/vigil.h"

namespace alp::stack {

namespace {

constexpr std::uint64_t kLookEveryNs = 2'000'000;  // 2 ms
constexpr int kLooksUntilRest = 5;
constexpr std::size_t kStackBytes = 256 * 1024;

void sleep_until(std::uint64_t deadline_ns) {
    if (deadline_ns == kNever) {
        return;
    }
    const timespec when = to_timespec(deadline_ns);
    raw_syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, arg(&when), 0);
}

}  // namespace

/// The active keeper of the family, on its thread.
class Keeper {
public:
    explicit Keeper(Cpu& cpu) : cpu_(cpu), vigil_(*cpu.family_) { thread_.begin(); }

    /// Waits until this process is to have the family's active keeper. False: the stack has ended
    /// meanwhile, or this process may not have what it takes.
    bool wait_for_office();

    /// Until the stack ends.
    void serve();

    [[nodiscard]] Thread& thread() { return thread_; }

private:
    bool lead();
    void rest();
    void look(std::uint64_t limit_ns);
    void bury_dead();

    Cpu& cpu_;
    Thread thread_;
    Bell bell_;
    Vigil vigil_;
};

Result<void> Cpu::open_descriptors() {
    kick_fd_ = adopt_private_fd(static_cast<int>(raw_syscall(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC)));
    bell_out_ = bell_out();
    if (kick_fd_ < 0 || bell_out_ < 0) {
        return Error{EMFILE, "cannot make the stack's event descriptors"};
    }
    return {};
}

void Cpu::take(const Parts& parts) {
    image_ = parts.image;
    cpu_ = parts.image->cpu;
    process_ = parts.process;
    family_ = parts.family;
    token_ = Token(&cpu_->token, &family_->starved);
    wire_fd_ = parts.wire_fd;
}

Result<void> Cpu::start(const Parts& parts) {
    take(parts);
    if (Result<void> done = open_descriptors(); !done) {
        return done;
    }

    Thread boot;
    boot.begin();
    token_.lock(boot.tid());
    while (cpu_->booted == 0) {
        drive(boot);
        if (cpu_->booted == 0) {
            sleep_until(cpu_->next_event_ns);
            __atomic_fetch_or(&cpu_->pending, ALPINE_IRQ_TIMER, __ATOMIC_SEQ_CST);
        }
    }
    group_ = cpu_->group;
    token_.unlock();
    Member first{};
    first.group = group_;
    first.descriptors = descriptors();
    Member* member = family_->add(first, boot.tid());
    become(boot, Seat{member, member->serial});
    return start_keeper();
}

void Cpu::join(Thread& thread, const Parts& parts, const Seat& seat, int kick_fd) {
    take(parts);
    kick_fd_ = kick_fd;
    bell_out_ = bell_out();
    become(thread, seat);
}

Result<void> Cpu::start_keeper() {
    has_keeper_ = true;
    if (const int error = start_own_thread(kStackBytes, keeper_main, this); error != 0) {
        return Error{error, "cannot start the stack's keeper thread"};
    }
    while (__atomic_load_n(&keeper_ready_, __ATOMIC_ACQUIRE) == 0) {
        futex_wait(&keeper_ready_, 0);
    }
    return {};
}

void* Cpu::keeper_main(void* self) {
    static_cast<Cpu*>(self)->keep();
    rest_for_ever();
}

void Cpu::keep() {
    begin_own_thread("alpine-keeper");
    static_assert(kKeptForTakeover == 4);
    leave_descriptor_table({wire_fd_, kick_fd_, bell_out_, kept_for_takeover[0], kept_for_takeover[1],
                            kept_for_takeover[2], kept_for_takeover[3]});
    __atomic_store_n(&keeper_ready_, 1, __ATOMIC_RELEASE);
    futex_wake(&keeper_ready_, 1);
    Keeper keeper(*this);
    if (keeper.wait_for_office()) {
        keeper.serve();
    }
}

bool Keeper::wait_for_office() {
    const bool first = cpu_.cpu_->keeper == 0;
    if (pthread_mutex_lock(&cpu_.family_->keeper_lock) == EOWNERDEAD) {
        pthread_mutex_consistent(&cpu_.family_->keeper_lock);
    }
    if (!bell_.make(false) || !vigil_.begin()) {
        // A sandbox that allows no new descriptors: the office goes to another process.
        pthread_mutex_unlock(&cpu_.family_->keeper_lock);
        return false;
    }
    cpu_.family_->keeper_bell = bell_.name;
    thread_.robust.arm(&cpu_.cpu_->token);
    if (!cpu_.lock(thread_)) {
        return false;
    }
    if (cpu_.cpu_->leader == cpu_.cpu_->keeper) {
        cpu_.cpu_->leader = 0;  // the keeper before
    }
    cpu_.cpu_->keeper = thread_.id;
    cpu_.cpu_->keeper_asleep = 0;
    cpu_.release(thread_);
    bury_dead();
    if (!first && on_takeover != nullptr) {
        on_takeover();
    }
    return true;
}

void Keeper::serve() {
    int looks = 0;
    while (!cpu_.ended()) {
        const std::uint32_t waits = __atomic_load_n(&cpu_.family_->waits, __ATOMIC_RELAXED);
        look(kLookEveryNs);
        const std::uint64_t leader = __atomic_load_n(&cpu_.cpu_->leader, __ATOMIC_RELAXED);
        // A thread that comes and goes is in its call's code half the time: to lead then would only be in its way.
        const bool led_meanwhile = __atomic_load_n(&cpu_.family_->waits, __ATOMIC_RELAXED) != waits;
        if (led_meanwhile || (leader != 0 && leader != thread_.id)) {
            if (++looks >= kLooksUntilRest) {
                rest();
                looks = 0;
            }
            continue;
        }
        looks = 0;
        while (lead()) {
        }
    }
}

/// Waits, and does what has come up in the family.
void Keeper::look(std::uint64_t limit_ns) {
    PollSet set({vigil_.fd(), bell_.fd}, nullptr, 0);
    set.wait(std::min(limit_ns == kNever ? kNever : monotonic_ns() + limit_ns, vigil_.look_again_ns()));
    if (set.own_is_ready(1)) {
        bell_.silence();
    }
    bury_dead();
}

void Keeper::bury_dead() {
    for (Cpu::Seat dead = vigil_.next_dead(); dead.member != nullptr; dead = vigil_.next_dead()) {
        cpu_.bury(thread_, dead);
    }
    cpu_.bury_leavers(thread_);
}

/// One round of leading: serve, wait. False: a program thread leads now.
bool Keeper::lead() {
    alpine_cpu* cpu = cpu_.cpu_;
    if (!cpu_.lock(thread_)) {
        return false;
    }
    if (cpu->leader != 0 && cpu->leader != thread_.id) {
        cpu_.token_.unlock();
        return false;
    }
    cpu->leader = thread_.id;
    cpu->leader_group = nullptr;
    // Also without an interrupt: the task in user mode steps aside, the CPU idles and the tick stops.
    if (!cpu_.drive(thread_)) {
        return true;
    }
    const std::uint64_t deadline_ns = cpu->next_event_ns;
    cpu->leader_deadline_ns = deadline_ns;
    cpu_.token_.unlock();
    const std::uint64_t look_ns = vigil_.look_again_ns();
    if (__atomic_load_n(&cpu->pending, __ATOMIC_SEQ_CST) == 0 &&
        (cpu_.poll_wire(thread_, std::min(deadline_ns, look_ns), 0, vigil_.fd(), bell_.fd) ||
         monotonic_ns() >= look_ns)) {
        look(0);
    }
    return __atomic_load_n(&cpu->leader, __ATOMIC_RELAXED) == thread_.id;
}

/// Sleeps until a leader leaves and nobody follows it.
void Keeper::rest() {
    alpine_cpu* cpu = cpu_.cpu_;
    if (!cpu_.lock(thread_)) {
        return;
    }
    const bool led = cpu->leader != 0 && cpu->leader != thread_.id;
    if (led) {
        __atomic_store_n(&cpu->keeper_asleep, 1, __ATOMIC_SEQ_CST);
    }
    cpu_.token_.unlock();
    while (!cpu_.ended() && __atomic_load_n(&cpu->keeper_asleep, __ATOMIC_ACQUIRE) != 0) {
        look(kNever);
    }
}

}  // namespace alp::stack
