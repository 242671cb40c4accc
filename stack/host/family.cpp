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

alpine_task* Family::remove(Member* member, std::uint32_t serial, std::uint32_t self) {
    lock.lock(self);
    alpine_task* group = member->serial == serial ? member->group : nullptr;
    if (group != nullptr) {
        if (__atomic_load_n(&member->stage, __ATOMIC_ACQUIRE) == kLeaving) {
            __atomic_fetch_sub(&leavers, 1, __ATOMIC_SEQ_CST);
        }
        *member = Member{};
        --count;
        ++generation;
    }
    lock.unlock();
    return group;
}

void Family::note_leaver(Member* member) {
    __atomic_fetch_add(&leavers, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&member->stage, kLeaving, __ATOMIC_SEQ_CST);
}

bool Family::is_sole_owner(const Member& member) const {
    const Member& parent = members[member.parent];
    return parent.serial != member.parent_serial ||
           __atomic_load_n(&parent.closes, __ATOMIC_SEQ_CST) != member.parent_closes;
}

Member* Family::find_leaver() {
    std::uint32_t said = __atomic_load_n(&leavers, __ATOMIC_SEQ_CST);
    for (std::uint32_t i = 0; i < end; ++i) {
        if (members[i].group != nullptr && __atomic_load_n(&members[i].stage, __ATOMIC_ACQUIRE) == kLeaving) {
            return &members[i];
        }
    }
    // One has been killed before it was done saying so. (If another says so just now, it stays as it is.)
    __atomic_compare_exchange_n(&leavers, &said, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    return nullptr;
}

bool Family::has_forked() const {
    return std::any_of(members, members + end, [](const Member& member) {
        return member.group != nullptr && __atomic_load_n(&member.stage, __ATOMIC_ACQUIRE) == kForked;
    });
}

bool Family::is_alone() const {
    if (count <= 1 || __atomic_load_n(&leavers, __ATOMIC_ACQUIRE) == 0) {
        return count <= 1;
    }
    return std::count_if(members, members + end, [](const Member& member) {
               return member.group != nullptr && __atomic_load_n(&member.stage, __ATOMIC_ACQUIRE) != kLeaving;
           }) <= 1;
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
