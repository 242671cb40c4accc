// SPDX-License-Identifier: GPL-2.0
// What a TUN device is asked to leave to the stack behind it (TUNSETOFFLOAD): unfinished checksums, and segments not
// yet cut. UDP segmentation came with Linux 6.2; the rest is as old as TUN.
#pragma once

#include <linux/if_tun.h>

namespace alp {

inline constexpr unsigned kTunOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
/// With TUN_F_USO4 and TUN_F_USO6, which are newer than the headers that Alpine is built with.
inline constexpr unsigned kTunOffloadsWithUdp = kTunOffloads | 0x20 | 0x40;

}  // namespace alp
