/* SPDX-License-Identifier: GPL-2.0 */
/* The way out of the host for a packet of a stack: the host's routes, the host's neighbours. */
#ifndef ALPINE_BPF_ROUTE_H
#define ALPINE_BPF_ROUTE_H

#include "bpf/count.h"
#include "bpf/owner.h"
#include "bpf/packet.h"
#include "bpf/several.h"

static always_inline void fill_lookup(const struct __sk_buff *skb, const struct packet *pkt, struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = pkt->family;
	fib->ifindex = skb->ifindex;
	fib->l4_protocol = pkt->protocol;
	fib->sport = pkt->src.port_be;
	fib->dport = pkt->dst.port_be;
	if (pkt->family == AF_INET) {
		__builtin_memcpy(&fib->ipv4_src, pkt->src.addr + 12, 4);
		__builtin_memcpy(&fib->ipv4_dst, pkt->dst.addr + 12, 4);
	} else {
		__builtin_memcpy(fib->ipv6_src, pkt->src.addr, 16);
		__builtin_memcpy(fib->ipv6_dst, pkt->dst.addr, 16);
	}
}

/* The lookup leaves the next hop, of its own family, where the destination was. */
static always_inline void next_hop(const struct bpf_fib_lookup *fib, struct bpf_redir_neigh *hop)
{
	__builtin_memset(hop, 0, sizeof(*hop));
	hop->nh_family = fib->family;
	if (fib->family == AF_INET)
		hop->ipv4_nh = fib->ipv4_dst;
	else
		__builtin_memcpy(hop->ipv6_nh, fib->ipv6_dst, sizeof(hop->ipv6_nh));
}

/*
 * Sends the packet to a remote destination. bpf_redirect_neigh() drops frames without a link header, so one is
 * made first; the host's neighbour code fills it in. The fib lookup answers only because forwarding is on for the
 * TUN; the TTL is not touched, as the packet is this host's own.
 */
static always_inline int send_to_remote(struct __sk_buff *skb, const struct packet *pkt)
{
	struct bpf_fib_lookup fib;
	struct bpf_redir_neigh hop;

	fill_lookup(skb, pkt, &fib);
	if (bpf_fib_lookup(skb, &fib, sizeof(fib), BPF_FIB_LOOKUP_SKIP_NEIGH) != BPF_FIB_LKUP_RET_SUCCESS)
		return drop(skb->ifindex, ALPINE_DROP_NO_ROUTE);
	if (bpf_skb_change_head(skb, ETH_HEADER_LEN, 0))
		return drop(skb->ifindex, ALPINE_DROP_NO_MEMORY);
	next_hop(&fib, &hop);
	count_verdict(ALPINE_VERDICT_OUT);
	return bpf_redirect_neigh(fib.ifindex, &hop, sizeof(hop), 0);
}

struct link_header {
	__u8 to[6];
	__u8 from[6];
	__be16 protocol_be;
};

/* RFC 1112, 6.4; RFC 2464, 7. */
static always_inline void make_link_header(const struct __sk_buff *skb, const struct packet *pkt, struct link_header *link)
{
	const __u8 *group = pkt->dst.addr + 10; /* its last six bytes */

	__builtin_memset(link, 0, sizeof(*link));
	link->protocol_be = skb->protocol;
	if (pkt->family == AF_INET6) {
		__builtin_memcpy(link->to, group, sizeof(link->to));
		link->to[0] = link->to[1] = 0x33;
	} else if (is_group(pkt->dst.addr)) {
		__builtin_memcpy(link->to, group, sizeof(link->to));
		link->to[0] = 0x01;
		link->to[1] = 0x00;
		link->to[2] = 0x5e;
		link->to[3] &= 0x7f;
	} else {
		__builtin_memset(link->to, 0xff, sizeof(link->to));
	}
}

/*
 * For the sockets of the host's own stack that hear what it says to several: a copy that comes in by the device that the
 * packet leaves by. The host's IPv4 takes it, though it is from an address of its own, because alpined has set
 * accept_local.
 */
static always_inline int copy_to_host(struct __sk_buff *skb, const struct packet *pkt, __u32 ifindex)
{
	struct link_header link;
	__u32 mark = skb->mark;

	make_link_header(skb, pkt, &link);
	if (bpf_skb_store_bytes(skb, 0, &link, sizeof(link), 0))
		return -1;
	skb->mark = ALPINE_FOR_HOST_MARK;
	bpf_clone_redirect(skb, ifindex, BPF_F_INGRESS);
	skb->mark = mark;
	/* bpf_redirect_neigh() drops what has a group's link address already. */
	__builtin_memset(&link, 0, sizeof(link));
	return bpf_skb_store_bytes(skb, 0, &link, sizeof(link), 0);
}

/*
 * To a group, or by broadcast: out by the device that has the source address, which is the one that the host's routes
 * lead to, because the stack's tell the source by them. The neighbour is the destination itself.
 */
static always_inline int send_to_link(struct __sk_buff *skb, const struct packet *pkt)
{
	const struct alpine_address_use *use = address_use(pkt->src.addr);
	struct bpf_redir_neigh hop;
	__u32 ifindex;

	if (!use || use->ifindex == LOOPBACK_IFINDEX)
		return drop(skb->ifindex, ALPINE_DROP_NO_ROUTE);
	ifindex = use->ifindex;
	if (bpf_skb_change_head(skb, ETH_HEADER_LEN, 0) || copy_to_host(skb, pkt, ifindex))
		return drop(skb->ifindex, ALPINE_DROP_NO_MEMORY);
	__builtin_memset(&hop, 0, sizeof(hop));
	hop.nh_family = pkt->family;
	if (pkt->family == AF_INET)
		__builtin_memcpy(&hop.ipv4_nh, pkt->dst.addr + 12, sizeof(hop.ipv4_nh));
	else
		__builtin_memcpy(hop.ipv6_nh, pkt->dst.addr, sizeof(hop.ipv6_nh));
	count_verdict(ALPINE_VERDICT_OUT);
	return bpf_redirect_neigh(ifindex, &hop, sizeof(hop), 0);
}

/*
 * Hands the packet to lo as if it had come in there. For ::1, which the host's IPv6 accepts from no other device
 * (net/ipv6/ip6_input.c); the link header is lo's own, all zero but for the protocol.
 */
static always_inline int send_by_loopback(struct __sk_buff *skb)
{
	__be16 protocol_be = skb->protocol;
	__u32 from = skb->ifindex;

	if (bpf_skb_change_head(skb, ETH_HEADER_LEN, 0) ||
	    bpf_skb_store_bytes(skb, ETH_HEADER_LEN - 2, &protocol_be, sizeof(protocol_be), 0))
		return drop(from, ALPINE_DROP_NO_MEMORY);
	count_verdict(ALPINE_VERDICT_OUT_TO_HOST);
	return bpf_redirect(LOOPBACK_IFINDEX, BPF_F_INGRESS);
}

#endif
