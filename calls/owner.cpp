// SPDX-License-Identifier: GPL-2.0
#include "calls/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "calls/guard.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

/// struct f_owner_ex of fcntl(2).
struct Owner {
    int type;
    int id;
};

/// The id inside the stack of a process of the family, for its id on the host; of this one for that of its group
/// (negative). 0 stays "nobody". -ESRCH for others.
long process_in_stack(long id) {
    if (id == 0) {
        return 0;
    }
    const bool own_group = -id == raw_syscall(SYS_getpgid, 0);
    return stack_call(ALPINE_NR_task_of_process, own_group ? raw_syscall(SYS_getpid) : id);
}

long owner_in_stack(Owner& owner) {
    long id = 0;
    switch (owner.type) {
        case F_OWNER_TID:
            id = stack_call(ALPINE_NR_task_of_thread, owner.id);
            break;
        case F_OWNER_PGRP:
            id = process_in_stack(-owner.id);
            owner.type = F_OWNER_PID;  // of the group only this process has the stack
            break;
        default:
            id = process_in_stack(owner.id);
            break;
    }
    owner.id = static_cast<int>(id);
    return id < 0 ? id : 0;
}

/// 0 for one that has ended.
long process_on_host(long id) {
    const long process = id == 0 ? 0 : stack_call(ALPINE_NR_process_of_task, id);
    return process < 0 ? 0 : process;
}

long set_owner_ex(int fd, const void* argument) {
    Owner owner{};
    if (!guarded_copy(&owner, argument, sizeof(owner))) {
        return -EFAULT;
    }
    const long error = owner_in_stack(owner);
    return error < 0 ? error : stack_call(SYS_fcntl, fd, F_SETOWN_EX, arg(&owner));
}

long get_owner_ex(int fd, void* argument) {
    Owner owner{};
    const long error = stack_call(SYS_fcntl, fd, F_GETOWN_EX, arg(&owner));
    if (error < 0) {
        return error;
    }
    const long id = owner.type == F_OWNER_TID && owner.id != 0 ? stack_call(ALPINE_NR_thread_of_task, owner.id)
                                                               : process_on_host(owner.id);
    owner.id = static_cast<int>(id);
    return guarded_copy(argument, &owner, sizeof(owner)) ? 0 : -EFAULT;
}

long set_owner(int fd, long id) {
    const long inside = process_in_stack(id);
    return inside < 0 ? inside : stack_call(SYS_fcntl, fd, F_SETOWN, inside);
}

long get_owner(int fd) {
    const long id = stack_call(SYS_fcntl, fd, F_GETOWN);
    return id < 0 ? id : process_on_host(id);
}

}  // namespace

bool is_owner_command(int command) {
    return command == F_SETOWN || command == F_GETOWN || command == F_SETOWN_EX || command == F_GETOWN_EX;
}

long control_owner(int fd, int command, long argument) {
    switch (command) {
        case F_SETOWN:
            return set_owner(fd, static_cast<int>(argument));
        case F_GETOWN:
            return get_owner(fd);
        case F_SETOWN_EX:
            return set_owner_ex(fd, reinterpret_cast<const void*>(argument));
        default:
            return get_owner_ex(fd, reinterpret_cast<void*>(argument));
    }
}

bool is_owner_request(unsigned long request) {
    return request == FIOSETOWN || request == SIOCSPGRP || request == FIOGETOWN || request == SIOCGPGRP;
}

long control_owner_device(int fd, unsigned long request, void* argument) {
    int id = 0;
    if (request == FIOSETOWN || request == SIOCSPGRP) {
        return guarded_copy(&id, argument, sizeof(id)) ? set_owner(fd, id) : -EFAULT;
    }
    const long owner = get_owner(fd);
    id = static_cast<int>(owner);
    return owner < 0 ? owner : guarded_copy(argument, &id, sizeof(id)) ? 0 : -EFAULT;
}

}  // namespace alp::calls
