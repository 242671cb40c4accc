// SPDX-License-Identifier: GPL-2.0
// Is it a message of our protocol at all?
#pragma once

#include "base/result.h"
#include "proxy/message_io.h"

namespace alp::proxy {

/// Checks size, magic, version, type and length. After success the message can be read as the structure its type
/// has. Errors: EMSGSIZE, EBADMSG, and EPROTO for a peer of another version.
Result<void> check_framing(const Incoming& message);

}  // namespace alp::proxy
