// SPDX-License-Identifier: GPL-2.0
// Ports this process owns on the host: claimed from alpined, shared by sockets, given back when the stack is done.
//
// Theory of operation
//
// A claim is an endpoint {protocol, local address, port} that alpined steers to this process. The first socket on
// an endpoint claims it; others on the same one (SO_REUSEPORT, connections accepted from a listener) only count.
// When the last of them closes, a datagram port goes back at once. A stream port stays "idle" until the stack has
// no socket on it, TIME_WAIT included: else the host could give it out and see segments of a dead connection.
// Idle claims are looked at again by housekeeping(). While a claim lives, alpined's copy of the dummy keeps the
// port taken on the host; so a bind() of ours to a port we own is refused by the host and judged by the stack.
//
// Sockets that take any port get a leased one: alpined is asked for several at once, and a port comes back to be used
// again when the stack is done with it. The longest unused is the next to be given out, as its last peer is the most
// likely to have forgotten it. What is not used for a while goes back to the host. Where each question has a socket of
// its own (DNS), the port is a secret that guards the answer (RFC 5452): a port of datagrams is used again only when
// there are very many.
//
// The table is in memory that the processes of a family share: they have one stack, and so one set of ports. A process
// that is killed leaves its users counted; then housekeeping() asks the stack whether there is a socket at all.
#pragma once

#include "abi/proxy.h"
#include "calls/descriptors.h"

namespace alp::calls {

/// One claimed endpoint. In a hash table by port; when `users` is 0 it is idle.
struct Claim {
    Claim* next;
    alpine_endpoint endpoint;
    unsigned users;
    unsigned listeners;  ///< of them, those that alpined was told of
    long idle_since_ns;
    long look_again_ns;  ///< when it is worth asking the stack again
    long made_ns;
    bool leased;  ///< alpined holds its port, no dummy of ours ever did
    bool free;    ///< leased, and nobody's: among those that the next socket gets
    bool spent;   ///< of datagrams, and has been used: the next socket gets another
    bool by_raw;  ///< a raw socket sends from it: the stack has no socket bound there that it could be asked about
    Claim* next_free;
};

/// The claim for what the dummy `fd` was bound to: one we have, or a new one, with one user more. 0 or -errno.
long claim_bound_dummy(int fd, const alpine_endpoint& bound, Claim** claim);

/// The claim for an endpoint that no dummy can be bound to, because the host lacks the protocol. Port 0: alpined picks
/// one. 0 or -errno.
long claim_by_name(alpine_endpoint wanted, Claim** claim);

/// The host refused to bind the dummy: if only because the port is ours already, that claim, with one user more, and
/// the stack decides. Else null.
[[nodiscard]] Claim* own_claim_in_the_way(const alpine_endpoint& wanted);

/// A leased port of TCP or UDP, with one user; asks alpined for more when all are in use. Null when there are none to
/// be had, for whatever reason: one by one there may be.
[[nodiscard]] Claim* take_lease(int protocol);

/// A raw socket sends from it: it lives as long as its users are counted, or the family.
void note_raw_use(Claim* claim);

/// One user less.
void unclaim(Claim* claim);

/// An accepted connection lives on its listener's claim.
void share_claim(OpenFile& listener, OpenFile& connection);

/// The socket listens. If it shares its port with other processes (SO_REUSEPORT), alpined hears of it: new connections
/// come to processes that listen.
void start_accepting(int fd, OpenFile& file);

/// Has this process any such listener?
[[nodiscard]] bool has_accepting_listeners();

/// The last descriptor of `file` is gone, in the stack too: its claim has one user less.
void drop_claim(OpenFile& file);

/// Gives back the idle claims that the stack is done with. Cheap when there are none. Any thread.
void housekeeping();

/// The same, but at most every so often; called on the way of other calls.
void housekeeping_now_and_then();

/// In a forked child: its copies of the parent's sockets are users, too. That is counted before it first uses the stack
/// (settle_child()); until then no port goes that the stack has a socket on, or of which it does not know.
void share_claims_with_child();

/// A socket that came over exec and is bound to this: it is a user of the claim that covers it, if any does.
void find_claim(OpenFile& file, const alpine_endpoint& bound);

/// A process of the family is gone without having said what it used.
void doubt_claims();

}  // namespace alp::calls
