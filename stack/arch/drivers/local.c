// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic within this host: with programs on the host's own stack, and with other stacks.
 *
 * Theory of operation
 * -------------------
 * The stack's addresses are the host's, so a packet to one of them, or to 127.0.0.1 or ::1, need not be for a socket
 * of this stack. Routing cannot tell: to the stack the address is local, and the packet goes to lo. So every packet
 * that is about to leave by lo is asked for its receiver, as tcp_v4_rcv() or udp_rcv() would look it up. If this stack
 * has none, the packet takes the wire instead: steering hands it to the stack that has claimed its destination, and
 * else to the host's kernel, whose answer (a reset, a port unreachable) then is the true one.
 *
 * On the way in, what alp0 receives from an address of this host is put on lo, where it would arrive on any Linux: with
 * the settings that make lo believe such a source. Only what is sent to a group stays on alp0, where programs join, and
 * where Linux loops it back, too; so alp0 has to believe such a source as well.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/ip6_route.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>
#include <net/udp.h>
#include <asm/alpine.h>

/* Both ends of a packet, from the receiver's point of view, and its transport. */
struct ends {
	union nf_inet_addr src, dst;
	__be16 sport, dport;
	u8 family, protocol;
};

/* Fills in the ports. False: a protocol without, a piece of a datagram, or too short. */
static bool read_ports(const struct sk_buff *skb, int offset, struct ends *ends)
{
	__be16 buffer[2];
	const __be16 *ports = skb_header_pointer(skb, offset, sizeof(buffer), buffer);

	if (!ports || (ends->protocol != IPPROTO_TCP && ends->protocol != IPPROTO_UDP))
		return false;
	ends->sport = ports[0];
	ends->dport = ports[1];
	return true;
}

static bool read_v4(const struct sk_buff *skb, int offset, struct ends *ends, int *transport)
{
	struct iphdr buffer;
	const struct iphdr *ip = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);

	if (!ip || ip->version != 4 || ip->ihl < 5 || ip->frag_off & htons(IP_OFFSET))
		return false;
	ends->family = AF_INET;
	ends->protocol = ip->protocol;
	ends->src.ip = ip->saddr;
	ends->dst.ip = ip->daddr;
	*transport = offset + ip->ihl * 4;
	return true;
}

static bool read_v6(const struct sk_buff *skb, int offset, struct ends *ends, int *transport)
{
	struct ipv6hdr buffer;
	const struct ipv6hdr *ip = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	__be16 fragment = 0;
	u8 next;

	if (!ip || ip->version != 6)
		return false;
	next = ip->nexthdr;
	*transport = ipv6_skip_exthdr(skb, offset + sizeof(*ip), &next, &fragment);
	if (*transport < 0 || fragment & htons(~0x7))
		return false;
	ends->family = AF_INET6;
	ends->protocol = next;
	ends->src.in6 = ip->saddr;
	ends->dst.in6 = ip->daddr;
	return true;
}

static bool read_packet(const struct sk_buff *skb, int offset, u8 family, struct ends *ends, int *transport)
{
	return family == AF_INET ? read_v4(skb, offset, ends, transport) : read_v6(skb, offset, ends, transport);
}

static bool is_icmp_error_type(const struct sk_buff *skb, int transport, u8 family)
{
	u8 buffer;
	const u8 *type = skb_header_pointer(skb, transport, sizeof(buffer), &buffer);

	if (!type)
		return false;
	return family == AF_INET ? icmp_is_err(*type) : icmpv6_is_err(*type);
}

/*
 * Whose socket decides: the packet's own ends, or for an ICMP error those of the packet it quotes, turned round,
 * because it goes to that one's sender. False: nothing that ports tell apart.
 */
static bool find_ends(const struct sk_buff *skb, u8 family, struct ends *ends)
{
	const u8 icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct ends quoted;
	int transport;

	if (!read_packet(skb, skb_network_offset(skb), family, ends, &transport))
		return false;
	if (ends->protocol != icmp)
		return read_ports(skb, transport, ends);
	if (!is_icmp_error_type(skb, transport, family) ||
	    !read_packet(skb, transport + sizeof(struct icmphdr), family, &quoted, &transport) ||
	    !read_ports(skb, transport, &quoted))
		return false;
	*ends = quoted;
	swap(ends->src, ends->dst);
	swap(ends->sport, ends->dport);
	return true;
}

static struct sock *find_tcp(const struct ends *ends)
{
	struct net *net = &init_net;

	if (ends->family == AF_INET)
		return inet_lookup(net, &tcp_hashinfo, NULL, 0, ends->src.ip, ends->sport, ends->dst.ip, ends->dport,
				   LOOPBACK_IFINDEX);
	return inet6_lookup(net, &tcp_hashinfo, NULL, 0, &ends->src.in6, ends->sport, &ends->dst.in6, ends->dport,
			    LOOPBACK_IFINDEX);
}

static bool has_udp(const struct ends *ends)
{
	struct net *net = &init_net;
	struct udp_table *table = net->ipv4.udp_table;

	if (ends->family == AF_INET)
		return __udp4_lib_lookup(net, ends->src.ip, ends->sport, ends->dst.ip, ends->dport, LOOPBACK_IFINDEX, 0,
					 table, NULL);
	return __udp6_lib_lookup(net, &ends->src.in6, ends->sport, &ends->dst.in6, ends->dport, LOOPBACK_IFINDEX, 0,
				 table, NULL);
}

