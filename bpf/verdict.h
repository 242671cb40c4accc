/* SPDX-License-Identifier: GPL-2.0 */
/* Who receives a packet, and who may send it. */
#ifndef ALPINE_BPF_VERDICT_H
#define ALPINE_BPF_VERDICT_H

#include "bpf/fragments.h"
#include "bpf/owner.h"
#include "bpf/packet.h"

static always_inline int same_address(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const __u32 *)a;
	const __u32 *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

static always_inline int is_split_port(const struct alpine_flow_key *local)
{
	const __u32 zero = 0;
	const __u32 *count = bpf_map_lookup_elem(&split_count, &zero);

	return count && *count && local->protocol == IPPROTO_TCP && bpf_map_lookup_elem(&split_ports, &local->port_be);
}

/*
 * Is it a connection of the host's own kernel? A stack that has taken the port with SO_REUSEADDR does not get those that
 * the host's programs have gone on with. (The socket that keeps the port for the stack listens.)
 */
static always_inline int is_the_hosts(struct __sk_buff *skb, const struct alpine_flow_key *local,
				      const struct alpine_flow_key *peer)
{
	struct bpf_sock_tuple tuple;
	struct bpf_sock *sock;
	__u32 state, len_bytes;

	if (!is_split_port(local))
		return 0;
	__builtin_memset(&tuple, 0, sizeof(tuple));
	if (is_v4_mapped(local->addr)) {
		__builtin_memcpy(&tuple.ipv4.saddr, peer->addr + 12, sizeof(tuple.ipv4.saddr));
		__builtin_memcpy(&tuple.ipv4.daddr, local->addr + 12, sizeof(tuple.ipv4.daddr));
		tuple.ipv4.sport = peer->port_be;
		tuple.ipv4.dport = local->port_be;
		len_bytes = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, peer->addr, sizeof(tuple.ipv6.saddr));
		__builtin_memcpy(tuple.ipv6.daddr, local->addr, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.sport = peer->port_be;
		tuple.ipv6.dport = local->port_be;
		len_bytes = sizeof(tuple.ipv6);
	}
	sock = bpf_sk_lookup_tcp(skb, &tuple, len_bytes, BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return 0;
	state = sock->state;
	bpf_sk_release(sock);
	return state != BPF_TCP_LISTEN;
}

/* Whose stack receives this packet. An ICMP error goes to the sender of the packet it quotes. */
static always_inline __u32 receiver(struct __sk_buff *skb, const struct packet *pkt, __u32 from_ifindex)
{
	struct packet quoted;
	struct claim found;

	if (is_icmp_error(pkt)) {
		if (parse_quoted(skb, pkt, &quoted) || !same_address(pkt->dst.addr, quoted.src.addr))
			return 0;
		return is_the_hosts(skb, &quoted.src, &quoted.dst) ? 0 : flow_owner(&quoted.src, &quoted.dst);
	}
	if (pkt->piece == PIECE_LATER) {
		if (!recall_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER, &found) && !from_ifindex) {
			hold_piece(skb, pkt);
			/* Has the first one come meanwhile, on another CPU? */
			recall_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER, &found);
		}
		return found.ifindex;
	}
	found.key = pkt->dst;
	found.ifindex = flow_owner(&pkt->dst, &pkt->src);
	if (found.ifindex && is_the_hosts(skb, &pkt->dst, &pkt->src))
		return 0;
	if (pkt->piece == PIECE_FIRST)
		remember_fragment(pkt, from_ifindex, ALPINE_FRAGMENT_RECEIVER, &found);
	return found.ifindex;
}

/*
 * May the stack behind the TUN `ifindex` send an ICMP error? If the packet it quotes was for an endpoint of its own on
 * this host (a wildcard claim would else speak for the port on all hosts), and only to that one's sender.
 */
static always_inline int may_send_error(const struct __sk_buff *skb, const struct packet *pkt, __u32 ifindex)
{
	struct packet quoted;
	struct claim claim;

	if (is_routers_error(pkt) || parse_quoted(skb, pkt, &quoted))
		return 0;
	if (!is_local(quoted.dst.addr) || !same_address(pkt->dst.addr, quoted.src.addr))
		return 0;
	find_claim(&quoted.dst, &claim);
	return owns(&claim, ifindex);
}

/* May the stack behind the TUN `ifindex` send this packet? */
static always_inline int may_send(const struct __sk_buff *skb, const struct packet *pkt, __u32 ifindex)
{
	struct alpine_pair_key pair;
	struct claim claim;

	if (is_icmp_error(pkt))
		return may_send_error(skb, pkt, ifindex);
	if (pkt->piece == PIECE_LATER) {
		recall_fragment(pkt, ifindex, ALPINE_FRAGMENT_SENDER, &claim);
		return claim.ifindex == ifindex;
	}
	find_claim(&pkt->src, &claim);
	if (!owns(&claim, ifindex))
		return 0;
	if (claim.ifindex == ALPINE_SHARED_FLOW) {
		make_pair(&pkt->src, &pkt->dst, &pair);
		pin_flow(&pair, ifindex);
	}
	claim.ifindex = ifindex;
	if (pkt->piece == PIECE_FIRST)
		remember_fragment(pkt, ifindex, ALPINE_FRAGMENT_SENDER, &claim);
	return 1;
}

#endif
