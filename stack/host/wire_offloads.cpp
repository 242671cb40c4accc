// SPDX-License-Identifier: GPL-2.0
#include "stack/host/wire_offloads.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"
#include "base/tun_offloads.h"

namespace alp::stack {

bool wire_segments_udp(int wire_fd) {
    return wire_fd >= 0 && raw_syscall(SYS_ioctl, wire_fd, TUNSETOFFLOAD, kTunOffloadsWithUdp) == 0;
}

}  // namespace alp::stack
