// SPDX-License-Identifier: GPL-2.0
// The thread that calls for alpined when it has gone away.
#pragma once

#include "base/result.h"
#include "proxy/client/client.h"

namespace alp::calls {

/// Starts it (proxy/client/reattachment.h says what it does). It sleeps in poll(2) while alpined lives, has a
/// descriptor table of its own, takes no signal, and ends with the process. Once per process, after attach(); `client`
/// and `proof`, what it shows an alpined that comes anew, stay for good. Errors: those of socketpair(2), and EAGAIN
/// when there can be no more threads.
Result<void> outlive_daemon(proxy::Client& client, int proof);

}  // namespace alp::calls
