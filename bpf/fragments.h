/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams in pieces. Only the first piece has ports: what is found for it is remembered for the others, which follow
 * it, also when it was the host's. A piece that comes before its first one goes to the host, whose it may be, and a copy
 * is held. When the first piece turns out to be a stack's, it brings along what is held.
 */
#ifndef ALPINE_BPF_FRAGMENTS_H
#define ALPINE_BPF_FRAGMENTS_H

#include <linux/pkt_cls.h>

#include "bpf/count.h"
#include "bpf/maps.h"
#include "bpf/owner.h"
#include "bpf/packet.h"

/*
 * `from_ifindex` is the TUN the pieces came from, or 0 for outside: it keeps those of different senders apart.
 */
static always_inline void fragment_key(const struct packet *pkt, __u32 from_ifindex, __u8 role,
				       struct alpine_fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->saddr, pkt->src.addr, sizeof(key->saddr));
	__builtin_memcpy(key->daddr, pkt->dst.addr, sizeof(key->daddr));
	key->id_be = pkt->fragment_id_be;
	key->ifindex = from_ifindex;
	key->protocol = pkt->family == AF_INET ? pkt->protocol : 0;
	key->role = role;
}

static always_inline void remember_fragment(const struct packet *pkt, __u32 from_ifindex, __u8 role,
					    const struct claim *found)
{
	struct alpine_fragment_owner owner = { .found_ns = bpf_ktime_get_ns(), .ifindex = found->ifindex };
	struct alpine_fragment_key key;

	owner.key = found->key;
	fragment_key(pkt, from_ifindex, role, &key);
	bpf_map_update_elem(&fragments, &key, &owner, BPF_ANY);
}

/* 1 if something was found for the first piece. */
static always_inline int recall_fragment(const struct packet *pkt, __u32 from_ifindex, __u8 role, struct claim *found)
{
	struct alpine_fragment_owner *owner;
	struct alpine_fragment_key key;

	found->ifindex = 0;
	fragment_key(pkt, from_ifindex, role, &key);
	owner = bpf_map_lookup_elem(&fragments, &key);
	if (!owner || bpf_ktime_get_ns() - owner->found_ns > FRAGMENT_LIFETIME_NS)
		return 0;
	found->key = owner->key;
	found->ifindex = owner->ifindex;
	return 1;
}

/* The next number among the pieces held of a datagram; too high if there are enough of them. */
static always_inline __u32 next_held_number(const struct alpine_fragment_key *datagram)
{
	__u32 none = 0;
	__u32 *count = bpf_map_lookup_elem(&held_counts, datagram);

	if (!count) {
		bpf_map_update_elem(&held_counts, datagram, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&held_counts, datagram);
	}
	return count ? __sync_fetch_and_add(count, 1) : ALPINE_HELD_PIECES;
}

/* Keeps a copy of a piece whose first one has not come yet. */
static always_inline void hold_piece(const struct __sk_buff *skb, const struct packet *pkt)
{
	struct alpine_held_piece *piece;
	struct alpine_held_key key;
	__u32 zero = 0;
	__u32 len = pkt->len_bytes;

	piece = bpf_map_lookup_elem(&held_scratch, &zero);
	if (!piece || len < 1 || len > ALPINE_HELD_PIECE_BYTES || load(skb, 0, piece->bytes, len))
		return;
	piece->came_ns = bpf_ktime_get_ns();
	piece->len_bytes = len;
	fragment_key(pkt, 0, ALPINE_FRAGMENT_RECEIVER, &key.datagram);
	key.number = next_held_number(&key.datagram);
	if (key.number < ALPINE_HELD_PIECES)
		bpf_map_update_elem(&held_pieces, &key, piece, BPF_ANY);
}

/* Of the device that the packet came from: Ethernet's, or none. */
static always_inline __u32 link_header_len(const struct __sk_buff *skb)
{
	__u64 by_link, by_network;

	if (load(skb, 0, &by_network, sizeof(by_network)) ||
	    bpf_skb_load_bytes(skb, ETH_HEADER_LEN, &by_link, sizeof(by_link)))
		return 0;
	return by_link == by_network ? ETH_HEADER_LEN : 0;
}

/* Makes the packet into one that was held, and sends a copy. */
static always_inline void send_held_piece(struct __sk_buff *skb, __u32 link_len, const struct alpine_held_piece *piece,
					  __u32 ifindex)
{
	__u32 len = piece->len_bytes;

	if (bpf_ktime_get_ns() - piece->came_ns > FRAGMENT_LIFETIME_NS || len < 1 || len > ALPINE_HELD_PIECE_BYTES)
		return;
	if (bpf_skb_change_tail(skb, link_len + len, 0) || bpf_skb_store_bytes(skb, link_len, piece->bytes, len, 0))
		return;
	count_in(skb, ifindex);
	bpf_clone_redirect(skb, ifindex, 0);
}

/*
 * The first piece of a datagram of a stack's has just been sent there: sends what was held of it, using up the packet.
 * 0 if nothing was held, and the packet is as it was. The mark is set already.
 */
static always_inline int send_held_pieces(struct __sk_buff *skb, const struct packet *pkt, __u32 ifindex)
{
	struct alpine_held_key key;
	__u32 link_len, count;
	__u32 *counted;

	fragment_key(pkt, 0, ALPINE_FRAGMENT_RECEIVER, &key.datagram);
	counted = bpf_map_lookup_elem(&held_counts, &key.datagram);
	if (!counted)
		return 0;
	count = *counted;
	bpf_map_delete_elem(&held_counts, &key.datagram);
	link_len = link_header_len(skb);
	bpf_clone_redirect(skb, ifindex, 0);
	for (__u32 i = 0; i < ALPINE_HELD_PIECES && i < count; i++) {
		const struct alpine_held_piece *piece;

		key.number = i;
		piece = bpf_map_lookup_elem(&held_pieces, &key);
		if (!piece)
			continue;
		send_held_piece(skb, link_len, piece, ifindex);
		bpf_map_delete_elem(&held_pieces, &key);
	}
	return 1;
}

#endif
