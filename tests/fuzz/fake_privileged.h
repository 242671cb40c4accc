// SPDX-License-Identifier: GPL-2.0
// Stand-ins for proxy/privileged, so that the fuzzer can run the real Service with neither eBPF nor devices: they keep
// in memory what would be in the maps, for the fuzzer to look at.
#pragma once

#include <map>
#include <set>

#include "proxy/endpoint.h"

namespace alp::fuzz {

struct Kernel {
    /// As the steering maps: endpoint -> TUNs or lines, of one wire.
    std::map<alpine_flow_key, std::set<unsigned>, proxy::KeyLess> flows;
    std::set<alpine_flow_key, proxy::KeyLess> erased;  ///< flows that one wire is done with, the other not yet
    std::set<unsigned> tuns;                           ///< and classic lines, that exist
    std::set<unsigned> counted;                        ///< that counters are kept for
    unsigned next_ifindex = 10;
};

/// The one there is. The fuzzer makes it anew for each input.
Kernel& kernel();

/// Prints what is not so, and aborts.
[[noreturn]] void broken(const char* file, int line, const char* condition);

#define ALPINE_FUZZ_MUST(condition) ((condition) ? (void)0 : ::alp::fuzz::broken(__FILE__, __LINE__, #condition))

}  // namespace alp::fuzz
