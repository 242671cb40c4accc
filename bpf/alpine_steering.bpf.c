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
 *                           +-- dst a group or broadcast -> copies to other stacks and to the host's, and out by the
 *                           |                               source's interface
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
#include "bpf/fragments.h"
#include "bpf/owner.h"
#include "bpf/packet.h"
#include "bpf/route.h"
#include "bpf/several.h"
#include "bpf/state.h"
#include "bpf/verdict.h"

/* Redirects to the TUN of a stack; the link header, if any, is stripped on the way. */
static always_inline int send_to_stack(struct __sk_buff *skb, __u32 ifindex, enum alpine_verdict verdict)
{
	skb->mark = ALPINE_STEERED_MARK;
	count_in(skb, ifindex);
	count_verdict(verdict);
	return bpf_redirect(ifindex, 0);
}

/* A first piece brings along those that came before it. */
static always_inline int send_piece_to_stack(struct __sk_buff *skb, const struct packet *pkt, __u32 ifindex)
{
	skb->mark = ALPINE_STEERED_MARK;
	if (!send_held_pieces(skb, pkt, ifindex))
		return send_to_stack(skb, ifindex, ALPINE_VERDICT_TO_STACK);
	count_in(skb, ifindex);
	count_verdict(ALPINE_VERDICT_TO_STACK);
	return TC_ACT_STOLEN;
}

/* To an address of this host, and for loopback addresses: not from outside (RFC 1122, 3.2.1.3). */
static always_inline int is_for_this_host(const struct __sk_buff *skb, const struct packet *pkt)
{
	if (is_loopback(pkt->dst.addr) && skb->ifindex != LOOPBACK_IFINDEX)
		return 0;
	return is_local(pkt->dst.addr);
}

/* From outside, in the name of this host. PACKET_LOOPBACK: it is the host's. */
static always_inline int is_in_our_name(const struct __sk_buff *skb, const struct packet *pkt)
{
	return skb->ifindex != LOOPBACK_IFINDEX && skb->pkt_type != PACKET_LOOPBACK && is_local(pkt->src.addr);
}

/*
 * What the host's IPv4 would not take on this device, had alpined not told it to for the sake of copy_to_host().
 * `in_our_name`, here and below: see above. It takes a lookup, and is asked once for a packet.
 */
static always_inline int is_martian(const struct __sk_buff *skb, const struct packet *pkt, int in_our_name)
{
	__u32 ifindex = skb->ifindex;
	const __u32 *device;

	if (pkt->family != AF_INET || skb->mark == ALPINE_FOR_HOST_MARK || !in_our_name)
		return 0;
	device = bpf_map_lookup_elem(&devices, &ifindex);
	return device && *device & ALPINE_DEVICE_ACCEPTS_LOCAL;
}

static always_inline __u32 stack_for(struct __sk_buff *skb, const struct packet *pkt, int in_our_name)
{
	/* In our name: the host's stack knows what to do with it. */
	if (skb->pkt_type != PACKET_HOST || in_our_name || !is_for_this_host(skb, pkt))
		return 0;
	return receiver(skb, pkt, 0);
}

static always_inline int drop_martian(void)
{
	count_verdict(ALPINE_VERDICT_DROPPED);
	return TC_ACT_SHOT;
}

static always_inline int leave_to_host(void)
{
	count_verdict(ALPINE_VERDICT_TO_HOST);
	return TC_ACT_UNSPEC;
}

/* PACKET_LOOPBACK: a program of this host sends it, and this is the copy for the host's own sockets. */
static always_inline int receive_for_several(struct __sk_buff *skb, const struct packet *pkt, int in_our_name)
{
	if (skb->pkt_type != PACKET_MULTICAST && skb->pkt_type != PACKET_BROADCAST && skb->pkt_type != PACKET_LOOPBACK)
		return leave_to_host();
	if (skb->mark == ALPINE_FOR_HOST_MARK)
		skb->mark = 0;
	if (in_our_name)
		return leave_to_host();
	if (!copy_to_stacks(skb, pkt, 0))
		return leave_to_host();
	count_verdict(ALPINE_VERDICT_TO_SEVERAL);
	return TC_ACT_UNSPEC;
}

/*
 * The id of an echo request is whatever its sender likes, and the host's programs ask nobody: the answer might be for one
 * of them as well, and a copy too many is ignored by both kernels. So are its pieces; those that come before the first
 * one stay the host's.
 */
static always_inline int receive_echo_reply(struct __sk_buff *skb, __u32 ifindex)
{
	__u32 mark = skb->mark;

	skb->mark = ALPINE_STEERED_MARK;
	copy_to_stack(skb, ifindex);
	skb->mark = mark;
	count_verdict(ALPINE_VERDICT_TO_SEVERAL);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int host_ingress(struct __sk_buff *skb)
{
	struct packet pkt;
	int in_our_name;
	__u32 owner;

	if (skb->vlan_present || parse_packet(skb, &pkt))
		return leave_to_host();
	in_our_name = is_in_our_name(skb, &pkt);
	if (is_martian(skb, &pkt, in_our_name))
		return drop_martian();
	if (skb->pkt_type != PACKET_HOST && is_for_several(pkt.dst.addr, address_use(pkt.dst.addr)))
		return receive_for_several(skb, &pkt, in_our_name);
	owner = stack_for(skb, &pkt, in_our_name);
	if (!owner)
		return leave_to_host();
	if (is_echo_reply(&pkt) || (is_icmp(&pkt) && pkt.piece == PIECE_LATER))
		return receive_echo_reply(skb, owner);
	if (pkt.piece == PIECE_FIRST)
		return send_piece_to_stack(skb, &pkt, owner);
	return send_to_stack(skb, owner, ALPINE_VERDICT_TO_STACK);
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
	const struct alpine_address_use *use;
	__u32 ifindex = skb->ifindex;
	struct packet pkt;

	/* Keeps the compiler from reading it again by way of a pointer into the context, which the verifier refuses. */
	asm volatile("" : "+r"(ifindex));
	if (parse_packet(skb, &pkt) || !checksum_is_harmless(skb, &pkt))
		return drop(ifindex, ALPINE_DROP_MALFORMED);
	if (!is_local(pkt.src.addr) || (is_loopback(pkt.src.addr) && !is_local(pkt.dst.addr)))
		return drop(ifindex, ALPINE_DROP_SOURCE_ADDRESS);
	if (!may_send(skb, &pkt, ifindex))
		return drop(ifindex, ALPINE_DROP_NOT_OWNED);
	count_out(skb, ifindex);
	note_connection(skb, &pkt);
	use = address_use(pkt.dst.addr);
	if (is_loopback(pkt.dst.addr) || (use && !use->broadcast))
		return send_to_local(skb, &pkt);
	if (is_for_several(pkt.dst.addr, use)) {
		copy_to_stacks(skb, &pkt, ifindex);
		return send_to_link(skb, &pkt);
	}
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
