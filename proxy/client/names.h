// SPDX-License-Identifier: GPL-2.0
// Drop reasons and verdicts of abi/steering.h, as `alp ps` and `alp doctor` call them.
#pragma once

#include <array>

#include "abi/steering.h"

namespace alp::proxy {

inline constexpr std::array<const char*, ALPINE_DROP_REASONS> drop_names = {
    "malformed", "source-address", "not-owned", "no-route", "no-memory", "not-steered",
};

inline constexpr std::array<const char*, ALPINE_VERDICTS> verdict_names = {
    "to-host", "to-stack", "out", "out-to-host", "out-to-stack", "dropped",
};

}  // namespace alp::proxy
