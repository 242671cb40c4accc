/* SPDX-License-Identifier: GPL-2.0 */
/* The maps alpined writes and the steering programs read; counters go the other way. */
#ifndef ALPINE_BPF_MAPS_H
#define ALPINE_BPF_MAPS_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi/steering.h"
#include "bpf/consts.h"

/* Endpoint -> the TUN of the stack that claimed it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_FLOWS);
	__type(key, struct alpine_flow_key);
	__type(value, struct alpine_flow_owner);
} flows SEC(".maps");

/* The addresses of this host. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_ADDRESSES);
	__type(key, struct alpine_address);
	__type(value, __u32);
} local_addresses SEC(".maps");

/* Datagrams in pieces -> the TUN their first piece belongs to. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FRAGMENTED);
	__type(key, struct alpine_fragment_key);
	__type(value, struct alpine_flow_owner);
} fragments SEC(".maps");

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
