/* SPDX-License-Identifier: GPL-2.0 */
/* Which TCP connections a stack has open, as told by the packets it sends. */
#ifndef ALPINE_BPF_CONNECTIONS_H
#define ALPINE_BPF_CONNECTIONS_H

#include "bpf/maps.h"
#include "bpf/packet.h"

/* Sees every packet of a stack that passed the checks. */
static always_inline void note_connection(const struct __sk_buff *skb, const struct packet *pkt)
{
	struct alpine_connection_key key = { .ifindex = skb->ifindex };
	__u8 open = 1;
	__u8 flags;

	if (pkt->protocol != IPPROTO_TCP || pkt->piece == PIECE_LATER)
		return;
	if (load(skb, pkt->transport_offset + TCP_FLAGS_OFFSET, &flags, sizeof(flags)))
		return;
	if (!(flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return;
	__builtin_memcpy(key.local_addr, pkt->src.addr, sizeof(key.local_addr));
	__builtin_memcpy(key.peer_addr, pkt->dst.addr, sizeof(key.peer_addr));
	key.local_port_be = pkt->src.port_be;
	key.peer_port_be = pkt->dst.port_be;
	if (flags & TCP_SYN)
		bpf_map_update_elem(&connections, &key, &open, BPF_ANY);
	else
		bpf_map_delete_elem(&connections, &key);
}

#endif
