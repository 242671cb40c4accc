/* SPDX-License-Identifier: GPL-2.0 */
#include "tests/fuzz/packet_under_test.h"

#include <errno.h>
#include <string.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* The packet behind the context that the kernel would pass. */
struct context {
	struct __sk_buff skb; /* first: the parser gets its address */
	const uint8_t *bytes;
	size_t len;
};

/* As net/core/filter.c has it. */
static long load_bytes(const void *skb, uint32_t offset, void *to, uint32_t len, uint32_t start_header)
{
	const struct context *context = skb;

	if (start_header == BPF_HDR_START_NET && offset <= context->len && len <= context->len - offset) {
		memcpy(to, context->bytes + offset, len);
		return 0;
	}
	memset(to, 0, len);
	return -EFAULT;
}

#define bpf_skb_load_bytes_relative load_bytes
#include "bpf/packet.h"

static void show(const struct packet *pkt, struct parsed *out)
{
	out->ok = 1;
	out->src = pkt->src;
	out->dst = pkt->dst;
	out->transport_offset = pkt->transport_offset;
	out->family = pkt->family;
	out->protocol = pkt->protocol;
	out->piece = pkt->piece;
	out->icmp_type = pkt->icmp_type;
	out->icmp_code = pkt->icmp_code;
	out->fragment_id_be = pkt->fragment_id_be;
	out->is_icmp_error = is_icmp_error(pkt);
	out->is_routers_error = out->is_icmp_error && is_routers_error(pkt);
}

void parse_under_test(const uint8_t *bytes, size_t len, uint16_t ethertype, struct parsed *packet,
		      struct parsed *quoted)
{
	struct context context = { .bytes = bytes, .len = len };
	struct packet outer, inner;

	memset(packet, 0, sizeof(*packet));
	memset(quoted, 0, sizeof(*quoted));
	context.skb.protocol = bpf_htons(ethertype);
	context.skb.len = len;
	if (parse_packet(&context.skb, &outer))
		return;
	show(&outer, packet);
	if (packet->is_icmp_error && !parse_quoted(&context.skb, &outer, &inner))
		show(&inner, quoted);
}
