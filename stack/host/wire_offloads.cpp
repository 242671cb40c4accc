// SPDX-License-Identifier: GPL-2.0
#include "stack/host/wire_offloads.h"

#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"

namespace alp::stack {

namespace {

// Newer than the headers that Alpine is built with.
constexpr unsigned kTunUso4 = 0x20;
constexpr unsigned kTunUso6 = 0x40;

}  // namespace

bool wire_segments_udp(int wire_fd) {
    constexpr unsigned wanted = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | kTunUso4 | kTunUso6;
    return wire_fd >= 0 && raw_syscall(SYS_ioctl, wire_fd, TUNSETOFFLOAD, wanted) == 0;
}

}  // namespace alp::stack
