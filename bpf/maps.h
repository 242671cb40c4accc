/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps alpined writes and the steering programs read; counters go the other way. The next alpined finds them by their
 * names, of which the kernel keeps 15 characters.
 */
#ifndef ALPINE_BPF_MAPS_H
#define ALPINE_BPF_MAPS_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi/steering.h"
#include "bpf/consts.h"

/* Endpoint -> the TUN of the stack that claimed it, or word that there are several: see shares. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_FLOWS);
	__type(key, struct alpine_flow_key);
	__type(value, struct alpine_flow_owner);
} flows SEC(".maps");

/* Endpoint -> the stacks that share it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_SHARES);
	__type(key, struct alpine_flow_key);
	__type(value, struct alpine_share);
} shares SEC(".maps");

/* Flow of a shared endpoint -> the TUN of the stack that has sent on it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_CONNECTIONS);
	__type(key, struct alpine_pair_key);
	__type(value, __u32);
} pins SEC(".maps");

/*
 * TCP ports of stacks on which the host's own kernel still has connections, from before; and how many such ports there
 * are, so that no packet looks for nothing.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_SPLIT_PORTS);
	__type(key, __be16);
	__type(value, __u8);
} split_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} split_count SEC(".maps");

/* The addresses of this host, and those by which it is reached by broadcast. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_ADDRESSES);
	__type(key, struct alpine_address);
	__type(value, struct alpine_address_use);
} local_addresses SEC(".maps");

/* Device with host_ingress on it -> ALPINE_DEVICE_*. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_DEVICES);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

/* Datagrams in pieces -> whose their first piece was. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FRAGMENTED);
	__type(key, struct alpine_fragment_key);
	__type(value, struct alpine_fragment_owner);
} fragments SEC(".maps");

/* Pieces that came before the first of their datagram, and how many of each there are. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_HELD_PIECES);
	__type(key, struct alpine_held_key);
	__type(value, struct alpine_held_piece);
} held_pieces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FRAGMENTED);
	__type(key, struct alpine_fragment_key);
	__type(value, __u32);
} held_counts SEC(".maps");

/* Where one is put together: too large for the stack of a program. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alpine_held_piece);
} held_scratch SEC(".maps");

/* Open TCP connections of stacks. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_CONNECTIONS);
	__type(key, struct alpine_connection_key);
	__type(value, __u8);
} connections SEC(".maps");

/* TUN ifindex -> what passed and what was dropped. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_STACKS);
	__type(key, __u32);
	__type(value, struct alpine_wire_counters);
} wire_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ALPINE_VERDICTS);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

#endif
