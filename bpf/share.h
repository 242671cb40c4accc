/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoints of several stacks (SO_REUSEPORT).
 *
 * Each flow goes to the member whose hash with the flow is the highest ("rendezvous hashing"): a member that leaves
 * takes only its own flows with it, and one that joins takes an even share of everybody's. A flow on which a member has
 * sent something is pinned to that member for as long as it is one, so that a connection stays where it was accepted.
 */
#ifndef ALPINE_BPF_SHARE_H
#define ALPINE_BPF_SHARE_H

#include "bpf/maps.h"

/* The finalizer of MurmurHash3: every bit of the input counts for every bit of the result. */
static always_inline __u32 mix(__u32 hash)
{
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	return hash ^ hash >> 16;
}

static always_inline __u32 hash_pair(const struct alpine_pair_key *pair)
{
	const __u32 *words = (const __u32 *)pair;
	__u32 hash = 0;

	for (unsigned int i = 0; i < sizeof(*pair) / sizeof(*words); i++)
		hash = mix(hash ^ words[i]);
	return hash;
}

static always_inline void make_pair(const struct alpine_flow_key *local, const struct alpine_flow_key *peer,
				    struct alpine_pair_key *pair)
{
	__builtin_memset(pair, 0, sizeof(*pair));
	__builtin_memcpy(pair->local_addr, local->addr, sizeof(pair->local_addr));
	__builtin_memcpy(pair->peer_addr, peer->addr, sizeof(pair->peer_addr));
	pair->local_port_be = local->port_be;
	pair->peer_port_be = peer->port_be;
	pair->protocol = local->protocol;
}

/* Unused places are zero, which is nobody. No early end: it would multiply what the verifier has to look at. */
static always_inline int has_member(const struct alpine_share *share, __u32 ifindex)
{
	int found = 0;

	for (int i = 0; i < ALPINE_SHARE_MEMBERS; i++)
		found |= share->members[i].ifindex == ifindex;
	return found;
}

checked_once int is_sharer(const struct alpine_flow_key *key, __u32 ifindex)
{
	const struct alpine_share *share;

	if (!key)
		return 0;
	share = bpf_map_lookup_elem(&shares, key);
	return share && has_member(share, ifindex);
}

static always_inline __u32 best_member(const struct alpine_share *share, __u32 hash)
{
	__u32 chosen = share->members[0].ifindex;
	__u32 best = 0;

	for (int i = 0; i < ALPINE_SHARE_MEMBERS; i++) {
		__u32 weight = mix(hash ^ mix(share->members[i].ifindex)) | 1;

		if (share->members[i].accepts && weight > best) {
			best = weight;
			chosen = share->members[i].ifindex;
		}
	}
	return chosen;
}

checked_once __u32 choose_sharer(const struct alpine_flow_key *key, const struct alpine_pair_key *pair)
{
	const struct alpine_share *share;
	const __u32 *pinned;

	if (!key || !pair)
		return 0;
	share = bpf_map_lookup_elem(&shares, key);
	if (!share)
		return 0;
	pinned = bpf_map_lookup_elem(&pins, pair);
	if (pinned && has_member(share, *pinned))
		return *pinned;
	return best_member(share, hash_pair(pair));
}

/* A member has sent on a flow of a shared endpoint. Answers 0: a function for its effect needs a value, too. */
checked_once int pin_flow(const struct alpine_pair_key *pair, __u32 ifindex)
{
	const __u32 *pinned;

	if (!pair)
		return 0;
	pinned = bpf_map_lookup_elem(&pins, pair);
	if (!pinned || *pinned != ifindex)
		bpf_map_update_elem(&pins, pair, &ifindex, BPF_ANY);
	return 0;
}

#endif
