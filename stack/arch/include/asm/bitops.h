/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86's own, unmodified; LOCK_PREFIX comes from our asm/alternative.h. CONFIG_X86_64 only while it is read: it chooses
 * the 64-bit instructions there, but elsewhere in the tree it would ask for parts of arch/x86 that are not built.
 */
#define CONFIG_X86_64 1
#include_next <asm/bitops.h>
#undef CONFIG_X86_64
