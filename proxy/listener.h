// SPDX-License-Identifier: GPL-2.0
// The socket alpined is found at.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace alp::proxy {

/// Listens at `address`: "@name" in the abstract name space of this network namespace, or a path. A path left
/// behind by a dead alpined is taken over. EADDRINUSE: another one is alive.
Result<UniqueFd> listen_at(const std::string& address);

}  // namespace alp::proxy
