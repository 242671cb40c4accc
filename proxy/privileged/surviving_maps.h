// SPDX-License-Identifier: GPL-2.0
// The maps that an alpined before this one has left.
//
// Theory of operation
//
// A tc filter holds its program and the program holds its maps, whether or not the process that loaded them still
// lives. So the filter on the host's devices is where the maps are found again: by its handle the kernel names the
// program, and the program names its maps. Nothing is pinned in a bpffs: such a pin would have to be named after a
// network namespace and be cleaned up after it, and the mount may well be private to the process that died. The filters
// are just as long-lived as what they steer, and belong to exactly one network namespace.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/unique_fd.h"

struct bpf_map;
struct bpf_object;

namespace alp::proxy {

using MapsByName = std::map<std::string, UniqueFd>;

/// The maps of the program behind alpined's filter on the ingress of one of the devices of this network namespace (lo
/// is asked first). Empty: there is none, or it is not of root's making.
MapsByName find_surviving_maps();

/// What became of them.
enum class Takeover {
    none,         ///< there were none
    complete,     ///< all are used
    incompatible  ///< another layout: of an alpined of another build. Only what is to be put back is used
};

/// Before `object` is loaded: lets it use those maps instead of making new ones.
Takeover reuse_maps(bpf_object* object, const MapsByName& maps);

}  // namespace alp::proxy
