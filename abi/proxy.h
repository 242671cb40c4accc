/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol between alpined and its clients (libalpine in a program, and the alp command).
 *
 * Transport: a Unix SOCK_SEQPACKET socket, one message per packet, native byte order (it never leaves the
 * machine) except fields named _be. The client asks, alpined answers: exactly one reply for each request, with
 * the request's sequence number and its type | ALPINE_REPLY; only a RELEASE with ALPINE_RELEASE_QUIET goes
 * unanswered. Every message has a fixed size for its type. Descriptors travel by SCM_RIGHTS: a bound socket with
 * CLAIM, the wire with the reply to ATTACH, the far end with the reply to FAR_END and (or the TUN queue) with REATTACH; any
 * other descriptor is closed and the request refused.
 *
 * The first eight bytes (magic, version, type) never change. A peer of another version is answered EPROTO, with
 * alpined's own version in the header, and the connection is closed.
 *
 * What a client owns (its TUN, its claims) lives exactly as long as its connection: when the client ends, or closes it,
 * all is gone. When it is alpined that ends, nothing of it goes: the client comes back to the next alpined with REATTACH,
 * names its claims once more, and says SETTLED.
 */
#ifndef ALPINE_ABI_PROXY_H
#define ALPINE_ABI_PROXY_H

#include <linux/types.h>

#include "abi/steering.h"

#define ALPINE_PROXY_MAGIC 0x31504c41u /* "ALP1" */
#define ALPINE_PROXY_VERSION 5

/* Where alpined listens unless told otherwise; '@' means the abstract name space, which is per network namespace. */
#define ALPINE_PROXY_SOCKET "@alpined"
/* Environment variable that names another socket. */
#define ALPINE_PROXY_SOCKET_ENV "ALPINE_SOCKET"

enum alpine_msg_type {
	ALPINE_MSG_ATTACH = 1, /* make me a TUN */
	ALPINE_MSG_CLAIM = 2,  /* this endpoint is mine: steer it to my TUN */
	ALPINE_MSG_RELEASE = 3, /* I gave up one claim on this endpoint */
	ALPINE_MSG_LIST = 4,   /* the next stack after the one with this ifindex */
	ALPINE_MSG_STATUS = 5, /* how is alpined? */
	ALPINE_MSG_REATTACH = 6, /* this TUN is mine, from an alpined before you */
	ALPINE_MSG_SETTLED = 7, /* after REATTACH: I have named all my claims */
	ALPINE_MSG_ACCEPTING = 8, /* on this endpoint I take new connections, or do not any more */
	ALPINE_MSG_FAR_END = 9, /* your end of my line, for when you are gone */
	ALPINE_MSG_LEASE = 10, /* ephemeral ports, several at once */
	ALPINE_MSG_REFUSALS = 11, /* what was refused to whom, after the record of this number */
};
#define ALPINE_REPLY 0x8000

struct alpine_msg_header {
	__u32 magic;
	__u16 version;
	__u16 type;	/* enum alpine_msg_type, | ALPINE_REPLY in a reply */
	__u32 length;	/* of the whole message, in bytes */
	__u32 sequence; /* chosen by the client, echoed in the reply */
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_msg_header) == 16, "header layout");

/* How every reply begins; a reply that only says yes or no is just this. */
struct alpine_reply {
	struct alpine_msg_header header;
	__s32 error;	   /* 0, or a positive errno */
	__u32 reserved;
	char reason[128];  /* one line for a person when error != 0, NUL-terminated */
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_reply) == 152, "reply layout");

/* How packets travel between a stack and the network. An alpined offers one of them or both. */
enum alpine_wire {
	ALPINE_WIRE_ANY = 0, /* the one that alpined prefers */
	ALPINE_WIRE_STEER = 1, /* a TUN, and eBPF on every interface */
	ALPINE_WIRE_CLASSIC = 2, /* a socket pair; alpined relays by raw sockets and libpcap */
};

/*
 * ATTACH: once per connection (EALREADY). Answer: the wire's descriptor by SCM_RIGHTS, non-blocking, which reads and
 * writes one packet at a time behind a virtio_net_hdr of 10 bytes. On the steer wire it is a TUN queue, on the classic
 * one a SOCK_SEQPACKET socket. EOPNOTSUPP: alpined does not offer this wire. EINVAL: there is no such wire.
 */
