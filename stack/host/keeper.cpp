// SPDX-License-Identifier: GPL-2.0
// The keeper: leads while no program thread does (theory in cpu.h), and the boot, which is its first act.
//
// A descriptor table of its own
// -----------------------------
// While two threads share a descriptor table, every call of the program on a descriptor costs the host's kernel an
// atomic reference count: a program of one thread would pay for our keeper on each read(). So the keeper leaves the
// process's table, and what it keeps in its own, under the same numbers, is what it needs for
// leading: the wire and the kick. It never has to wake a program thread by that thread's own event descriptor, because
// it runs the stack only while no thread is blocked in it (cpu.h); drive() makes sure. Standard error it borrows when
// it has something to say (host_ops.cpp). A host kernel that cannot do it (before 5.9, or forbidden) leaves the table
// shared.
#include <errno.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"
#include "stack/host/cpu.h"
#include "stack/host/private_fd.h"

namespace alp::stack {

namespace {

constexpr long kLookEveryNs = 2'000'000;  // 2 ms
constexpr int kLooksUntilRest = 5;

void sleep_until(std::uint64_t deadline_ns) {
    if (deadline_ns == kNever) {
        return;
    }
    const timespec when = to_timespec(deadline_ns);
    raw_syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, arg(&when), 0);
}

void close_all_between(int above, int below) {
    if (below - above > 1) {
        raw_syscall(SYS_close_range, above + 1, below - 1, CLOSE_RANGE_UNSHARE);
    }
}

/// Gives the calling thread a descriptor table that holds nothing but these two (a negative one stands for none).
void keep_only(int one, int other) {
    const auto [low, high] = std::minmax(one, other);
    close_all_between(-1, low);
    close_all_between(std::max(low, -1), high);
    raw_syscall(SYS_close_range, high + 1, ~0U, CLOSE_RANGE_UNSHARE);
}

}  // namespace

Result<void> Cpu::start(const alpine_stack_image& image, alpine_process* process, int wire_fd) {
    image_ = &image;
    cpu_ = image.cpu;
    process_ = process;
    token_ = Token(&cpu_->token);
    wire_fd_ = wire_fd;
    kick_fd_ = adopt_private_fd(static_cast<int>(raw_syscall(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC)));
    if (kick_fd_ < 0) {
        return Error{-kick_fd_, "cannot make an event descriptor for the stack"};
    }

    Thread boot;
    boot.id = static_cast<std::uint64_t>(raw_syscall(SYS_gettid));
    token_.lock();
    while (cpu_->booted == 0) {
        drive(boot);
        if (cpu_->booted == 0) {
            sleep_until(cpu_->next_event_ns);
            __atomic_fetch_or(&cpu_->pending, ALPINE_IRQ_TIMER, __ATOMIC_SEQ_CST);
        }
    }
    token_.unlock();

    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t keeper;
    const int error = pthread_create(&keeper, nullptr, keeper_main, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) {
        return Error{error, "cannot start the stack's keeper thread"};
    }
    pthread_setname_np(keeper, "alpine-keeper");
    pthread_detach(keeper);
    while (__atomic_load_n(&keeper_ready_, __ATOMIC_ACQUIRE) == 0) {
        futex_wait(&keeper_ready_, 0);
    }
    return {};
}

void* Cpu::keeper_main(void* self) {
    static_cast<Cpu*>(self)->keep();
    return nullptr;
}

void Cpu::keep() {
    Thread keeper;
    keeper.id = static_cast<std::uint64_t>(raw_syscall(SYS_gettid));
    token_.lock();
    keeper_id_ = keeper.id;
    token_.unlock();
    keep_only(wire_fd_, kick_fd_);
    __atomic_store_n(&keeper_ready_, 1, __ATOMIC_RELEASE);
    futex_wake(&keeper_ready_, 1);

    int looks = 0;
    for (;;) {
        const timespec look = {0, kLookEveryNs};
        futex_wait(&keeper_asleep_, 0, &look);
        const std::uint64_t leader = __atomic_load_n(&cpu_->leader, __ATOMIC_RELAXED);
        if (leader != 0 && leader != keeper_id_) {
            if (++looks >= kLooksUntilRest) {
                keeper_rest();
                looks = 0;
            }
            continue;
        }
        looks = 0;
        while (keeper_lead(keeper)) {
        }
    }
}

/// One round of leading: serve, wait. False: a program thread leads now.
bool Cpu::keeper_lead(Thread& keeper) {
    token_.lock();
    if (cpu_->leader != 0 && cpu_->leader != keeper.id) {
        token_.unlock();
        return false;
    }
    cpu_->leader = keeper.id;
    // Also without an interrupt: the task in user mode steps aside, the CPU idles and the tick stops.
    if (!drive(keeper)) {
        return true;
    }
    const std::uint64_t deadline_ns = cpu_->next_event_ns;
    leader_deadline_ns_ = deadline_ns;
    token_.unlock();
    if (__atomic_load_n(&cpu_->pending, __ATOMIC_SEQ_CST) == 0) {
        poll_wire(keeper, deadline_ns);
    }
    return __atomic_load_n(&cpu_->leader, __ATOMIC_RELAXED) == keeper.id;
}

/// Sleeps until a leader leaves and nobody follows it.
void Cpu::keeper_rest() {
    token_.lock();
    const bool led = cpu_->leader != 0 && cpu_->leader != keeper_id_;
    if (led) {
        __atomic_store_n(&keeper_asleep_, 1, __ATOMIC_SEQ_CST);
    }
    token_.unlock();
    while (__atomic_load_n(&keeper_asleep_, __ATOMIC_ACQUIRE) != 0) {
        futex_wait(&keeper_asleep_, 1);
    }
}

}  // namespace alp::stack
