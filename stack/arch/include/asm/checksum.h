/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_CHECKSUM_H
#define _ASM_ALPINE_CHECKSUM_H
#include <asm-generic/checksum.h>
#endif
