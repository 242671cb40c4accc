/* SPDX-License-Identifier: GPL-2.0 */
/* Whose endpoint is it? Lookups in the maps; 0 stands for "no stack's". */
#ifndef ALPINE_BPF_OWNER_H
#define ALPINE_BPF_OWNER_H

#include "bpf/maps.h"
#include "bpf/packet.h"
#include "bpf/share.h"

/* 127.0.0.0/8 and ::1. */
static always_inline int is_loopback(const __u8 *addr)
{
	const __u32 *words = (const __u32 *)addr;

	if (is_v4_mapped(addr))
		return addr[12] == 127;
	return words[0] == 0 && words[1] == 0 && words[2] == 0 && words[3] == bpf_htonl(1);
}

static always_inline const struct alpine_address_use *address_use(const __u8 *addr)
{
	struct alpine_address address;

	__builtin_memcpy(address.addr, addr, sizeof(address.addr));
	return bpf_map_lookup_elem(&local_addresses, &address);
}

static always_inline int is_local(const __u8 *addr)
{
	const struct alpine_address_use *use;

	if (is_loopback(addr))
		return 1;
	use = address_use(addr);
	return use && !use->broadcast;
}

/* A claimed endpoint: the key that is claimed, and whose it is. */
struct claim {
	struct alpine_flow_key key;
	__u32 ifindex; /* 0: nobody's; ALPINE_SHARED_FLOW: several stacks' */
};

static always_inline __u32 flow_ifindex(const struct alpine_flow_key *key)
{
	struct alpine_flow_owner *owner = bpf_map_lookup_elem(&flows, key);

	return owner ? owner->ifindex : 0;
}

/* Ports of what has none are 0, and claimed as 0. Of what has some, 0 is none: a header that was not understood. */
static always_inline int is_endpoint(const struct alpine_flow_key *key)
{
	return key->port_be ||
	       !(has_ports(key->protocol) || key->protocol == IPPROTO_ICMP || key->protocol == IPPROTO_ICMPV6);
}

static always_inline void find_exact_claim(const struct alpine_flow_key *endpoint, struct claim *claim)
{
	claim->key = *endpoint;
	claim->ifindex = is_endpoint(endpoint) ? flow_ifindex(endpoint) : 0;
}

/* Of the wildcard address of the endpoint's family. */
static always_inline void find_wildcard_claim(const struct alpine_flow_key *endpoint, struct claim *claim)
{
	claim->key = *endpoint;
	if (is_v4_mapped(endpoint->addr))
		set_v4_mapped(claim->key.addr, 0);
	else
		__builtin_memset(claim->key.addr, 0, sizeof(claim->key.addr));
	claim->ifindex = is_endpoint(endpoint) ? flow_ifindex(&claim->key) : 0;
}

/* The claim on a local endpoint: the exact address first, then the wildcard of its family, as a socket lookup does. */
static always_inline void find_claim(const struct alpine_flow_key *endpoint, struct claim *claim)
{
	find_exact_claim(endpoint, claim);
	if (!claim->ifindex)
		find_wildcard_claim(endpoint, claim);
}

static always_inline int owns(const struct claim *claim, __u32 ifindex)
{
	if (claim->ifindex != ALPINE_SHARED_FLOW)
		return claim->ifindex == ifindex;
	return is_sharer(&claim->key, ifindex);
}

/* The one stack that a flow belongs to. */
static always_inline __u32 flow_owner(const struct alpine_flow_key *local, const struct alpine_flow_key *peer)
{
	struct alpine_pair_key pair;
	struct claim claim;

	find_claim(local, &claim);
	if (claim.ifindex != ALPINE_SHARED_FLOW)
		return claim.ifindex;
	make_pair(local, peer, &pair);
	return choose_sharer(&claim.key, &pair);
}

#endif
