/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The steering programs of bpf/, compiled for user space: who may send a packet and who receives it is decided on the
 * classic wire by the very code that decides it in the kernel on the steer wire. C and C++.
 *
 * One thread. Packets are IP packets without a link header.
 *
 * A packet ends in one verdict. Copies of it go to stacks beside that: of what is sent to a group, and of pieces that
 * came before the first of their datagram.
 */
#ifndef ALPINE_CLASSIC_PROGRAM_H
#define ALPINE_CLASSIC_PROGRAM_H

#include "abi/steering.h"
#include "proxy/classic/maps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* To the stack `to`, beside the verdict: the packet itself (`piece` is NULL), or another. Valid during the call. */
typedef void classic_copy(void* sink, __u32 to, const void* piece, __u32 len_bytes);

struct classic_packet {
    const void* ip;
    __u32 len_bytes;
    __u32 gso_bytes;    /* size of a segment, 0: not to be cut */
    __u32 checksum_end; /* end of the checksum that is still to be written, 0: none is */
    __u32 ifindex;      /* where it comes from: a device of the host, or a stack's id */
    __u32 pkt_type;     /* PACKET_* of packet(7); of a stack's: PACKET_HOST */
    classic_copy* copy;
    void* sink; /* for copy() */
};

enum classic_action {
    CLASSIC_LEAVE = 0, /* nothing to do: it is the host's, or was dropped and counted */
    CLASSIC_SEND,      /* by the device `to`; 0: by the host's routes, or to the host itself */
    CLASSIC_TO_STACK,  /* to the stack `to` */
};

struct classic_verdict {
    enum classic_action action;
    __u32 to;
};

/* As tun_ingress on a stack's TUN: may the stack `ifindex` send this, and where does it go? */
struct classic_verdict classic_from_stack(const struct classic_packet* packet);

/* As host_ingress on a device of the host: whose is it? */
struct classic_verdict classic_from_device(const struct classic_packet* packet);

/* The maps of bpf/maps.h. */
enum classic_map {
    CLASSIC_FLOWS,
    CLASSIC_SHARES,
    CLASSIC_PINS,
    CLASSIC_LOCAL_ADDRESSES,
    CLASSIC_FRAGMENTS,
    CLASSIC_HELD_PIECES,
    CLASSIC_HELD_COUNTS,
    CLASSIC_CONNECTIONS,
    CLASSIC_WIRE_COUNTERS,
    CLASSIC_VERDICTS,
    CLASSIC_MAPS, /* how many */
};
const struct user_map* classic_map(enum classic_map which);

#ifdef __cplusplus
}
#endif

#endif
