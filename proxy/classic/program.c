// SPDX-License-Identifier: GPL-2.0
/*
 * The steering programs in user space; see program.h.
 *
 * They are included as they are. user_bpf/ stands in front of the include path with a <bpf/bpf_helpers.h> of its own,
 * in which maps and helpers are ordinary variables and functions.
 */
#include "bpf/alpine_steering.bpf.c"

#include <time.h>

#include "proxy/classic/program.h"

/* The packet in work: a program sees only its struct __sk_buff. */
static const struct classic_packet *current;
static struct classic_verdict decided;
static int is_from_device;
/* The word that the program has changed in it, if any. */
static struct {
	int is_changed;
	__u32 offset;
} word;
/* What host_ingress has made of the packet: a piece that was held. */
static struct {
	int is_there;
	__u32 len_bytes;
	__u8 bytes[ALPINE_HELD_PIECE_BYTES];
} other;

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
 * The word put back, or the link header of a packet that is sent on, which raw sockets make themselves; from a device
 * a piece that was held.
 */
long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags)
{
	(void)skb, (void)flags;
	word.is_changed = 0;
	if (other.is_there) {
		if (offset || len > other.len_bytes)
			return -1;
		__builtin_memcpy(other.bytes, from, len);
	}
	return 0;
}

/*
 * Of a stack's packet: never in front of a checksum's end; one that was cut is dropped. From a device the packet gets
 * the length of a piece that is to take its place.
 */
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	(void)skb, (void)flags;
	if (is_from_device) {
		if (len > sizeof(other.bytes))
			return -1;
		other.is_there = 1;
		other.len_bytes = len;
		return 0;
	}
	return len < current->checksum_end ? -1 : 0;
}

long bpf_clone_redirect(struct __sk_buff *skb, __u32 ifindex, __u64 flags)
{
	(void)skb, (void)flags;
	if (other.is_there)
		current->copy(current->self, ifindex, other.bytes, other.len_bytes);
	else
		current->copy(current->self, ifindex, current->ip, current->len_bytes);
	return 0;
}

__u64 bpf_ktime_get_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
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
	word.is_changed = 0;
	other.is_there = 0;
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

	is_from_device = 0;
	if (tun_ingress(&skb) == TC_ACT_OK)
		decided.action = CLASSIC_SEND;
	return decided;
}

struct classic_verdict classic_from_device(const struct classic_packet *packet)
{
	struct __sk_buff skb = begin(packet);

	is_from_device = 1;
	host_ingress(&skb);
	return decided;
}

#define KNOWN(name) { &(name), sizeof(*(name).type) / sizeof(int), sizeof(*(name).key), sizeof(*(name).value), \
		      sizeof(*(name).max_entries) / sizeof(int) }

const struct user_map *classic_map(enum classic_map which)
{
	static const struct user_map known[] = {
		[CLASSIC_FLOWS] = KNOWN(flows),
		[CLASSIC_SHARES] = KNOWN(shares),
		[CLASSIC_PINS] = KNOWN(pins),
		[CLASSIC_LOCAL_ADDRESSES] = KNOWN(local_addresses),
		[CLASSIC_FRAGMENTS] = KNOWN(fragments),
		[CLASSIC_CONNECTIONS] = KNOWN(connections),
		[CLASSIC_WIRE_COUNTERS] = KNOWN(wire_counters),
		[CLASSIC_VERDICTS] = KNOWN(verdicts),
		[CLASSIC_HELD_PIECES] = KNOWN(held_pieces),
		[CLASSIC_HELD_COUNTS] = KNOWN(held_counts),
	};

	return &known[which];
}
