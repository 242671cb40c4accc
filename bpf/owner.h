/* SPDX-License-Identifier: GPL-2.0 */
/* Whose packet is it? Lookups in the maps; 0 stands for "no stack's". */
#ifndef ALPINE_BPF_OWNER_H
#define ALPINE_BPF_OWNER_H

#include "bpf/maps.h"
#include "bpf/packet.h"

/* 127.0.0.0/8 and ::1. */
static always_inline int is_loopback(const __u8 *addr)
{
	const __u32 *words = (const __u32 *)addr;

	if (is_v4_mapped(addr))
		return addr[12] == 127;
	return words[0] == 0 && words[1] == 0 && words[2] == 0 && words[3] == bpf_htonl(1);
}

static always_inline int is_local(const __u8 *addr)
{
	struct alpine_address address;

	if (is_loopback(addr))
		return 1;
	__builtin_memcpy(address.addr, addr, sizeof(address.addr));
	return bpf_map_lookup_elem(&local_addresses, &address) != 0;
}

static always_inline __u32 flow_ifindex(const struct alpine_flow_key *key)
{
	struct alpine_flow_owner *owner = bpf_map_lookup_elem(&flows, key);

	return owner ? owner->ifindex : 0;
}

/* The owner of a local endpoint: the exact address first, then the wildcard of its family, as a socket lookup does. */
static always_inline __u32 endpoint_owner(const struct alpine_flow_key *endpoint)
{
	struct alpine_flow_key wildcard = *endpoint;
	__u32 ifindex;

	if (!endpoint->port_be)
		return 0;
	ifindex = flow_ifindex(endpoint);
	if (ifindex)
		return ifindex;
	if (is_v4_mapped(endpoint->addr))
		set_v4_mapped(wildcard.addr, 0);
	else
		__builtin_memset(wildcard.addr, 0, sizeof(wildcard.addr));
	return flow_ifindex(&wildcard);
}

/*
 * Datagrams in pieces. `from_ifindex` is the TUN the pieces came from, or 0 for outside: it keeps those of different
 * senders apart.
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

static always_inline void remember_fragment(const struct packet *pkt, __u32 from_ifindex, __u8 role, __u32 found)
{
	struct alpine_flow_owner owner = { .ifindex = found };
	struct alpine_fragment_key key;

	fragment_key(pkt, from_ifindex, role, &key);
	bpf_map_update_elem(&fragments, &key, &owner, BPF_ANY);
}

static always_inline __u32 recall_fragment(const struct packet *pkt, __u32 from_ifindex, __u8 role)
{
	struct alpine_flow_owner *owner;
	struct alpine_fragment_key key;

	fragment_key(pkt, from_ifindex, role, &key);
	owner = bpf_map_lookup_elem(&fragments, &key);
	return owner ? owner->ifindex : 0;
}

/* The owner of an endpoint of this packet; a first piece leaves word for the pieces after it. */
static always_inline __u32 packet_owner(const struct packet *pkt, const struct alpine_flow_key *endpoint,
					__u32 from_ifindex, __u8 role)
{
	__u32 owner;

	if (pkt->piece == PIECE_LATER)
		return recall_fragment(pkt, from_ifindex, role);
	owner = endpoint_owner(endpoint);
	if (owner && pkt->piece == PIECE_FIRST)
		remember_fragment(pkt, from_ifindex, role, owner);
	return owner;
}

static always_inline int same_address(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const __u32 *)a;
	const __u32 *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

/* Whose stack receives this packet. An ICMP error goes to the sender of the packet it quotes. */
static always_inline __u32 receiver(const struct __sk_buff *skb, const struct packet *pkt, __u32 from_ifindex)
{
	struct packet quoted;

	if (!is_icmp_error(pkt))
		return packet_owner(pkt, &pkt->dst, from_ifindex, ALPINE_FRAGMENT_RECEIVER);
	if (parse_quoted(skb, pkt, &quoted) || !same_address(pkt->dst.addr, quoted.src.addr))
		return 0;
	return endpoint_owner(&quoted.src);
}

/*
 * Whose stack may send this packet. An ICMP error may come from whoever the packet it quotes was meant for, if that was
 * this host (a wildcard claim would else speak for the port on all hosts), and goes to its sender.
 */
static always_inline __u32 sender(const struct __sk_buff *skb, const struct packet *pkt)
{
	struct packet quoted;

	if (!is_icmp_error(pkt))
		return packet_owner(pkt, &pkt->src, skb->ifindex, ALPINE_FRAGMENT_SENDER);
	if (is_routers_error(pkt) || parse_quoted(skb, pkt, &quoted))
		return 0;
	if (!is_local(quoted.dst.addr) || !same_address(pkt->dst.addr, quoted.src.addr))
		return 0;
	return endpoint_owner(&quoted.dst);
}

#endif
