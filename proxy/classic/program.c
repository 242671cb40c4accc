// SPDX-License-Identifier: GPL-2.0
/*
 * The steering programs in user space; see program.h.
 *
 * They are included as they are. user_bpf/ stands in front of the include path with a <bpf/bpf_helpers.h> of its own,
 * in which maps and helpers are ordinary variables and functions.
 */
#include "bpf/alpine_steering.bpf.c"
#include "proxy/classic/program.h"

/* The packet in work: a program sees only its struct __sk_buff. */
static const struct classic_packet *current;
static struct classic_verdict decided;

long bpf_skb_load_bytes_relative(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len, __u32 start)
{
	(void)skb, (void)start;
	if (offset > current->len_bytes || len > current->len_bytes - offset)
		return -1;
	__builtin_memcpy(to, (const char *)current->ip + offset, len);
	return 0;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	(void)flags;
	decided.action = ifindex == LOOPBACK_IFINDEX ? CLASSIC_SEND : CLASSIC_TO_STACK;
	decided.to = ifindex;
	return TC_ACT_REDIRECT;
}

long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *hop, int hop_len, __u64 flags)
{
	(void)ifindex, (void)hop, (void)hop_len, (void)flags;
	decided.action = CLASSIC_SEND;
	return TC_ACT_REDIRECT;
}

static __be16 protocol_of(const struct classic_packet *packet)
{
	const __u8 version = packet->len_bytes ? *(const __u8 *)packet->ip >> 4 : 0;

	return version == 4 ? bpf_htons(ETH_P_IP) : version == 6 ? bpf_htons(ETH_P_IPV6) : 0;
}

static struct __sk_buff begin(const struct classic_packet *packet)
{
	current = packet;
	decided = (struct classic_verdict){ CLASSIC_LEAVE, 0 };
	return (struct __sk_buff){
		.len = packet->len_bytes,
		.protocol = protocol_of(packet),
		.pkt_type = PACKET_HOST, /* the capture takes no others */
		.ifindex = packet->ifindex,
		.gso_size = packet->gso_bytes,
	};
}

struct classic_verdict classic_from_stack(const struct classic_packet *packet)
{
	struct __sk_buff skb = begin(packet);

	if (tun_ingress(&skb) == TC_ACT_OK)
		decided.action = CLASSIC_SEND;
	return decided;
}

struct classic_verdict classic_from_device(const struct classic_packet *packet)
{
	struct __sk_buff skb = begin(packet);

	host_ingress(&skb);
	return decided;
}

#define KNOWN(name) { &(name), sizeof(*(name).type) / sizeof(int), sizeof(*(name).key), sizeof(*(name).value), \
		      sizeof(*(name).max_entries) / sizeof(int) }

const struct user_map *classic_map(enum classic_map which)
{
	static const struct user_map known[] = {
		[CLASSIC_FLOWS] = KNOWN(flows),
		[CLASSIC_LOCAL_ADDRESSES] = KNOWN(local_addresses),
		[CLASSIC_FRAGMENTS] = KNOWN(fragments),
		[CLASSIC_CONNECTIONS] = KNOWN(connections),
		[CLASSIC_WIRE_COUNTERS] = KNOWN(wire_counters),
		[CLASSIC_VERDICTS] = KNOWN(verdicts),
	};

	return &known[which];
}
