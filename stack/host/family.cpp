// SPDX-License-Identifier: GPL-2.0
#include "stack/host/family.h"

#include <string.h>

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

Member* Family::add(alpine_task* group, const FamilyDescriptors& descriptors, std::uint32_t self) {
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
        *found = Member{group, 0, ++last_serial, descriptors};
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
        *member = Member{};
        --count;
        ++generation;
    }
    lock.unlock();
    return group;
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
