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
 * echo identifier; a protocol without ports has port 0. Zero `pad`: the key is compared as bytes.
 */
struct alpine_flow_key {
	__u8 addr[16];
	__be16 port_be;
	__u8 protocol; /* IPPROTO_*; MPTCP travels as TCP */
	__u8 pad;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_flow_key) == 20, "flow key layout");

/* Whose endpoint it is: the TUN that leads to the owner's stack, or ALPINE_SHARED_FLOW. */
struct alpine_flow_owner {
	__u32 ifindex;
	__u8 accepts; /* new flows, where there are several owners */
	__u8 sharing; /* ALPINE_SHARING_*, for the alpined after the one that wrote it: no program looks at it */
	__u16 reserved;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_flow_owner) == 8, "flow owner layout");

/* What the owner's sockets let others do on its endpoint (socket(7)). */
#define ALPINE_SHARING_PORT 1	 /* SO_REUSEPORT */
#define ALPINE_SHARING_ADDRESS 2 /* SO_REUSEADDR */

/* Not an ifindex: the endpoint has several owners, who are in the map `shares` under the same key. */
#define ALPINE_SHARED_FLOW 0xffffffffu

/*
 * The stacks that share an endpoint, in the order in which they came. New flows are spread over those that accept; if
 * none does, the first gets them. All may send.
 */
#define ALPINE_SHARE_MEMBERS 32

struct alpine_share {
	__u32 count;
	struct alpine_flow_owner members[ALPINE_SHARE_MEMBERS];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_share) == 4 + 8 * ALPINE_SHARE_MEMBERS, "share layout");

/* Both ends of a flow of a shared endpoint: whoever has sent on it keeps it while he is a member. */
struct alpine_pair_key {
	__u8 local_addr[16]; /* v4-mapped as in alpine_flow_key */
	__u8 peer_addr[16];
	__be16 local_port_be;
	__be16 peer_port_be;
	__u8 protocol;
	__u8 pad[3];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_pair_key) == 40, "pair key layout");

/* A local address of the host, v4-mapped. */
struct alpine_address {
	__u8 addr[16];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_address) == 16, "address layout");

/* The device that has the address. A broadcast address is the destination of packets, never their source. */
struct alpine_address_use {
	__u32 ifindex;
	__u32 broadcast;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_address_use) == 8, "address use layout");

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

/* What was found for a first piece, and when: identifications come round again. */
struct alpine_fragment_owner {
	__u64 found_ns; /* bpf_ktime_get_ns() */
	__u32 ifindex;	/* or ALPINE_SHARED_FLOW: a group's, see `key` */
	__u32 pad;
	struct alpine_flow_key key; /* the endpoint's, when it is shared */
	__u32 pad2;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_fragment_owner) == 40, "fragment owner layout");

/*
 * Pieces that came before their first one are kept until it comes and says whose they are: the `number`th of a datagram.
 */
#define ALPINE_HELD_PIECES 64	     /* of one datagram */
#define ALPINE_HELD_PIECE_BYTES 2048 /* longer ones are not kept */

struct alpine_held_key {
	struct alpine_fragment_key datagram;
	__u32 number;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_held_key) == 48, "held key layout");

struct alpine_held_piece {
	__u64 came_ns;
	__u32 len_bytes; /* from the IP header on */
	__u32 pad;
	__u8 bytes[ALPINE_HELD_PIECE_BYTES];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_held_piece) == 16 + ALPINE_HELD_PIECE_BYTES, "held piece layout");

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
	ALPINE_VERDICT_TO_SEVERAL,   /* to a group or by broadcast: to each stack that may want it, and to the host */
	ALPINE_VERDICTS,
};

/*
 * skb->mark of a packet that steering hands to a TUN. The program on the TUN's egress lets only these through, so
 * that what the host says of itself on every interface (MLD reports and such) never reaches a stack.
 */
#define ALPINE_STEERED_MARK 0xa191be57u

/* Of the copy of a stack's packet to a group or by broadcast that is for the sockets of the host's own stack. */
#define ALPINE_FOR_HOST_MARK 0xa191be58u

/* Bits of what alpined knows of a device that steering is on. */
#define ALPINE_DEVICE_CLSACT 1u	      /* alpined made its clsact qdisc */
#define ALPINE_DEVICE_ACCEPTS_LOCAL 2u /* alpined set its accept_local: steering refuses what the host would have */

#endif
