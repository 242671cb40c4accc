// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: which the stack uses, and how one that it chose is given to a socket and taken back (calls/binding.h). Every
 * port has to be the process's on the host too, where somebody else may have it; then the stack chooses another.
 */
#include <linux/file.h>
#include <linux/net.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/tcp.h>
#include <net/udp.h>
#include <net/udplite.h>
#include <asm/alpine.h>
#include "../../../net/mptcp/protocol.h"

static bool bound_in(struct inet_hashinfo *table, unsigned short port)
{
	struct inet_bind_hashbucket *head = &table->bhash[inet_bhashfn(&init_net, port, table->bhash_size)];
	struct inet_bind_bucket *bucket;
	bool found = false;

	spin_lock_bh(&head->lock);
	inet_bind_bucket_for_each(bucket, &head->chain)
		found |= bucket->port == port;
	spin_unlock_bh(&head->lock);
	return found;
}

static bool bound_in_udp(struct udp_table *table, unsigned short port)
{
	struct udp_hslot *slot = udp_hashslot(table, &init_net, port);
	struct sock *sk;
	bool found = false;

	spin_lock_bh(&slot->lock);
	sk_for_each(sk, &slot->head)
		found |= inet_sk(sk)->inet_num == port;
	spin_unlock_bh(&slot->lock);
	return found;
}

long alpine_port_in_use(int protocol, unsigned short port)
{
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
		return bound_in(&tcp_hashinfo, port);
	case IPPROTO_UDP:
		return bound_in_udp(init_net.ipv4.udp_table, port);
	case IPPROTO_UDPLITE:
		return bound_in_udp(&udplite_table, port);
	default:
		return -EPROTONOSUPPORT;
	}
}

/* Has this socket, which no descriptor holds, still something to say to its peer or to hear from it? */
static bool is_busy_orphan(const struct sock *sk)
{
	if (sk->sk_state == TCP_TIME_WAIT)
		return inet_twsk(sk)->tw_substate == TCP_FIN_WAIT2;
	if (sk->sk_state == TCP_NEW_SYN_RECV || sk->sk_protocol != IPPROTO_TCP)
		return false;
	return sock_flag(sk, SOCK_DEAD) &&
	       ((1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSING | TCPF_LAST_ACK));
}

long alpine_orphans(void)
{
	struct hlist_nulls_node *node;
	struct sock *sk;
	unsigned int i;
	long count = 0;

	for (i = 0; i <= tcp_hashinfo.ehash_mask; i++) {
		spin_lock_bh(inet_ehash_lockp(&tcp_hashinfo, i));
		sk_nulls_for_each(sk, node, &tcp_hashinfo.ehash[i].chain)
			count += is_busy_orphan(sk);
		spin_unlock_bh(inet_ehash_lockp(&tcp_hashinfo, i));
	}
	return count;
}

static bool is_mptcp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_MPTCP;
}

static bool is_inet(const struct sock *sk)
{
	return sk->sk_family == AF_INET || sk->sk_family == AF_INET6;
}

/* The socket whose port it is: of MPTCP that of the first subflow, which is made if need be. `sk` is locked. */
static struct sock *port_holder(struct sock *sk)
{
	return is_mptcp(sk) ? __mptcp_nmpc_sk(mptcp_sk(sk)) : sk;
}

static void show_port(struct sock *sk, const struct sock *holder)
{
	inet_sk(sk)->inet_num = inet_sk(holder)->inet_num;
	inet_sk(sk)->inet_sport = htons(inet_sk(holder)->inet_num);
}

static long choose_port(struct sock *holder, int unused)
{
	if (inet_sk(holder)->inet_num)
		return 0;
	return holder->sk_prot->get_port(holder, 0) ? -EADDRINUSE : 0;
}

static long take_port(struct sock *holder, int port)
{
	int low, high;

	if (inet_sk(holder)->inet_num)
		return -EISCONN;
	inet_sk_get_local_port_range(holder, &low, &high);
	if (port < low || port > high || inet_is_local_reserved_port(sock_net(holder), port))
		return -ERANGE;
	return holder->sk_prot->get_port(holder, port) ? -EADDRINUSE : 0;
}

static long give_port_back(struct sock *holder, int unused)
{
	if (!holder->sk_prot->put_port)
		return -EOPNOTSUPP;
	if (holder->sk_userlocks & SOCK_BINDPORT_LOCK)
		return -EINVAL;
	holder->sk_prot->put_port(holder);
	inet_sk(holder)->inet_num = 0;
	return 0;
}

static long with_port_holder(int fd, long (*act)(struct sock *holder, int port), int port)
{
	struct sock *sk, *holder;
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	sk = sock->sk;
	if (!is_inet(sk) || !sk->sk_prot->get_port) {
		sockfd_put(sock);
		return -EOPNOTSUPP;
	}
	lock_sock(sk);
	holder = port_holder(sk);
	err = IS_ERR(holder) ? PTR_ERR(holder) : act(holder, port);
	if (!err)
		show_port(sk, holder);
	release_sock(sk);
	sockfd_put(sock);
	return err;
}

long alpine_choose_port(int fd)
{
	return with_port_holder(fd, choose_port, 0);
}

long alpine_take_port(int fd, int port)
{
	return with_port_holder(fd, take_port, port);
}

long alpine_give_port_back(int fd)
{
	return with_port_holder(fd, give_port_back, 0);
}

long alpine_local_port(int fd)
{
	struct socket *sock;
	long port;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	port = is_inet(sock->sk) ? READ_ONCE(inet_sk(sock->sk)->inet_num) : -EOPNOTSUPP;
	sockfd_put(sock);
	return port;
}