static bool has_receiver(const struct ends *ends)
{
	struct sock *sk;

	if (ends->protocol == IPPROTO_UDP)
		return has_udp(ends);
	sk = find_tcp(ends);
	if (sk)
		sock_gen_put(sk);
	return sk;
}

static struct net_device *wire;

static int send_by_wire(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	skb->dev = wire;
	skb->protocol = ip_hdr(skb)->version == 4 ? htons(ETH_P_IP) : htons(ETH_P_IPV6);
	return dev_queue_xmit(skb);
}

/*
 * Steering gives what is for ::1 a link header, for which a host's kernel finds room in a packet of less than four pages
 * (SKB_MAX_ALLOC), or in one of any size that is segments.
 */
#define MAX_GROWING_BYTES 8192

static bool must_grow(const struct sk_buff *skb, const struct ends *ends)
{
	return ends->family == AF_INET6 && skb->len > MAX_GROWING_BYTES && !skb_is_gso(skb) &&
	       (ipv6_addr_loopback(&ipv6_hdr(skb)->daddr) || ipv6_addr_loopback(&ipv6_hdr(skb)->saddr));
}

/* A TCP segment that fills lo's MTU is said to be several; what TCP will send next is marked anew anyway. */
static void divide_segment(struct sk_buff *skb)
{
	unsigned int payload = skb->len - skb_transport_offset(skb) - tcp_hdrlen(skb);

	skb_shinfo(skb)->gso_size = MAX_GROWING_BYTES;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(payload, MAX_GROWING_BYTES);
	skb_shinfo(skb)->gso_type = SKB_GSO_TCPV6;
}

static void leave_by_wire(struct sk_buff *skb, const struct ends *ends, struct sock *sk)
{
	if (!must_grow(skb, ends)) {
		send_by_wire(&init_net, sk, skb);
	} else if (ends->protocol == IPPROTO_TCP && skb->ip_summed == CHECKSUM_PARTIAL) {
		divide_segment(skb);
		send_by_wire(&init_net, sk, skb);
	} else {
		IP6CB(skb)->frag_max_size = MAX_GROWING_BYTES;
		ip6_fragment(&init_net, sk, skb, send_by_wire);
	}
}

/*
 * A piece of a datagram stays with the others, none of which but the first shows its ports: the one that overlaps them may
 * be a first one, too, and then its ports are anything.
 */
static bool is_piece(const struct sk_buff *skb, u8 family)
{
	unsigned int offset = 0;

	if (family == AF_INET)
		return ip_is_fragment(ip_hdr(skb));
	return ipv6_find_hdr(skb, &offset, NEXTHDR_FRAGMENT, NULL, NULL) >= 0;
}

/* The last hook before the device. */
static unsigned int leave_lo(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct ends ends;

	if (!(state->out->flags & IFF_LOOPBACK) || !(wire->flags & IFF_UP))
		return NF_ACCEPT;
	if (!find_ends(skb, state->pf, &ends) || has_receiver(&ends) || is_piece(skb, state->pf))
		return NF_ACCEPT;
	leave_by_wire(skb, &ends, state->sk);
	return NF_STOLEN;
}

static bool is_own_v4(__be32 address)
{
	return ipv4_is_loopback(address) || inet_lookup_ifaddr_rcu(&init_net, address);
}

static bool is_own_v6(const struct in6_addr *address)
{
	return ipv6_addr_loopback(address) || ipv6_chk_addr(&init_net, address, NULL, 0);
}

/* A packet fresh from the wire, its headers in the linear part. True: it comes from this host, and is now on lo. */
bool alpine_enters_lo(struct sk_buff *skb)
{
	bool own = false;

	if (skb->protocol == htons(ETH_P_IP) && skb_headlen(skb) >= sizeof(struct iphdr))
		own = !ipv4_is_multicast(ip_hdr(skb)->daddr) && is_own_v4(ip_hdr(skb)->saddr);
	else if (skb->protocol == htons(ETH_P_IPV6) && skb_headlen(skb) >= sizeof(struct ipv6hdr))
		own = !ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr) && is_own_v6(&ipv6_hdr(skb)->saddr);
	if (own)
		skb->dev = init_net.loopback_dev;
	return own;
}

static void trust_own_sources(struct net_device *dev)
{
	struct in_device *in_dev = __in_dev_get_rtnl(dev);

	if (!in_dev)
		return;
	IN_DEV_CONF_SET(in_dev, ACCEPT_LOCAL, 1);
	if (dev->flags & IFF_LOOPBACK)
		IN_DEV_CONF_SET(in_dev, ROUTE_LOCALNET, 1);
}

/* Once, when the wire is registered. */
int __init alpine_share_host(struct net_device *alp0)
{
	static const struct nf_hook_ops hooks[] = {
		{ .hook = leave_lo, .pf = NFPROTO_IPV4, .hooknum = NF_INET_POST_ROUTING, .priority = NF_IP_PRI_LAST },
		{ .hook = leave_lo, .pf = NFPROTO_IPV6, .hooknum = NF_INET_POST_ROUTING, .priority = NF_IP6_PRI_LAST },
	};

	rtnl_lock();
	trust_own_sources(init_net.loopback_dev);
	trust_own_sources(alp0);
	rtnl_unlock();
	wire = alp0;
	return nf_register_net_hooks(&init_net, hooks, ARRAY_SIZE(hooks));
}
