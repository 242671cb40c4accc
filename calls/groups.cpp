// SPDX-License-Identifier: GPL-2.0
#include "calls/groups.h"

#include <errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "calls/guard.h"
#include "calls/stack_call.h"
#include "stack/host/private_fd.h"

namespace alp::calls {

namespace {

constexpr std::size_t kLongestRequest = sizeof(group_source_req);
constexpr std::uint32_t kLoopback = 1; /* number of lo, everywhere */

/// Where the number of a device stands in the value of an option; none if it holds an address instead.
struct DevicePlace {
    bool any;
    std::size_t offset;
};

DevicePlace device_place(int level, int option, socklen_t len) {
    if (option >= MCAST_JOIN_GROUP && option <= MCAST_LEAVE_SOURCE_GROUP) {
        return {true, offsetof(group_req, gr_interface)};
    }
    if (level == IPPROTO_IPV6) {
        return {true, offsetof(ipv6_mreq, ipv6mr_ifindex)};
    }
    const bool by_number = (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP) && len >= sizeof(ip_mreqn);
    return {by_number, offsetof(ip_mreqn, imr_ifindex)};
}

/// Under file.binding.
long member_of(OpenFile& file) {
    if (file.member_fd < 0) {
        const long made = raw_syscall(SYS_socket, file.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (made < 0) {
            return made;
        }
        file.member_fd = stack::adopt_private_fd(static_cast<int>(made));
        stack::keep_over_fork(file.member_fd);
    }
    return file.member_fd;
}

}  // namespace

bool changes_groups(int level, int option) {
    if (level == IPPROTO_IP) {
        return option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP || option == IP_ADD_SOURCE_MEMBERSHIP ||
               option == IP_DROP_SOURCE_MEMBERSHIP ||
               (option >= MCAST_JOIN_GROUP && option <= MCAST_LEAVE_SOURCE_GROUP);
    }
    return level == IPPROTO_IPV6 && (option == IPV6_ADD_MEMBERSHIP || option == IPV6_DROP_MEMBERSHIP ||
                                     (option >= MCAST_JOIN_GROUP && option <= MCAST_LEAVE_SOURCE_GROUP));
}

long mirror_groups(OpenFile& file, int level, int option, const void* value, socklen_t len) {
    unsigned char request[kLongestRequest];
    if (len > sizeof(request) || !guarded_copy(request, value, len)) {
        return 0;  // more than the option has; its meaning is the stack's business
    }
    const DevicePlace place = device_place(level, option, len);
    std::uint32_t device = 0;
    if (place.any && place.offset + sizeof(device) <= len) {
        memcpy(&device, request + place.offset, sizeof(device));
        device = device == kLoopback ? device : 0;
        memcpy(request + place.offset, &device, sizeof(device));
    }
    Locked locked(file.binding);
    const long member = member_of(file);
    if (member < 0) {
        return member;
    }
    const long error = raw_syscall(SYS_setsockopt, member, level, option, arg(request), len);
    // An address or a route that only the stack has: its packets do not come by the host.
    return error == -ENOBUFS || error == -ENOMEM ? error : 0;
}

void rejoin_groups(int fd, OpenFile& file) {
    alpine_group_option joined;
    for (int i = 0; stack_call(ALPINE_NR_group_option, fd, i, arg(&joined)) == 0; ++i) {
        mirror_groups(file, static_cast<int>(joined.level), static_cast<int>(joined.option), joined.value, joined.len);
    }
}

void leave_groups(OpenFile& file) {
    if (file.member_fd >= 0) {
        stack::forget_private_fd(file.member_fd);
        raw_syscall(SYS_close, file.member_fd);
        file.member_fd = -1;
    }
}

}  // namespace alp::calls
