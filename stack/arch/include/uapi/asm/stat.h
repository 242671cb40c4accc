/* SPDX-License-Identifier: GPL-2.0 */
/* x86-64's own layout, from its unmodified header further down the include path. */
#include_next <asm/stat.h>
