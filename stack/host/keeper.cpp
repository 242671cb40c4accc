// SPDX-License-Identifier: GPL-2.0
// The keeper: leads while no program thread does (theory in cpu.h), and the boot, which is its first act.
//
// It has a descriptor table of its own (own_table.h), with what it needs for leading: the wire and the kick. It never
// has to wake a program thread by that thread's own event descriptor, because it runs the stack only while no thread is
// blocked in it (cpu.h); drive() makes sure.
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"
#include "stack/host/cpu.h"
#include "stack/host/own_table.h"
#include "stack/host/own_thread.h"
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

    if (const int error = start_own_thread("alpine-keeper", 0, keeper_main, this); error != 0) {
        return Error{error, "cannot start the stack's keeper thread"};
    }
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
    leave_descriptor_table({wire_fd_, kick_fd_});
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
