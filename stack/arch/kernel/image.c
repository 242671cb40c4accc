// SPDX-License-Identifier: GPL-2.0
/* The one symbol that the host side looks up. */
#include <generated/utsrelease.h>
#include <asm/alpine.h>
#include <asm/sections.h>

extern char __alpine_data_start[];

__attribute__((visibility("default"), used))
const struct alpine_stack_image alpine_stack_image = {
	.magic = ALPINE_STACK_MAGIC,
	.abi_version = ALPINE_STACK_ABI_VERSION,
	.release = UTS_RELEASE,
	.data_start = __alpine_data_start,
	.data_end = _end,
	.cpu = &alpine_cpu,
	.prepare = alpine_prepare,
	.resume = alpine_resume,
	.fixup = alpine_fixup,
	.oops = alpine_oops,
};
