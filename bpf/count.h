/* SPDX-License-Identifier: GPL-2.0 */
/* Counters: every packet ends in exactly one verdict; those of a stack are also counted for its TUN. */
#ifndef ALPINE_BPF_COUNT_H
#define ALPINE_BPF_COUNT_H

#include <linux/pkt_cls.h>

#include "bpf/maps.h"

static always_inline void count_verdict(__u32 verdict)
{
	__u64 *count = bpf_map_lookup_elem(&verdicts, &verdict);

	if (count)
		*count += 1;
}

/* As many as there are on the wire. What comes out of a TUN has a segment size, but its segments are not counted yet. */
static always_inline __u64 wire_packets(const struct __sk_buff *skb)
{
	if (skb->gso_segs)
		return skb->gso_segs;
	return skb->gso_size ? (skb->len + skb->gso_size - 1) / skb->gso_size : 1;
}

static always_inline void count_in(const struct __sk_buff *skb, __u32 ifindex)
{
	struct alpine_wire_counters *wire = bpf_map_lookup_elem(&wire_counters, &ifindex);

	if (wire) {
		wire->in_packets += wire_packets(skb);
		wire->in_bytes += skb->len;
	}
}

static always_inline void count_out(const struct __sk_buff *skb, __u32 ifindex)
{
	struct alpine_wire_counters *wire = bpf_map_lookup_elem(&wire_counters, &ifindex);

	if (wire) {
		wire->out_packets += wire_packets(skb);
		wire->out_bytes += skb->len;
	}
}

/* Counts a packet of the TUN `ifindex` as dropped and answers the action that drops it. */
static always_inline int drop(__u32 ifindex, enum alpine_drop reason)
{
	struct alpine_wire_counters *wire = bpf_map_lookup_elem(&wire_counters, &ifindex);

	if (wire)
		wire->drops[reason] += 1;
	count_verdict(ALPINE_VERDICT_DROPPED);
	return TC_ACT_SHOT;
}

#endif
