/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What steering needs to know of a packet: both endpoints as flow keys, and whether it is a piece of a datagram.
 *
 * Offsets count from the network header, and bytes are read with bpf_skb_load_bytes_relative(): the same code
 * serves devices with and without a link header, and packets whose headers are not in the linear part.
 */
#ifndef ALPINE_BPF_PACKET_H
#define ALPINE_BPF_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/steering.h"
#include "bpf/consts.h"

enum piece {
	PIECE_WHOLE = 0, /* not fragmented */
	PIECE_FIRST,
	PIECE_LATER, /* no transport header in it */
};

struct packet {
	struct alpine_flow_key src;
	struct alpine_flow_key dst;
	__u32 transport_offset; /* from the network header; the transport header of the first piece is there */
	__u16 family;
	__u8 protocol;
	__u8 piece;
	__u8 icmp_type; /* ICMP and ICMPv6 only */
	__u8 icmp_code;
	__be32 fragment_id_be;
	__u32 len_bytes; /* from the IP header on, as the header says */
};

static always_inline int load(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	return bpf_skb_load_bytes_relative(skb, offset, to, len, BPF_HDR_START_NET);
}

static always_inline void set_v4_mapped(__u8 *addr, __be32 v4_be)
{
	__u32 *words = (__u32 *)addr;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = v4_be;
}

