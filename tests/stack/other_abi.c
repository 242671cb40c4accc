/* SPDX-License-Identifier: GPL-2.0 */
/* A shared object that says it is a stack image of another ABI version. */
#include "abi/stack.h"

const struct alpine_stack_image alpine_stack_image = {
	.magic = ALPINE_STACK_MAGIC,
	.abi_version = ALPINE_STACK_ABI_VERSION + 1,
};
