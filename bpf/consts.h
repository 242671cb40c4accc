/* SPDX-License-Identifier: GPL-2.0 */
/* What the UAPI headers leave out, and the limits of the steering programs. */
#ifndef ALPINE_BPF_CONSTS_H
#define ALPINE_BPF_CONSTS_H

#include <linux/types.h>

#define AF_INET 2
#define AF_INET6 10

#define ETH_HEADER_LEN 14
#define LOOPBACK_IFINDEX 1 /* lo is the first device of every network namespace */

/* RFC 8200 names six extension headers; a packet with more than this many is none of ours. */
#define MAX_EXTENSION_HEADERS 6

/* Flows: one per claimed endpoint. Fragments: datagrams that can be under way in pieces at one time. */
#define MAX_FLOWS 131072
#define MAX_ADDRESSES 4096
#define MAX_STACKS 4096
#define MAX_FRAGMENTED 4096
#define MAX_SHARES 16384
#define MAX_HELD_PIECES 2048
#define MAX_DEVICES 16384 /* of the host, with steering on them */
#define MAX_SETTINGS 16384
#define MAX_SPLIT_PORTS 4096

/* As long as the host's kernel keeps pieces (ipfrag_time). */
#define FRAGMENT_LIFETIME_NS 30000000000ull
#define MAX_CONNECTIONS 131072 /* the least recently opened is forgotten first */

/* RFC 9293: the byte of the TCP header that holds them, and the flags that open and close. */
#define TCP_FLAGS_OFFSET 13
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET_MASK 0x1fff
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV6_OFFSET_MASK 0xfff8

/* RFC 792 and RFC 4443; <linux/icmp.h> drags in libc's headers. */
enum icmp_types {
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
	ICMP_FRAG_NEEDED = 4, /* a code of ICMP_DEST_UNREACH */
	ICMPV6_PACKET_TOO_BIG = 2,
	ICMPV6_INFORMATIONAL = 0x80, /* a bit: errors have it clear */
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
};

#define always_inline inline __attribute__((always_inline))

/* A function that the verifier looks at once, for any arguments, instead of at each call anew. */
#define checked_once __attribute__((noinline))

#endif
