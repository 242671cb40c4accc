/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the host would still write into a packet of a stack after it has been checked.
 *
 * A stack may leave the checksum of a packet to the host (NEEDS_CSUM in the virtio_net_hdr), and says where it goes.
 * The host writes it when the packet leaves by a device that cannot: behind our back. A place in front of the transport
 * checksum would let a stack forge its source address or port (the value is its to choose, by the payload), a place
 * inside an ICMP error the packet that it quotes. The place is not in struct __sk_buff; two helpers give it away.
 */
#ifndef ALPINE_BPF_CHECKSUM_H
#define ALPINE_BPF_CHECKSUM_H

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/packet.h"

#define PORTS_LEN 4 /* source and destination port, of every transport in has_ports() */

/*
 * bpf_l4_csum_replace() leaves a word alone if the packet's checksum is still to be made and the word is not in the
 * pseudo header; else it changes it. Which word does not matter: it is put back. Answers -1 if there is no telling.
 */
static always_inline int checksum_is_pending(struct __sk_buff *skb)
{
	__u16 before, after;

	if (bpf_skb_load_bytes(skb, 0, &before, sizeof(before)) ||
	    bpf_l4_csum_replace(skb, 0, 0, bpf_htons(1), sizeof(before)) ||
	    bpf_skb_load_bytes(skb, 0, &after, sizeof(after)))
		return -1;
	if (before == after)
		return 1;
	return bpf_skb_store_bytes(skb, 0, &before, sizeof(before), 0) ? -1 : 0;
}

/*
 * bpf_skb_change_tail() refuses to cut a packet in front of the end of a checksum that is still to be made. Cuts the
 * packet when it answers 0. There is no link header on a TUN, so that offsets from the network header serve.
 */
static always_inline int checksum_lies_behind_ports(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 lowest_end = pkt->transport_offset + PORTS_LEN + sizeof(__u16);

	return bpf_skb_change_tail(skb, lowest_end - 1, 0) != 0;
}

/* Stacks make the checksum of ICMP, of pieces and of all else that has no ports by themselves, as Linux does. */
static always_inline int checksum_is_harmless(struct __sk_buff *skb, const struct packet *pkt)
{
	int pending = checksum_is_pending(skb);

	if (pending <= 0)
		return pending == 0;
	if (!has_ports(pkt->protocol) || pkt->piece != PIECE_WHOLE)
		return 0;
	return checksum_lies_behind_ports(skb, pkt);
}

#endif
