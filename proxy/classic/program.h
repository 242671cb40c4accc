/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The steering programs of bpf/, compiled for user space: who may send a packet and who receives it is decided on the
 * classic wire by the very code that decides it in the kernel on the steer wire. C and C++.
 *
 * One thread. Packets are IP packets without a link header.
 */
#ifndef ALPINE_CLASSIC_PROGRAM_H
#define ALPINE_CLASSIC_PROGRAM_H

#include "abi/steering.h"
#include "proxy/classic/maps.h"

#ifdef __cplusplus
extern "C" {
#endif

struct classic_packet {
    const void* ip;
    __u32 len_bytes;
    __u32 gso_bytes;    /* size of a segment, 0: not to be cut */
    __u32 checksum_end; /* end of the checksum that is still to be written, 0: none is */
    __u32 ifindex;      /* where it comes from: a device of the host, or a stack's id */
    /* Takes a copy for the stack `to`, while the packet is judged: of it, or of a piece that was held and comes with it. */
    void (*copy)(void* self, __u32 to, const void* ip, __u32 len_bytes);
    void* self;
};

enum classic_action {
    CLASSIC_LEAVE = 0, /* nothing to do: it is the host's, or was dropped and counted */
    CLASSIC_SEND,      /* by the host's routes, or to the host itself */
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
    CLASSIC_CONNECTIONS,
    CLASSIC_WIRE_COUNTERS,
    CLASSIC_VERDICTS,
    CLASSIC_HELD_PIECES,
    CLASSIC_HELD_COUNTS,
    CLASSIC_MAPS,
};
const struct user_map* classic_map(enum classic_map which);

#ifdef __cplusplus
}
#endif

#endif
