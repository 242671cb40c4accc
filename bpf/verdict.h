/* SPDX-License-Identifier: GPL-2.0 */
/* Who receives a packet, and who may send it. */
#ifndef ALPINE_BPF_VERDICT_H
#define ALPINE_BPF_VERDICT_H

#include "bpf/fragments.h"
#include "bpf/owner.h"
#include "bpf/packet.h"

/* Whose stack receives this packet. An ICMP error goes to the sender of the packet it quotes. */
static always_inline __u32 receiver(const struct __sk_buff *skb, const struct packet *pkt, __u32 from_ifindex)
{
	struct packet quoted;
	struct claim found;

	if (is_icmp_error(pkt)) {
		if (parse_quoted(skb, pkt, &quoted))
			return 0;
		return flow_owner(&quoted.src, &quoted.dst);
	}
	if (pkt->piece == PIECE_LATER) {
		if (!recall_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER, &found) && !from_ifindex) {
			hold_piece(skb, pkt);
			/* Has the first one come meanwhile, on another CPU? */
			recall_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER, &found);
		}
		return found.ifindex;
	}
	found.key = pkt->dst;
	found.ifindex = flow_owner(&pkt->dst, &pkt->src);
	if (pkt->piece == PIECE_FIRST)
		remember_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER, &found);
	return found.ifindex;
}

/* May the stack behind the TUN `ifindex` send this packet? An ICMP error it may if it has received the packet it quotes. */
static always_inline int may_send(const struct __sk_buff *skb, const struct packet *pkt, __u32 ifindex)
{
	struct alpine_pair_key pair;
	struct packet quoted;
	struct claim claim;

	if (is_icmp_error(pkt)) {
		if (parse_quoted(skb, pkt, &quoted))
			return 0;
		find_claim(&quoted.dst, &claim);
		return owns(&claim, ifindex);
	}
	if (pkt->piece == PIECE_LATER) {
		recall_fragment(pkt, ifindex, ALPINE_FRAGMENT_SENDER, &claim);
		return claim.ifindex == ifindex;
	}
	find_claim(&pkt->src, &claim);
	if (!owns(&claim, ifindex))
		return 0;
	if (claim.ifindex == ALPINE_SHARED_FLOW) {
		make_pair(&pkt->src, &pkt->dst, &pair);
		pin_flow(&pair, ifindex);
	}
	claim.ifindex = ifindex;
	if (pkt->piece == PIECE_FIRST)
		remember_fragment(pkt, ifindex, ALPINE_FRAGMENT_SENDER, &claim);
	return 1;
}

#endif
