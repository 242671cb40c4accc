/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maps that no program looks at. alpined binds them to host_ingress (BPF_PROG_BIND_MAP), so that they live as long as
 * that program is on a device, and the next alpined finds them there (proxy/privileged/surviving_maps.h).
 */
#ifndef ALPINE_BPF_STATE_H
#define ALPINE_BPF_STATE_H

#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#include "abi/steering_state.h"
#include "bpf/consts.h"

/* TUN ifindex -> whose stack it is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_STACKS);
	__type(key, __u32);
	__type(value, struct alpine_stack_record);
} stacks SEC(".maps");

/* Sysctls to put back. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_SETTINGS);
	__type(key, struct alpine_setting_name);
	__type(value, struct alpine_setting_value);
} settings SEC(".maps");

/* ALPINE_STEERING_LAYOUT of whoever made these maps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} layout SEC(".maps");

#endif
