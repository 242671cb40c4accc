/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steering: which packets are a stack's, and which may a stack send.
 *
 *                      host_ingress                         tun_egress
 *   eth0, lo ... ---> is dst claimed? --yes--> redirect ---> steered? ---> TUN ---> stack
 *                           |no                                |no
 *                     host's own stack                         drop
 *
 *   stack ---> TUN ---> tun_ingress: is src claimed by this TUN, and local? --no--> drop, counted
 *                           |yes
 *                           +-- dst claimed by a stack on this host -> redirect to its TUN
 *                           +-- dst local                           -> host's own stack
 *                           +-- else: host's route, host's neighbour -> out by the host's interface
 *
 * A claim is looked up only for packets to an address of this host: a claim of the wildcard address never catches
 * what the host merely forwards. Packets for another link-layer address, and tagged ones (their VLAN device sees
 * them again), are left alone, too.
 *
 * The programs are attached with clsact in direct-action mode. host_ingress answers TC_ACT_UNSPEC for what is not
 * its business, so that filters of others on the same interface still run.
 */
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/checksum.h"
#include "bpf/connections.h"
#include "bpf/count.h"
#include "bpf/owner.h"
#include "bpf/packet.h"
#include "bpf/route.h"
#include "bpf/state.h"

/* Redirects to the TUN of a stack; the link header, if any, is stripped on the way. */
static always_inline int send_to_stack(struct __sk_buff *skb, __u32 ifindex, enum alpine_verdict verdict)
{
	skb->mark = ALPINE_STEERED_MARK;
	count_in(skb, ifindex);
	count_verdict(verdict);
	return bpf_redirect(ifindex, 0);
}

/* To an address of this host, and for loopback addresses: not from outside (RFC 1122, 3.2.1.3). */
static always_inline int is_for_this_host(const struct __sk_buff *skb, const struct packet *pkt)
{
	if (is_loopback(pkt->dst.addr) && skb->ifindex != LOOPBACK_IFINDEX)
		return 0;
	return is_local(pkt->dst.addr);
}

static always_inline __u32 stack_for(const struct __sk_buff *skb)
{
	struct packet pkt;

	if (skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return 0;
	if (parse_packet(skb, &pkt) || !is_for_this_host(skb, &pkt))
		return 0;
	/* From outside in the name of this host: the host's stack knows what to do with it. */
	if (skb->ifindex != LOOPBACK_IFINDEX && is_local(pkt.src.addr))
		return 0;
	return receiver(skb, &pkt, 0);
}

SEC("tc")
int host_ingress(struct __sk_buff *skb)
{
	__u32 owner = stack_for(skb);

	if (owner)
		return send_to_stack(skb, owner, ALPINE_VERDICT_TO_STACK);
	count_verdict(ALPINE_VERDICT_TO_HOST);
	return TC_ACT_UNSPEC;
}

static always_inline int send_to_host(struct __sk_buff *skb, const struct packet *pkt)
{
	if (pkt->family == AF_INET6 && (is_loopback(pkt->dst.addr) || is_loopback(pkt->src.addr)))
		return send_by_loopback(skb);
	count_verdict(ALPINE_VERDICT_OUT_TO_HOST);
	return TC_ACT_OK;
}

static always_inline int send_to_local(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 owner = receiver(skb, pkt, skb->ifindex);

	if (owner)
		return send_to_stack(skb, owner, ALPINE_VERDICT_OUT_TO_STACK);
	return send_to_host(skb, pkt);
}

SEC("tc")
int tun_ingress(struct __sk_buff *skb)
{
	struct packet pkt;

	if (parse_packet(skb, &pkt) || !checksum_is_harmless(skb, &pkt))
		return drop(skb->ifindex, ALPINE_DROP_MALFORMED);
	if (!is_local(pkt.src.addr) || (is_loopback(pkt.src.addr) && !is_local(pkt.dst.addr)))
		return drop(skb->ifindex, ALPINE_DROP_SOURCE_ADDRESS);
	if (sender(skb, &pkt) != skb->ifindex)
		return drop(skb->ifindex, ALPINE_DROP_NOT_OWNED);
	count_out(skb, skb->ifindex);
	note_connection(skb, &pkt);
	if (is_local(pkt.dst.addr))
		return send_to_local(skb, &pkt);
	return send_to_remote(skb, &pkt);
}

SEC("tc")
int tun_egress(struct __sk_buff *skb)
{
	if (skb->mark != ALPINE_STEERED_MARK)
		return drop(skb->ifindex, ALPINE_DROP_NOT_STEERED);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
