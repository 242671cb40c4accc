/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_ASM_OFFSETS_H
#define _ASM_ALPINE_ASM_OFFSETS_H
#include <generated/asm-offsets.h>
#endif
