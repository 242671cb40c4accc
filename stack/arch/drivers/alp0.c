// SPDX-License-Identifier: GPL-2.0
/*
 * alp0, the faux-Ethernet device: one TUN queue of the host, packets with a virtio_net_hdr both ways.
 *
 * Theory of operation
 * -------------------
 * The host side watches the queue and raises ALPINE_IRQ_WIRE when it may be read; that schedules NAPI, whose poll
 * reads packets until the queue is empty. Each packet, up to 64 KiB with GSO, is read straight into memory the
 * stack keeps: its first bytes into the skb's linear part, the rest into pages that become its fragments. Pages a
 * packet did not fill serve the next one. Sending is a gathering write straight from the skb's fragments. The wire
 * segments and checksums (TSO, USO, HW_CSUM), so a 64 KiB send is one packet here.
 *
 * There is no link layer: neighbours are the host's business (ARPHRD_NONE, NOARP).
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/uio.h>
#include <linux/virtio_net.h>
#include <net/ip.h>
#include <asm/alpine.h>

#define LINEAR_BYTES 1600 /* a packet of the usual MTU needs no page: sockets are charged for what it takes */
#define LONE_POLLS_FIRST 4  /* of one packet in a row: from then on, the next is thought to be alone too */
#define LONE_POLLS_LAST 20  /* and this one is a full poll again */
#define RX_PAGES 17      /* 64 KiB and an odd beginning */
#define MAX_MTU_BYTES 65535
#define TX_QUEUE_LEN 1000   /* packets, when a qdisc is put on it */

struct alp0 {
	struct net_device *dev;
	struct napi_struct napi;
	struct sk_buff *rx_skb;          /* next packet's linear part */
	struct page *rx_pages[RX_PAGES]; /* and its fragments, NULL where used up */
	int lone_polls;                  /* in a row that found one packet */
};

static struct alp0 *alp0;

static bool rx_prepare(struct alp0 *priv)
{
	int i;

	if (!priv->rx_skb)
		priv->rx_skb = napi_alloc_skb(&priv->napi, LINEAR_BYTES);
	if (!priv->rx_skb)
		return false;
	for (i = 0; i < RX_PAGES; i++) {
		if (!priv->rx_pages[i])
			priv->rx_pages[i] = dev_alloc_page();
		if (!priv->rx_pages[i])
			return false;
	}
	return true;
}

static void rx_add_pages(struct alp0 *priv, struct sk_buff *skb, unsigned int len_bytes)
{
	int i;

	for (i = 0; len_bytes; i++) {
		unsigned int part = min_t(unsigned int, len_bytes, PAGE_SIZE);

		skb_add_rx_frag(skb, i, priv->rx_pages[i], 0, part, PAGE_SIZE);
		priv->rx_pages[i] = NULL;
		len_bytes -= part;
	}
}

static __be16 ip_protocol_of(const struct sk_buff *skb)
{
	switch (skb->data[0] >> 4) {
	case 4:
		return htons(ETH_P_IP);
	case 6:
		return htons(ETH_P_IPV6);
	default:
		return 0;
	}
}

/* Takes the prepared skb as a packet of `len_bytes`. NULL if it is malformed. */
static struct sk_buff *rx_finish(struct alp0 *priv, const struct virtio_net_hdr *hdr, unsigned int len_bytes)
{
	struct sk_buff *skb = priv->rx_skb;
	unsigned int linear = min_t(unsigned int, len_bytes, LINEAR_BYTES);

	priv->rx_skb = NULL;
	skb_put(skb, linear);
	rx_add_pages(priv, skb, len_bytes - linear);
	skb_reset_mac_header(skb);
	skb->dev = priv->dev;
	skb->protocol = ip_protocol_of(skb);
	skb_reset_network_header(skb);
	if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		skb->ip_summed = CHECKSUM_UNNECESSARY; /* the host's device has checked it */
	if (!skb->protocol || virtio_net_hdr_to_skb(skb, hdr, true)) {
		priv->dev->stats.rx_errors++;
		kfree_skb(skb);
		return NULL;
	}
	skb_probe_transport_header(skb);
	priv->dev->stats.rx_packets++;
	priv->dev->stats.rx_bytes += len_bytes;
	return skb;
}