struct alpine_attach {
	struct alpine_msg_header header;
	char comm[16]; /* name of the program, NUL-terminated */
	__u32 wire;    /* enum alpine_wire */
	__u32 reserved;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_attach) == 40, "attach layout");

struct alpine_attach_reply {
	struct alpine_reply reply;
	__u32 ifindex;	  /* of the TUN, in the host's network namespace; on the classic wire a number no device has */
	__u32 mtu_bytes;
	char ifname[16];
	__u32 wire; /* enum alpine_wire, never ANY */
	__u32 reserved;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_attach_reply) == 184, "attach reply layout");

/*
 * REATTACH, with the TUN queue by SCM_RIGHTS. The body is that of ATTACH, and so is the answer, but for the descriptor.
 * Whoever has the queue and is the user that the TUN was made for is believed; if the stack is still some connection's,
 * it moves to this one. Until SETTLED all endpoints that the stack had are still steered to it, and a CLAIM is granted
 * for each of them, named in `endpoint`: with a socket that holds it, which may by now be listening or connected, or
 * with none; alpined then holds the port itself. SETTLED (just a header, answered by an alpine_reply) ends what has not
 * been claimed again.
 * Errors: EALREADY, EINVAL not one descriptor, EBADF no TUN queue, EXDEV of another network namespace, ENOENT a TUN that
 * alpined does not know (anymore), EPERM another user's, or refused by policy. SETTLED: ENOTCONN.
 *
 * On the classic wire nothing outlives alpined but the line, if the client keeps both its ends: it asks for the far one,
 * alpined's, while it can (FAR_END: just a header, answered by an alpine_reply with the descriptor), and shows it in
 * REATTACH. The stack is as a new one then, on its old descriptor: each claim has to be proved anew. Errors of FAR_END:
 * ENOTCONN no ATTACH yet, EOPNOTSUPP not on the classic wire. Of REATTACH: those of ATTACH, and EBADF no end of a line.
 */

/* An endpoint, with one bit for what an address cannot say. */
struct alpine_endpoint {
	struct alpine_flow_key key;
	__u32 flags;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_endpoint) == 24, "endpoint layout");
#define ALPINE_ENDPOINT_DUAL 1u /* key is the IPv6 wildcard, and the IPv4 wildcard goes with it */

/*
 * CLAIM, with a bound, unconnected, not listening host socket by SCM_RIGHTS: its protocol, address and port are
 * read off it, and `endpoint` is ignored. Without a descriptor: `endpoint`, for transports the host's kernel
 * lacks (port 0 asks for any free one), for the id of an echo request (one that is given
 * out: port 0; root may choose), and for a protocol without ports (a wildcard address and port 0).
 * Errors: ENOTCONN no ATTACH yet, EBADF no socket, EAFNOSUPPORT not an Internet socket, EPROTONOSUPPORT a protocol
 * that is not steered, EINVAL not bound, EXDEV of another network namespace, EISCONN connected or listening,
 * EADDRINUSE claimed by another stack, EACCES a port below the unprivileged ones, EPERM refused by policy,
 * ENOSPC no room for more.
 */
struct alpine_claim {
	struct alpine_msg_header header;
	struct alpine_endpoint endpoint;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_claim) == 40, "claim layout");

struct alpine_claim_reply {
	struct alpine_reply reply;
	struct alpine_endpoint endpoint; /* what is now steered */
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_claim_reply) == 176, "claim reply layout");

/* RELEASE: takes back one CLAIM of this endpoint (claims are counted). Errors: ENOENT. Answer: struct alpine_reply. */
struct alpine_release {
	struct alpine_msg_header header;
	struct alpine_endpoint endpoint;
	__u32 flags;
	__u32 reserved;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_release) == 48, "release layout");
#define ALPINE_RELEASE_QUIET 1u /* no reply */

