// SPDX-License-Identifier: GPL-2.0
/*
 * Options that let Linux pin the program's pages (get_user_pages) instead of copying. Without an MMU it cannot: every
 * attempt is EFAULT, in the middle of a transfer. So they are kept from taking effect:
 *
 *   SO_ZEROCOPY    is refused, as it is by a protocol that does not have it; MSG_ZEROCOPY without it means a copy;
 *   TLS_RX         lets recvmsg() decrypt into the program's buffer where it fits; here it decrypts aside and copies.
 *
 * kTLS's sendmsg() falls back to a copy by itself, and TCP_ZEROCOPY_RECEIVE is not compiled in.
 */
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/tls.h>
#include <net/sock.h>
#include <net/tls.h>
#include <asm/alpine.h>
#include <asm/unistd.h>

extern long sys_setsockopt(long fd, long level, long name, long value, long len, long unused);

static bool refuse_zerocopy(struct sock *sk)
{
	bool wanted;

	lock_sock(sk);
	wanted = sock_flag(sk, SOCK_ZEROCOPY);
	sock_reset_flag(sk, SOCK_ZEROCOPY);
	release_sock(sk);
	return wanted;
}

/* After a SOL_TLS option: both TLS_RX and TLS_RX_EXPECT_NO_PAD decide anew. */
static void make_tls_copy(struct sock *sk)
{
	struct tls_context *tls;

	lock_sock(sk);
	tls = tls_get_ctx(sk);
	if (tls && tls->rx_conf == TLS_SW)
		tls_sw_ctx_rx(tls)->zc_capable = 0;
	release_sock(sk);
}

long alpine_setsockopt(long fd, long level, long name, long value, long len, long unused)
{
	int err = sys_setsockopt(fd, level, name, value, len, unused);
	struct socket *sock;

	if (err || !(level == SOL_TLS || (level == SOL_SOCKET && name == SO_ZEROCOPY)))
		return err;
	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	if (level == SOL_TLS)
		make_tls_copy(sock->sk);
	else if (refuse_zerocopy(sock->sk))
		err = -EOPNOTSUPP;
	sockfd_put(sock);
	return err;
}
