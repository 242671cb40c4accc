// SPDX-License-Identifier: GPL-2.0
// The version alpined says it is; the protocol's own version is ALPINE_PROXY_VERSION.
#pragma once

namespace alp::proxy {

inline constexpr const char* program_version = "0.1.0";

}  // namespace alp::proxy
