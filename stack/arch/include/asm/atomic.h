/* SPDX-License-Identifier: GPL-2.0 */
/* x86's own, unmodified; LOCK_PREFIX comes from our asm/alternative.h. */
#include_next <asm/atomic.h>
