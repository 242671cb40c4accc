// SPDX-License-Identifier: GPL-2.0
#include "stack/host/family.h"

#include <string.h>

#include <algorithm>

namespace alp::stack {

void Family::initialize(std::uint64_t layout_id, const char* image) {
    layout = layout_id;
    strncpy(image_path, image, sizeof(image_path) - 1);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&keeper_lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

Member* Family::add(Member member, std::uint32_t self) {
    lock.lock(self);
    Member* found = nullptr;
    for (std::uint32_t i = 0; i < kMaxMembers && found == nullptr; ++i) {
        if (members[i].group == nullptr) {
            found = &members[i];
            if (i >= end) {
                end = i + 1;
            }
        }
    }
    if (found != nullptr) {
        member.serial = ++last_serial;
        *found = member;
        ++count;
        ++generation;
    }
    lock.unlock();
    return found;
}

namespace {

std::uint32_t stage_of(const Member& member) { return __atomic_load_n(&member.stage, __ATOMIC_ACQUIRE); }

}  // namespace

/// Under the lock.
alpine_task* Family::take_out(Member& member) {
    alpine_task* group = member.group;
    if (member.stage == kLeaving && leavers != 0) {
        __atomic_fetch_sub(&leavers, 1, __ATOMIC_SEQ_CST);
    }
    member = Member{};
    --count;
    ++generation;
    return group;
}

alpine_task* Family::remove(Member* member, std::uint32_t serial, std::uint32_t self) {
    lock.lock(self);
    alpine_task* group = member->serial == serial && member->group != nullptr ? take_out(*member) : nullptr;
    lock.unlock();
    return group;
}

bool Family::stays(const Member& member) const { return member.group != nullptr && stage_of(member) < kLeaving; }

bool Family::resign(Member* member, std::uint32_t stage, std::uint32_t self) {
    lock.lock(self);
    const bool is_last =
        std::none_of(members, members + end, [&](const Member& other) { return &other != member && stays(other); });
    if (!is_last) {
        if (stage == kLeaving) {
            __atomic_fetch_add(&leavers, 1, __ATOMIC_SEQ_CST);
        }
        __atomic_store_n(&member->stage, stage, __ATOMIC_SEQ_CST);
    }
    lock.unlock();
    return !is_last;
}

bool Family::take_back(Member* member, std::uint32_t serial, std::uint32_t self) {
    lock.lock(self);
    const bool is_there = member->serial == serial && member->group != nullptr;
    if (is_there) {
        __atomic_store_n(&member->stage, kForked, __ATOMIC_SEQ_CST);
        __atomic_fetch_sub(&leavers, 1, __ATOMIC_SEQ_CST);
    }
    lock.unlock();
    return is_there;
}

bool Family::is_sole_owner(const Member& member) const {
    const Member& parent = members[member.parent];
    return parent.serial != member.parent_serial ||
           __atomic_load_n(&parent.closes, __ATOMIC_SEQ_CST) != member.parent_closes;
}

alpine_task* Family::remove_leaver(std::uint32_t self) {
    lock.lock(self);
    Member* found = std::find_if(members, members + end, [](const Member& member) {
        return member.group != nullptr && stage_of(member) == kLeaving;
    });
    alpine_task* group = nullptr;
    if (found != members + end) {
        group = take_out(*found);
    } else {
        __atomic_store_n(&leavers, 0, __ATOMIC_SEQ_CST);  // one was killed before it was done saying so
    }
    lock.unlock();
    return group;
}

bool Family::has_forked() const {
    return std::any_of(members, members + end, [](const Member& member) {
        const std::uint32_t stage = stage_of(member);
        return member.group != nullptr && (stage == kForked || stage == kLeaving);
    });
}

bool Family::is_alone() const {
    return count <= 1 ||
           std::count_if(members, members + end, [&](const Member& member) { return stays(member); }) <= 1;
}

void Family::name(Member* member, std::uint32_t serial, std::uint32_t process, std::uint32_t self) {
    lock.lock(self);
    if (member->serial == serial && member->process == 0) {
        member->group->process = process;
        member->process = process;
        ++generation;
    }
    lock.unlock();
}

}  // namespace alp::stack
