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
/* The word that the program has changed in it, if any. */
static struct {
	int is_changed;
	__u32 offset;
} word;
/* What the program has made of it by changing its length; `bytes` is NULL while it has not. */
static __u8 rewritten_bytes[40 + 65535]; /* the largest IPv6 packet */
static struct {
	__u8 *bytes;
	__u32 len_bytes;
} rewritten;

long bpf_skb_load_bytes_relative(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len, __u32 start)
{
	(void)skb, (void)start;
	if (offset > current->len_bytes || len > current->len_bytes - offset)
		return -1;
	__builtin_memcpy(to, (const char *)current->ip + offset, len);
	return 0;
}

long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	long error = bpf_skb_load_bytes_relative(skb, offset, to, len, BPF_HDR_START_NET);

	if (!error && word.is_changed && word.offset == offset && len >= sizeof(__u16))
		((__u8 *)to)[0] ^= 1;
	return error;
}

/* A checksum that is still to be written does not cover the packet's words yet: only others are brought up to date. */
long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags)
{
	(void)skb, (void)from, (void)to, (void)flags;
	if (offset + sizeof(__u16) > current->len_bytes)
		return -1;
	word.is_changed = !current->checksum_end;
	word.offset = offset;
	return 0;
}

/*
 * Of a packet whose length was changed: its new bytes. Else the word put back, or the link header of a packet that is sent
 * on, which raw sockets make themselves.
 */
long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags)
{
	(void)skb, (void)flags;
	word.is_changed = 0;
	if (!rewritten.bytes)
		return 0;
	if (offset > rewritten.len_bytes || len > rewritten.len_bytes - offset)
		return -1;
	__builtin_memcpy(rewritten.bytes + offset, from, len);
	return 0;
}

/*
 * Never in front of a checksum's end. The bytes are not kept: a program stores all of a packet that it lets go on, and
 * drops one that it has cut.
 */
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	(void)flags;
	if (len < current->checksum_end || len > sizeof(rewritten_bytes))
		return -1;
	rewritten.bytes = rewritten_bytes;
	rewritten.len_bytes = len;
	skb->len = len;
	return 0;
}

long bpf_clone_redirect(struct __sk_buff *skb, __u32 ifindex, __u64 flags)
{
	(void)skb;
	/* For the host's own sockets: its kernel makes that copy of what a raw socket sends. */
	if (flags & BPF_F_INGRESS)
		return 0;
	current->copy(current->sink, ifindex, rewritten.bytes, rewritten.len_bytes);
	return 0;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	(void)flags;
	decided.action = ifindex == LOOPBACK_IFINDEX ? CLASSIC_SEND : CLASSIC_TO_STACK;
	decided.to = ifindex == LOOPBACK_IFINDEX ? 0 : ifindex;
	return TC_ACT_REDIRECT;
}

/* The lookup of a route leaves the device as it was, the stack's own: that is no way out, and the host chooses. */
long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *hop, int hop_len, __u64 flags)
{
	(void)hop, (void)hop_len, (void)flags;
	decided.action = CLASSIC_SEND;
	decided.to = ifindex == current->ifindex ? 0 : ifindex;
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
	word.is_changed = 0;
	rewritten.bytes = NULL;
	rewritten.len_bytes = 0;
	decided = (struct classic_verdict){ CLASSIC_LEAVE, 0 };
	return (struct __sk_buff){
		.len = packet->len_bytes,
		.protocol = protocol_of(packet),
		.pkt_type = packet->pkt_type,
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
	static const struct user_map known[CLASSIC_MAPS] = {
		[CLASSIC_FLOWS] = KNOWN(flows),
		[CLASSIC_SHARES] = KNOWN(shares),
		[CLASSIC_PINS] = KNOWN(pins),
		[CLASSIC_LOCAL_ADDRESSES] = KNOWN(local_addresses),
		[CLASSIC_FRAGMENTS] = KNOWN(fragments),
		[CLASSIC_HELD_PIECES] = KNOWN(held_pieces),
		[CLASSIC_HELD_COUNTS] = KNOWN(held_counts),
		[CLASSIC_CONNECTIONS] = KNOWN(connections),
		[CLASSIC_WIRE_COUNTERS] = KNOWN(wire_counters),
		[CLASSIC_VERDICTS] = KNOWN(verdicts),
	};

	return &known[which];
}
