// SPDX-License-Identifier: GPL-2.0
/*
 * The rings of packet sockets (PACKET_MMAP) for a program. mmap(2) of such a socket puts the rings' pages into the
 * caller's page tables, and without an MMU there are none. But the pages are arena memory, which the host can map a
 * second time. So a program's mmap() is made of two halves: here the rings are held, just as a mapping holds them,
 * and the host side maps their blocks side by side (abi: ALPINE_NR_packet_map and the calls after it).
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/net.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include <../net/packet/internal.h>
#include <alpine/stack_calls.h>
#include <asm/alpine.h>

static DEFINE_IDR(held); /* handle -> struct file of the socket */

static struct packet_sock *packet_sock_of(struct file *file)
{
	struct socket *sock = sock_from_file(file);

	return sock && sock->sk->sk_family == AF_PACKET ? pkt_sk(sock->sk) : NULL;
}

static u32 block_bytes(const struct packet_ring_buffer *ring)
{
	return ring->pg_vec ? ring->pg_vec_pages * PAGE_SIZE : 0;
}

static u32 block_count(const struct packet_ring_buffer *ring)
{
	return ring->pg_vec ? ring->pg_vec_len : 0;
}

/* With po->pg_vec_lock. */
static long hold(struct packet_sock *po, struct file *file, struct alpine_packet_map *map)
{
	int handle;

	*map = (struct alpine_packet_map){
		.rx_blocks = block_count(&po->rx_ring),
		.rx_block_bytes = block_bytes(&po->rx_ring),
		.tx_blocks = block_count(&po->tx_ring),
		.tx_block_bytes = block_bytes(&po->tx_ring),
	};
	if (!map->rx_blocks && !map->tx_blocks)
		return -EINVAL;
	handle = idr_alloc(&held, file, 1, 0, GFP_KERNEL);
	if (handle < 0)
		return handle;
	atomic_long_inc(&po->mapped);
	map->handle = handle;
	return (long)map->rx_blocks * map->rx_block_bytes + (long)map->tx_blocks * map->tx_block_bytes;
}

long alpine_packet_unmap(int handle)
{
	struct file *file = idr_remove(&held, handle);

	if (!file)
		return -EBADF;
	atomic_long_dec(&packet_sock_of(file)->mapped);
	fput(file);
	return 0;
}

long alpine_packet_map(int fd, struct alpine_packet_map __user *to)
{
	struct alpine_packet_map map;
	struct file *file = fget(fd);
	struct packet_sock *po;
	long bytes;

	if (!file)
		return -EBADF;
	po = packet_sock_of(file);
	if (!po) {
		fput(file);
		return -ENODEV;
	}
	mutex_lock(&po->pg_vec_lock);
	bytes = hold(po, file, &map);
	mutex_unlock(&po->pg_vec_lock);
	if (bytes < 0) {
		fput(file);
		return bytes;
	}
	if (copy_to_user(to, &map, sizeof(map))) {
		alpine_packet_unmap(map.handle);
		return -EFAULT;
	}
	return bytes;
}

long alpine_packet_block(int handle, u32 index)
{
	struct file *file = idr_find(&held, handle);
	const struct packet_sock *po;
	u32 rx_blocks;

	if (!file)
		return -EBADF;
	po = packet_sock_of(file);
	rx_blocks = block_count(&po->rx_ring);
	if (index < rx_blocks)
		return (long)po->rx_ring.pg_vec[index].buffer;
	index -= rx_blocks;
	return index < block_count(&po->tx_ring) ? (long)po->tx_ring.pg_vec[index].buffer : -EINVAL;
}
