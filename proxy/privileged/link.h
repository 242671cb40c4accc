// SPDX-License-Identifier: GPL-2.0
// Changes to network devices.
#pragma once

#include <string>

#include "base/result.h"

namespace alp::proxy {

Result<void> set_link_up(const std::string& ifname);

/// Deletes a device (RTM_DELLINK). A device that is gone already is fine; other failures are logged.
void delete_link(unsigned ifindex);

}  // namespace alp::proxy
