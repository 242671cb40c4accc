/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets to a group or by broadcast: a copy for every stack that has claimed the port (its own membership decides
 * whether a socket there gets it), and the packet itself for the host, or for the network.
 */
#ifndef ALPINE_BPF_SEVERAL_H
#define ALPINE_BPF_SEVERAL_H

#include "bpf/count.h"
#include "bpf/fragments.h"
#include "bpf/owner.h"

/* RFC 5771, RFC 4291. */
static always_inline int is_group(const __u8 *addr)
{
	return is_v4_mapped(addr) ? (addr[12] & 0xf0) == 0xe0 : addr[0] == 0xff;
}

/* `use`: what is known of the address. */
static always_inline int is_for_several(const __u8 *addr, const struct alpine_address_use *use)
{
	const __u32 *words = (const __u32 *)addr;

	if (use)
		return use->broadcast;
	return is_group(addr) || (is_v4_mapped(addr) && words[3] == 0xffffffff);
}

static always_inline void copy_to_stack(struct __sk_buff *skb, __u32 ifindex)
{
	count_in(skb, ifindex);
	bpf_clone_redirect(skb, ifindex, 0);
}

/* Copies for all owners of `claim` but `except` and those that own `done`. 1 if there were any. */
checked_once int copy_to_owners(struct __sk_buff *skb, const struct claim *claim, const struct claim *done, __u32 except)
{
	const struct alpine_share *share;
	int copied = 0;

	if (!claim || !done || !claim->ifindex)
		return 0;
	if (claim->ifindex != ALPINE_SHARED_FLOW) {
		if (claim->ifindex == except || owns(done, claim->ifindex))
			return 0;
		copy_to_stack(skb, claim->ifindex);
		return 1;
	}
	share = bpf_map_lookup_elem(&shares, &claim->key);
	if (!share)
		return 0;
	for (int i = 0; i < ALPINE_SHARE_MEMBERS; i++) {
		__u32 ifindex = share->members[i].ifindex;

		if (!ifindex || ifindex == except || owns(done, ifindex))
			continue;
		copy_to_stack(skb, ifindex);
		copied = 1;
	}
	return copied;
}

/* Pieces after the first follow the claim that was found for it; that is one, also when two had it. */
static always_inline int copy_later_piece(struct __sk_buff *skb, const struct packet *pkt, __u32 from_ifindex)
{
	struct claim nobody = {};
	struct claim found;

	recall_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER, &found);
	return copy_to_owners(skb, &found, &nobody, from_ifindex);
}

/* `from_ifindex`: the TUN of the stack that sends it, which has seen to its own sockets, or 0. 1 if there were copies. */
static always_inline int copy_to_stacks(struct __sk_buff *skb, const struct packet *pkt, __u32 from_ifindex)
{
	struct claim exact, wildcard, nobody = {};
	__u32 mark = skb->mark;
	int copied;

	skb->mark = ALPINE_STEERED_MARK;
	if (pkt->piece == PIECE_LATER) {
		copied = copy_later_piece(skb, pkt, from_ifindex);
	} else {
		find_exact_claim(&pkt->dst, &exact);
		find_wildcard_claim(&pkt->dst, &wildcard);
		if (pkt->piece == PIECE_FIRST)
			remember_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER,
					  wildcard.ifindex ? &wildcard : &exact);
		copied = copy_to_owners(skb, &exact, &nobody, from_ifindex);
		copied |= copy_to_owners(skb, &wildcard, &exact, from_ifindex);
	}
	skb->mark = mark;
	return copied;
}

#endif
