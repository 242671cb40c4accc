/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What alpined writes down for the alpined after it, in maps that the steering programs hold but never look at
 * (bpf/state.h). Reader and writer may come from different builds: a change of any structure here, or of any in
 * abi/steering.h, raises ALPINE_STEERING_LAYOUT.
 */
#ifndef ALPINE_ABI_STEERING_STATE_H
#define ALPINE_ABI_STEERING_STATE_H

#include <linux/types.h>

#include "abi/steering.h"

/* Maps of another layout are not taken over. */
#define ALPINE_STEERING_LAYOUT 3

/* Whose stack is behind a TUN; by ifindex. */
struct alpine_stack_record {
	__u32 uid;
	__s32 pid;
	char ifname[16]; /* NUL-terminated, as is comm */
	char comm[16];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_stack_record) == 40, "stack record layout");

/* A sysctl that alpined has changed, below /proc/sys/, and what it was before. Both NUL-terminated. */
struct alpine_setting_name {
	char path[96];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_setting_name) == 96, "setting name layout");

struct alpine_setting_value {
	char text[32];
};
ALPINE_STATIC_ASSERT(sizeof(struct alpine_setting_value) == 32, "setting value layout");

#endif