static always_inline int is_v4_mapped(const __u8 *addr)
{
	const __u32 *words = (const __u32 *)addr;

	return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

static always_inline int is_icmp(const struct packet *pkt)
{
	return pkt->protocol == (pkt->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static always_inline int has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

/* RFC 791. `offset`: where the IPv4 header begins. */
static always_inline int parse_ipv4(const struct __sk_buff *skb, __u32 offset, struct packet *pkt)
{
	struct iphdr ip;
	__u16 fragment;

	if (load(skb, offset, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return -1;
	fragment = bpf_ntohs(ip.frag_off);
	if (fragment & IPV4_OFFSET_MASK)
		pkt->piece = PIECE_LATER;
	else if (fragment & IPV4_MORE_FRAGMENTS)
		pkt->piece = PIECE_FIRST;
	pkt->family = AF_INET;
	pkt->protocol = ip.protocol;
	pkt->fragment_id_be = ip.id;
	pkt->len_bytes = bpf_ntohs(ip.tot_len);
	pkt->transport_offset = offset + ip.ihl * 4;
	set_v4_mapped(pkt->src.addr, ip.saddr);
	set_v4_mapped(pkt->dst.addr, ip.daddr);
	return 0;
}

struct extension {
	__u8 next;
	__u8 len; /* in 8 bytes, without the first 8; reserved in a fragment header */
	__be16 fragment_offset_be;
	__be32 fragment_id_be;
};

static always_inline int is_extension(__u8 header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_FRAGMENT ||
	       header == IPPROTO_DSTOPTS;
}

static always_inline void parse_fragment_header(const struct extension *ext, struct packet *pkt)
{
	__u16 fragment = bpf_ntohs(ext->fragment_offset_be);

	pkt->fragment_id_be = ext->fragment_id_be;
	if (fragment & IPV6_OFFSET_MASK)
		pkt->piece = PIECE_LATER;
	else if (fragment & IPV6_MORE_FRAGMENTS)
		pkt->piece = PIECE_FIRST;
}

/* RFC 8200, section 4: walks to the transport header. */
static always_inline int skip_extensions(const struct __sk_buff *skb, struct packet *pkt)
{
	struct extension ext;

	for (int depth = 0; depth < MAX_EXTENSION_HEADERS; depth++) {
		if (!is_extension(pkt->protocol) || pkt->piece == PIECE_LATER)
			return 0;
		if (load(skb, pkt->transport_offset, &ext, sizeof(ext)))
			return -1;
		if (pkt->protocol == IPPROTO_FRAGMENT) {
			parse_fragment_header(&ext, pkt);
			pkt->transport_offset += sizeof(ext);
		} else {
			pkt->transport_offset += 8 * (ext.len + 1);
		}
		pkt->protocol = ext.next;
	}
	return is_extension(pkt->protocol) ? -1 : 0;
}

/*
 * v4-mapped addresses stand for IPv4 endpoints here and are never on the wire: in an IPv6 packet they would be taken
 * for the claims of IPv4 (RFC 4291, section 2.5.5.2).
 */
static always_inline int parse_ipv6(const struct __sk_buff *skb, __u32 offset, struct packet *pkt)
{
	struct ipv6hdr ip;

	if (load(skb, offset, &ip, sizeof(ip)) || ip.version != 6 || is_v4_mapped((const __u8 *)&ip.saddr) ||
	    is_v4_mapped((const __u8 *)&ip.daddr))
		return -1;
	pkt->family = AF_INET6;
	pkt->protocol = ip.nexthdr;
	pkt->len_bytes = sizeof(ip) + bpf_ntohs(ip.payload_len);
	pkt->transport_offset = offset + sizeof(ip);
	__builtin_memcpy(pkt->src.addr, &ip.saddr, sizeof(ip.saddr));
	__builtin_memcpy(pkt->dst.addr, &ip.daddr, sizeof(ip.daddr));
	return skip_extensions(skb, pkt);
}

/* An echo request names the asker's endpoint, an echo reply the asker's too: as source and as destination. */
static always_inline int parse_icmp(const struct __sk_buff *skb, struct packet *pkt)
{
	struct {
		__u8 type;
		__u8 code;
		__be16 checksum;
		__be16 id_be;
	} icmp;

	if (load(skb, pkt->transport_offset, &icmp, sizeof(icmp)))
		return -1;
	pkt->icmp_type = icmp.type;
	pkt->icmp_code = icmp.code;
	if (icmp.type == (pkt->family == AF_INET ? ICMP_ECHO : ICMPV6_ECHO_REQUEST))
		pkt->src.port_be = icmp.id_be;
	if (icmp.type == (pkt->family == AF_INET ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY))
		pkt->dst.port_be = icmp.id_be;
	return 0;
}

/* Ports of an absent or unknown transport header stay 0, which no claim has. */
static always_inline int parse_transport(const struct __sk_buff *skb, struct packet *pkt)
{
	__be16 ports_be[2];

	pkt->src.protocol = pkt->protocol;
	pkt->dst.protocol = pkt->protocol;
	if (pkt->piece == PIECE_LATER)
		return 0;
	if (is_icmp(pkt))
		return parse_icmp(skb, pkt);
	if (!has_ports(pkt->protocol))
		return 0;
	if (load(skb, pkt->transport_offset, ports_be, sizeof(ports_be)))
		return -1;
	pkt->src.port_be = ports_be[0];
	pkt->dst.port_be = ports_be[1];
	return 0;
}

/* Reads the IP packet at `offset` of a packet of `family` into zeroes. Answers -1 if it is not a whole one. */
checked_once int parse_zeroed(const struct __sk_buff *skb, __u32 offset, __u16 family, struct packet *pkt)
{
	if (!pkt)
		return -1;
	if (family == AF_INET ? parse_ipv4(skb, offset, pkt) : parse_ipv6(skb, offset, pkt))
		return -1;
	return parse_transport(skb, pkt);
}

static always_inline int parse_at(const struct __sk_buff *skb, __u32 offset, __u16 family, struct packet *pkt)
{
	__builtin_memset(pkt, 0, sizeof(*pkt));
	return parse_zeroed(skb, offset, family, pkt);
}

static always_inline int parse_packet(const struct __sk_buff *skb, struct packet *pkt)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return parse_at(skb, 0, AF_INET, pkt);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return parse_at(skb, 0, AF_INET6, pkt);
	return -1;
}

static always_inline int is_icmp_error(const struct packet *pkt)
{
	if (!is_icmp(pkt) || pkt->piece == PIECE_LATER)
		return 0;
	if (pkt->family == AF_INET6)
		return !(pkt->icmp_type & ICMPV6_INFORMATIONAL); /* RFC 4443, section 2.1 */
	return pkt->icmp_type == ICMP_DEST_UNREACH || pkt->icmp_type == ICMP_SOURCE_QUENCH ||
	       pkt->icmp_type == ICMP_REDIRECT || pkt->icmp_type == ICMP_TIME_EXCEEDED ||
	       pkt->icmp_type == ICMP_PARAMETERPROB;
}

static always_inline int is_echo_reply(const struct packet *pkt)
{
	return is_icmp(pkt) && pkt->piece != PIECE_LATER &&
	       pkt->icmp_type == (pkt->family == AF_INET ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY);
}

/*
 * Errors that only routers send: about the way, not about an endpoint. From a stack they would change how a peer reaches
 * the whole host (a smaller path MTU, another gateway).
 */
static always_inline int is_routers_error(const struct packet *pkt)
{
	if (pkt->family == AF_INET6)
		return pkt->icmp_type == ICMPV6_PACKET_TOO_BIG;
	return pkt->icmp_type == ICMP_REDIRECT ||
	       (pkt->icmp_type == ICMP_DEST_UNREACH && pkt->icmp_code == ICMP_FRAG_NEEDED);
}

/* The packet an ICMP error quotes, behind its 8 bytes (RFC 792, RFC 4443). */
static always_inline int parse_quoted(const struct __sk_buff *skb, const struct packet *error, struct packet *quoted)
{
	return parse_at(skb, error->transport_offset + 8, error->family, quoted);
}

#endif