/*
 * LEASE: `count` ephemeral ports of TCP or UDP, chosen by the host's kernel, steered to the caller on the wildcard address
 * of IPv4 and, if the host has it, IPv6. Each is a claim like any other, whose endpoint RELEASE gives back. Fewer may be
 * granted than asked for, but not none. Errors: ENOTCONN no ATTACH yet, EPROTONOSUPPORT another protocol, EINVAL a count
 * of 0, EADDRINUSE no port is free, ENOSPC no room for more.
 */
struct alpine_lease {
	struct alpine_msg_header header;
	__u8 protocol;
	__u8 reserved[3];
	__u32 count;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_lease) == 24, "lease layout");

#define ALPINE_LEASE_MAX 64 /* more are not granted at once */

struct alpine_lease_reply {
	struct alpine_reply reply;
	struct alpine_endpoint endpoint; /* of all of them, but for the port */
	__u32 count;
	__u32 reserved;
	__be16 ports_be[ALPINE_LEASE_MAX];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_lease_reply) == 152 + 24 + 8 + 2 * ALPINE_LEASE_MAX, "lease reply layout");

/*
 * ACCEPTING: where several stacks share an endpoint (SO_REUSEPORT), new connections go to those that have said so: when a
 * socket on it listens, and, with `accepts` 0, when the last one has ceased to. Connections that there are stay. Datagrams
 * need no such word. Errors: ENOENT. Answer: struct alpine_reply.
 */
struct alpine_accepting {
	struct alpine_msg_header header;
	struct alpine_endpoint endpoint;
	__u32 accepts;
	__u32 reserved;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_accepting) == 48, "accepting layout");

/* LIST: the stack with the lowest ifindex above `after_ifindex` that the caller may see (its own; root: all). ENOENT: no more. */
struct alpine_list {
	struct alpine_msg_header header;
	__u32 after_ifindex;
	__u32 reserved;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_list) == 24, "list layout");

#define ALPINE_LIST_ENDPOINTS 64 /* as many as one record shows */

struct alpine_list_reply {
	struct alpine_reply reply;
	__u32 ifindex;
	__s32 pid;
	__u32 uid;
	__u32 endpoints_total;
	__u32 endpoints_shown;
	__u32 reserved;
	char ifname[16];
	char comm[16];
	struct alpine_wire_counters counters;
	struct alpine_endpoint endpoints[ALPINE_LIST_ENDPOINTS];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_list_reply) == 152 + 24 + 32 + 80 + 24 * ALPINE_LIST_ENDPOINTS,
		     "list reply layout");

/*
 * REFUSALS: the record with the lowest number above `after` that the caller may see (its own user's; root: all): the
 * requests of one process that were answered with one error. It stays when the process is gone; of each user there are
 * as many as alpined keeps. ENOENT: no more.
 */
struct alpine_refusals {
	struct alpine_msg_header header;
	__u64 after;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_refusals) == 24, "refusals layout");

struct alpine_refusals_reply {
	struct alpine_reply reply;
	__u64 number;
	__u64 count;
	__s32 pid; /* of the process that asked, which may be another than the one that connected */
	__u32 uid;
	__s32 error; /* a positive errno */
	__u32 reserved;
	char comm[16];	/* name of the program whose stack it was; empty: none */
	char line[128]; /* what the last one was told */
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_refusals_reply) == 152 + 32 + 16 + 128, "refusals reply layout");

/* STATUS has no body: the request is just the header. */
struct alpine_status_reply {
	struct alpine_reply reply;
	__s32 pid;
	__u32 clients;	  /* open connections */
	__u32 stacks;	  /* TUNs */
	__u32 endpoints;  /* steered endpoints */
	__u32 interfaces; /* host interfaces with steering on them */
	__u32 addresses;  /* local addresses known */
	__u64 uptime_s;
	__u64 refusals; /* requests answered with an error */
	__u64 verdicts[ALPINE_VERDICTS];
	char program_version[16];
	__u32 wires; /* those offered: bits 1 << enum alpine_wire */
	__u32 reserved;
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_status_reply) == 152 + 24 + 16 + 8 * ALPINE_VERDICTS + 16 + 8,
		     "status reply layout");

/* No message is longer. */
#define ALPINE_MSG_MAX 2048
ALPINE_STATIC_ASSERT(sizeof(struct alpine_list_reply) <= ALPINE_MSG_MAX, "longest message");

#endif
