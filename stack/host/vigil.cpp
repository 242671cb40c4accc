// SPDX-License-Identifier: GPL-2.0
#include "stack/host/vigil.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/kept_memory.h"
#include "base/raw_syscall.h"

namespace alp::stack {

bool Vigil::begin() {
    watches_ = static_cast<Watch*>(keep_memory(Family::kMaxMembers * sizeof(Watch)));
    if (watches_ == nullptr) {
        return false;
    }
    epoll_ = static_cast<int>(raw_syscall(SYS_epoll_create1, EPOLL_CLOEXEC));
    own_process_ = static_cast<std::uint32_t>(raw_syscall(SYS_getpid));
    seen_generation_ = __atomic_load_n(&family_.generation, __ATOMIC_ACQUIRE) - 1;
    return epoll_ >= 0;
}

void Vigil::unwatch(std::uint32_t place) {
    if (watches_[place].serial != 0) {
        if (watches_[place].pidfd >= 0) {
            raw_syscall(SYS_close, watches_[place].pidfd);
        }
        watches_[place] = Watch{0, -1};
    }
}

void Vigil::watch(std::uint32_t place, const Member& member) {
    const int pidfd = static_cast<int>(raw_syscall(SYS_pidfd_open, static_cast<long>(member.process), 0));
    watches_[place] = Watch{member.serial, pidfd};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = place;
    if (pidfd < 0 || raw_syscall(SYS_epoll_ctl, epoll_, EPOLL_CTL_ADD, pidfd, arg(&event)) < 0) {
        vanished_ = place + 1;
    }
}

void Vigil::take_up_changes() {
    const std::uint32_t generation = __atomic_load_n(&family_.generation, __ATOMIC_ACQUIRE);
    if (generation == seen_generation_) {
        if (look_again_ns_ != kNever && monotonic_ns() >= look_again_ns_) {
            look_again_ns_ = kNever;
        }
        return;
    }
    look_again_ns_ = monotonic_ns() + kLookAgainNs;
    const std::uint32_t end = __atomic_load_n(&family_.end, __ATOMIC_ACQUIRE);
    for (std::uint32_t place = 0; place < end && vanished_ == 0; ++place) {
        const Member member = family_.members[place];
        if (member.serial == watches_[place].serial) {
            continue;
        }
        unwatch(place);
        if (member.process != 0 && member.process != own_process_) {
            watch(place, member);
        }
    }
    if (vanished_ == 0) {
        seen_generation_ = generation;
    }
}

Cpu::Seat Vigil::next_dead() {
    take_up_changes();
    std::uint32_t place = 0;
    if (vanished_ != 0) {
        place = vanished_ - 1;
        vanished_ = 0;
    } else {
        epoll_event event{};
        if (raw_syscall(SYS_epoll_wait, epoll_, arg(&event), 1, 0) != 1) {
            return {};
        }
        place = event.data.u32;
    }
    const Cpu::Seat seat{&family_.members[place], watches_[place].serial};
    unwatch(place);
    return seat;
}

}  // namespace alp::stack
