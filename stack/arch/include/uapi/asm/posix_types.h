/* SPDX-License-Identifier: GPL-2.0 */
#include_next <asm/posix_types_64.h>
