// SPDX-License-Identifier: GPL-2.0
// The capture's filter: a classic BPF program that lets through what may be for a stack, written anew at each bind.
//
// It thins out, it does not decide: the relay asks the steering programs (program.h) about every packet it gets. So a
// filter may let through too much, and has to where an exact one would not fit into the kernel: each port costs some
// instructions and every packet of the host runs through them, which is what made the first Alpine end at about a
// hundred sockets. Past max_ranges the ports nearest to each other share a range.
#pragma once

#include <linux/filter.h>

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "proxy/endpoint.h"

namespace alp::proxy::classic {

/// Ranges of ports that one filter tells apart.
inline constexpr std::size_t max_ranges = 128;

/// In the language of pcap-filter(7): packets to the ports of `claims`, ICMP, and later pieces of datagrams.
[[nodiscard]] std::string expression_for(const std::set<alpine_flow_key, KeyLess>& claims);

/// The program for a socket that sees packets from their IP header on (SOCK_DGRAM): only packets to this host's own
/// link-layer address, to a group and by broadcast, and none that still carries a VLAN tag. EINVAL with what libpcap
/// says.
Result<std::vector<sock_filter>> compile_filter(const std::string& expression);

}  // namespace alp::proxy::classic