/* Reads one packet. 1: handed to the stack or dropped, 0: the queue is empty. */
static int rx_one(struct alp0 *priv)
{
	struct virtio_net_hdr hdr;
	struct iovec iov[2 + RX_PAGES];
	struct sk_buff *skb;
	s64 len;
	int i;

	if (!rx_prepare(priv))
		return 0;
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	iov[1] = (struct iovec){ priv->rx_skb->data, LINEAR_BYTES };
	for (i = 0; i < RX_PAGES; i++)
		iov[2 + i] = (struct iovec){ page_address(priv->rx_pages[i]), PAGE_SIZE };

	len = host_ops()->wire_read(iov, ARRAY_SIZE(iov));
	if (len <= (s64)sizeof(hdr))
		return 0;
	skb = rx_finish(priv, &hdr, len - sizeof(hdr));
	if (!skb)
		return 1;
	if (alpine_enters_lo(skb))
		netif_receive_skb(skb);
	else
		napi_gro_receive(&priv->napi, skb);
	return 1;
}

/*
 * Whether the packet that was read is taken for the only one there is. A read that finds the queue empty is a system
 * call; where packets have come one by one it is mostly left out, and the host's watcher tells if one was left behind.
 */
static bool rx_is_lone(struct alp0 *priv, int done)
{
	return done == 1 && priv->lone_polls >= LONE_POLLS_FIRST;
}

static void rx_count_lone(struct alp0 *priv, int done)
{
	if (done > 1)
		priv->lone_polls = 0;
	else if (done == 1)
		priv->lone_polls++;
	if (priv->lone_polls >= LONE_POLLS_LAST)
		priv->lone_polls = LONE_POLLS_FIRST - 1;
}

static int alp0_poll(struct napi_struct *napi, int budget)
{
	struct alp0 *priv = container_of(napi, struct alp0, napi);
	int done = 0;

	while (done < budget && !rx_is_lone(priv, done) && rx_one(priv))
		done++;
	rx_count_lone(priv, done);
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

void alpine_wire_interrupt(void)
{
	if (alp0)
		napi_schedule(&alp0->napi);
}

static netdev_tx_t alp0_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct virtio_net_hdr hdr;
	struct iovec iov[2 + MAX_SKB_FRAGS];
	int i, count = 2;

	if (virtio_net_hdr_from_skb(skb, &hdr, true, false, 0))
		goto drop;
	skb_tx_timestamp(skb);
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	iov[1] = (struct iovec){ skb->data, skb_headlen(skb) };
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		iov[count++] = (struct iovec){ skb_frag_address(frag), skb_frag_size(frag) };
	}
	if (host_ops()->wire_write(iov, count) < 0)
		goto drop;
	dev->stats.tx_packets++;
	dev->stats.tx_bytes += skb->len;
	consume_skb(skb);
	return NETDEV_TX_OK;

drop:
	dev->stats.tx_dropped++;
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

static int alp0_open(struct net_device *dev)
{
	struct alp0 *priv = netdev_priv(dev);

	napi_enable(&priv->napi);
	netif_start_queue(dev);
	napi_schedule(&priv->napi);
	return 0;
}

static int alp0_stop(struct net_device *dev)
{
	struct alp0 *priv = netdev_priv(dev);

	netif_stop_queue(dev);
	napi_disable(&priv->napi);
	return 0;
}

static const struct net_device_ops alp0_ops = {
	.ndo_open = alp0_open,
	.ndo_stop = alp0_stop,
	.ndo_start_xmit = alp0_xmit,
};

static void alp0_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "alpine", sizeof(info->driver));
}

static const struct ethtool_ops alp0_ethtool_ops = {
	.get_drvinfo = alp0_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
};

static void alp0_setup(struct net_device *dev)
{
	dev->netdev_ops = &alp0_ops;
	dev->ethtool_ops = &alp0_ethtool_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->hard_header_len = 0;
	dev->addr_len = 0;
	dev->mtu = ALPINE_PROCESS->wire_mtu_bytes;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = MAX_MTU_BYTES;
	dev->tx_queue_len = TX_QUEUE_LEN;
	dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_TSO_ECN | NETIF_F_HIGHDMA;
#ifdef VIRTIO_NET_HDR_GSO_UDP_L4 /* virtio_net_hdr_from_skb() can say so since Linux 6.2 */
	if (ALPINE_PROCESS->wire_segments_udp)
		dev->hw_features |= NETIF_F_GSO_UDP_L4;
#endif
	dev->features = dev->hw_features;
}

static int __init alp0_init(void)
{
	struct net_device *dev;
	int err;

	if (!ALPINE_PROCESS->has_wire)
		return 0;
	dev = alloc_netdev(sizeof(struct alp0), "alp0", NET_NAME_PREDICTABLE, alp0_setup);
	if (!dev)
		return -ENOMEM;
	alp0 = netdev_priv(dev);
	alp0->dev = dev;
	netif_napi_add(dev, &alp0->napi, alp0_poll);
	err = register_netdev(dev);
	if (err) {
		free_netdev(dev);
		alp0 = NULL;
		return err;
	}
	return alpine_share_host(dev);
}
device_initcall(alp0_init);
