// SPDX-License-Identifier: GPL-2.0
// Telling the peers of a dead stack.
//
// Theory of operation
//
// A stack that dies says nothing to its peers. One that goes on sending is answered by the host's kernel with a reset,
// as its segments are no stack's any more. One that only waits would wait for ever. So alpined asks every peer for a
// word: a bare ACK with a sequence number out of the blue, which a TCP answers with an ACK of what it expects
// (RFC 9293, section 3.10.7.4). That answer finds no socket, and the host's kernel resets the connection with the very
// number the peer has named. Nobody has to know the connection's sequence numbers.
#pragma once

#include <vector>

#include "abi/steering.h"

namespace alp::proxy {

/// Sends each peer that segment. To be called when the stack's claims are gone. Best effort: a peer that cannot be
/// reached now finds out as the peer of any dead host does.
void provoke_resets(const std::vector<alpine_connection_key>& connections);

}  // namespace alp::proxy
