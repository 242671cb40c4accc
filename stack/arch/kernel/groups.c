// SPDX-License-Identifier: GPL-2.0
/*
 * Which multicast groups a socket has joined, told as the options that join them (ip(7), ipv6(7)): a process that has come
 * by the socket otherwise than by making it joins them on the host as well (calls/groups.h). What a socket that hears all
 * sources but some does not hear, is left out.
 */
#include <linux/file.h>
#include <linux/igmp.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/uaccess.h>
#include <net/if_inet6.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <alpine/stack_calls.h>
#include <asm/alpine.h>

static void fill(struct alpine_group_option *to, int level, int option, const void *value, size_t len)
{
	BUILD_BUG_ON(sizeof(struct group_source_req) > sizeof(to->value));
	to->level = level;
	to->option = option;
	to->len = len;
	memcpy(to->value, value, len);
}

/* By an address of the device, if it was joined so; its number means nothing on the host. */
static void fill_v4(struct alpine_group_option *to, const struct ip_mreqn *group, const __be32 *source)
{
	struct ip_mreq_source by_source = {
		.imr_multiaddr = group->imr_multiaddr.s_addr,
		.imr_interface = group->imr_address.s_addr,
		.imr_sourceaddr = source ? *source : 0,
	};

	if (source)
		fill(to, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &by_source, sizeof(by_source));
	else
		fill(to, IPPROTO_IP, IP_ADD_MEMBERSHIP, group, sizeof(*group));
}

static void fill_v6(struct alpine_group_option *to, int device, const struct in6_addr *group, const struct in6_addr *source)
{
	struct group_source_req request = { .gsr_interface = device };
	struct sockaddr_in6 *name = (struct sockaddr_in6 *)&request.gsr_group;

	name->sin6_family = AF_INET6;
	name->sin6_addr = *group;
	if (!source) {
		fill(to, IPPROTO_IPV6, MCAST_JOIN_GROUP, &request, sizeof(struct group_req));
		return;
	}
	name = (struct sockaddr_in6 *)&request.gsr_source;
	name->sin6_family = AF_INET6;
	name->sin6_addr = *source;
	fill(to, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &request, sizeof(request));
}

static bool find_v4(struct sock *sk, unsigned int *index, struct alpine_group_option *to)
{
	struct ip_mc_socklist *group = rcu_dereference(inet_sk(sk)->mc_list);

	for (; group; group = rcu_dereference(group->next_rcu)) {
		struct ip_sf_socklist *sources = rcu_dereference(group->sflist);
		bool all = group->sfmode == MCAST_EXCLUDE;
		unsigned int count = all ? 1 : sources ? sources->sl_count : 0;

		if (*index < count) {
			fill_v4(to, &group->multi, all ? NULL : &sources->sl_addr[*index]);
			return true;
		}
		*index -= count;
	}
	return false;
}

static bool find_v6(struct sock *sk, unsigned int *index, struct alpine_group_option *to)
{
	struct ipv6_mc_socklist *group = rcu_dereference(inet6_sk(sk)->ipv6_mc_list);

	for (; group; group = rcu_dereference(group->next)) {
		struct ip6_sf_socklist *sources = rcu_dereference(group->sflist);
		bool all = group->sfmode == MCAST_EXCLUDE;
		unsigned int count = all ? 1 : sources ? sources->sl_count : 0;

		if (*index < count) {
			fill_v6(to, group->ifindex, &group->addr, all ? NULL : &sources->sl_addr[*index]);
			return true;
		}
		*index -= count;
	}
	return false;
}

long alpine_group_option(int fd, unsigned int index, struct alpine_group_option __user *to)
{
	struct alpine_group_option found = {};
	struct socket *sock;
	bool is_there;
	int family, err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	family = sock->sk->sk_family;
	rcu_read_lock();
	is_there = ((family == AF_INET || family == AF_INET6) && find_v4(sock->sk, &index, &found)) ||
		   (family == AF_INET6 && find_v6(sock->sk, &index, &found));
	rcu_read_unlock();
	sockfd_put(sock);
	if (!is_there)
		return -ENOENT;
	return copy_to_user(to, &found, sizeof(found)) ? -EFAULT : 0;
}
