// SPDX-License-Identifier: GPL-2.0
// alpined under systemd: the socket it passes on, and the word it waits for (sd_listen_fds(3), sd_notify(3)).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace alp::proxy {

/// The listening socket that was passed on; not valid: none was. Errors: EINVAL it is no listening SOCK_SEQPACKET
/// socket or not the only one.
Result<UniqueFd> passed_listener();

/// Says that alpined is ready, if somebody waits for it.
void notify_ready();

}  // namespace alp::proxy
