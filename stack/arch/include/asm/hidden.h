/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before everything. -fvisibility=hidden speaks only of definitions; references to extern symbols would
 * still go through the GOT. With this they are RIP-relative, as the symbols they name are in the same image.
 */
#ifndef __ASSEMBLY__
#pragma GCC visibility push(hidden)
#endif
