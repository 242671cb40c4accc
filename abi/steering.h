/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What alpined (C++) and the steering programs (eBPF C, bpf/) say to each other through maps. Both sides are
 * built together, so there is no version here; the layout asserts keep the two compilers honest.
 */
#ifndef ALPINE_ABI_STEERING_H
#define ALPINE_ABI_STEERING_H

#include <linux/types.h>

#ifdef __cplusplus
#define ALPINE_STATIC_ASSERT static_assert
#else
#define ALPINE_STATIC_ASSERT _Static_assert
#endif

/*
 * One local transport endpoint. IPv4 addresses are v4-mapped (::ffff:a.b.c.d). Two wildcards: :: for IPv6 and
 * ::ffff:0.0.0.0 for IPv4; a dual-stack wildcard socket owns one key of each. For ICMP and ICMPv6 the port is the
 * echo identifier. Zero `pad`: the key is compared as bytes.
 */
struct alpine_flow_key {
	__u8 addr[16];
	__be16 port_be;
	__u8 protocol; /* IPPROTO_*; MPTCP travels as TCP */
	__u8 pad;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_flow_key) == 20, "flow key layout");

/* Whose endpoint it is: the TUN that leads to the owner's stack. */
struct alpine_flow_owner {
	__u32 ifindex;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_flow_owner) == 4, "flow owner layout");

/* A local address of the host, v4-mapped. */
struct alpine_address {
	__u8 addr[16];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_address) == 16, "address layout");

/*
 * A datagram in pieces: pieces after the first carry no ports and follow what was found for the first, once as to
 * who may send it and once as to who receives it. `ifindex` is the TUN the piece came from, or 0 for outside.
 */
enum alpine_fragment_role {
	ALPINE_FRAGMENT_RECEIVER = 0,
	ALPINE_FRAGMENT_SENDER = 1,
};

struct alpine_fragment_key {
	__u8 saddr[16];
	__u8 daddr[16];
	__be32 id_be;
	__u32 ifindex;
	__u8 protocol; /* IPv4 only: RFC 8200 identifies by addresses and id alone */
	__u8 role;     /* enum alpine_fragment_role */
	__u8 pad[2];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_fragment_key) == 44, "fragment key layout");

/*
 * A TCP connection that a stack has opened or accepted and not yet closed: from its first SYN to its first FIN or RST.
 * When the stack dies, its peers are told (proxy/privileged/reset.h).
 */
struct alpine_connection_key {
	__u8 local_addr[16]; /* v4-mapped as in alpine_flow_key */
	__u8 peer_addr[16];
	__be16 local_port_be;
	__be16 peer_port_be;
	__u32 ifindex; /* the stack's TUN */
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_connection_key) == 40, "connection key layout");

/* Why a packet was dropped. (Names for people: proxy/client/names.h.) */
enum alpine_drop {
	ALPINE_DROP_MALFORMED = 0,  /* from a stack: not a whole IPv4 or IPv6 packet */
	ALPINE_DROP_SOURCE_ADDRESS, /* from a stack: the source is no address of this host */
	ALPINE_DROP_NOT_OWNED,	    /* from a stack: the source endpoint is not claimed by this stack */
	ALPINE_DROP_NO_ROUTE,	    /* from a stack: the host has no route to the destination */
	ALPINE_DROP_NO_MEMORY,	    /* from a stack: no room for a link header */
	ALPINE_DROP_NOT_STEERED,    /* to a stack: sent to its TUN by the host itself, not by steering */
	ALPINE_DROP_REASONS,
};

/* Per TUN; packets count GSO segments, as they would be on the wire. "in" is to the stack, "out" is from it. */
struct alpine_wire_counters {
	__u64 in_packets;
	__u64 in_bytes;
	__u64 out_packets;
	__u64 out_bytes;
	__u64 drops[ALPINE_DROP_REASONS];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_wire_counters) == 8 * (4 + ALPINE_DROP_REASONS), "counter layout");

/* What became of each packet the steering programs looked at, over all TUNs. */
enum alpine_verdict {
	ALPINE_VERDICT_TO_HOST = 0,  /* from outside or lo: not ours, left to the host's stack */
	ALPINE_VERDICT_TO_STACK,     /* from outside or lo: redirected to its owner's TUN */
	ALPINE_VERDICT_OUT,	     /* from a stack: sent by an interface of the host */
	ALPINE_VERDICT_OUT_TO_HOST,  /* from a stack: to a program on the host's own stack */
	ALPINE_VERDICT_OUT_TO_STACK, /* from a stack: to another stack on this host */
	ALPINE_VERDICT_DROPPED,	     /* see alpine_drop */
	ALPINE_VERDICTS,
};

/*
 * skb->mark of a packet that steering hands to a TUN. The program on the TUN's egress lets only these through, so
 * that what the host says of itself on every interface (MLD reports and such) never reaches a stack.
 */
#define ALPINE_STEERED_MARK 0xa191be57u

#endif
