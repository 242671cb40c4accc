// SPDX-License-Identifier: GPL-2.0
/*
 * sock_diag(7) about Unix sockets. These are the host's (docs/calls.md), so the host's sock_diag is asked, by the process
 * that asks, and its answer is handed on. Stands in for net/unix/diag.c.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/socket.h>
#include <linux/unix_diag.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <asm/alpine.h>

#define FIRST_ROOM 65536
#define MOST_ROOM (4 << 20) /* some 30,000 sockets */
#define MOST_MESSAGE 32768  /* as much as Linux puts into one datagram of a dump */

struct answer {
	size_t len, given; /* bytes: of all messages, and of those handed on */
	char messages[];
};

static struct answer *ask(const struct nlmsghdr *request)
{
	struct answer *answer;
	size_t room;
	s64 len;

	for (room = FIRST_ROOM; room <= MOST_ROOM; room *= 2) {
		answer = kvmalloc(sizeof(*answer) + room, GFP_KERNEL);
		if (!answer)
			return ERR_PTR(-ENOMEM);
		len = host_ops()->ask_sock_diag(request, request->nlmsg_len, answer->messages, room);
		answer->len = max_t(s64, len, 0);
		answer->given = 0;
		if (len >= 0)
			return answer;
		kvfree(answer);
		if (len != -ENOBUFS)
			return ERR_PTR(len);
	}
	return ERR_PTR(-ENOBUFS);
}

/* Puts the messages that fit into skb. */
static void give(struct answer *answer, struct sk_buff *skb, u32 portid, u32 seq)
{
	const struct nlmsghdr *from;
	struct nlmsghdr *to;

	for (; answer->given < answer->len; answer->given += NLMSG_ALIGN(from->nlmsg_len)) {
		from = (const struct nlmsghdr *)(answer->messages + answer->given);
		if (from->nlmsg_type < NLMSG_MIN_TYPE)
			continue; /* the end of a dump, which the stack tells itself */
		to = nlmsg_put(skb, portid, seq, from->nlmsg_type, nlmsg_len(from), from->nlmsg_flags);
		if (!to)
			return;
		memcpy(nlmsg_data(to), nlmsg_data(from), nlmsg_len(from));
	}
}

static int start_dump(struct netlink_callback *cb)
{
	struct answer *answer = ask(cb->nlh);

	if (IS_ERR(answer))
		return PTR_ERR(answer);
	cb->data = answer;
	cb->min_dump_alloc = SKB_WITH_OVERHEAD(MOST_MESSAGE);
	return 0;
}

static int go_on_with_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	give(cb->data, skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq);
	return skb->len;
}

static int end_dump(struct netlink_callback *cb)
{
	kvfree(cb->data);
	return 0;
}

static int answer_one(struct sk_buff *skb, struct nlmsghdr *request)
{
	struct answer *answer = ask(request);
	struct sk_buff *reply;

	if (IS_ERR(answer))
		return PTR_ERR(answer);
	reply = nlmsg_new(answer->len, GFP_KERNEL);
	if (reply)
		give(answer, reply, NETLINK_CB(skb).portid, request->nlmsg_seq);
	kvfree(answer);
	if (!reply)
		return -ENOMEM;
	return nlmsg_unicast(sock_net(skb->sk)->diag_nlsk, reply, NETLINK_CB(skb).portid);
}

static int handle(struct sk_buff *skb, struct nlmsghdr *request)
{
	struct netlink_dump_control dump = { .start = start_dump, .dump = go_on_with_dump, .done = end_dump };

	if (nlmsg_len(request) < sizeof(struct unix_diag_req))
		return -EINVAL;
	if (request->nlmsg_flags & NLM_F_DUMP)
		return netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb, request, &dump);
	return answer_one(skb, request);
}

static const struct sock_diag_handler handler = {
	.owner = THIS_MODULE,
	.family = AF_UNIX,
	.dump = handle,
};

static int __init unix_diag_start(void)
{
	return sock_diag_register(&handler);
}
device_initcall(unix_diag_start);
