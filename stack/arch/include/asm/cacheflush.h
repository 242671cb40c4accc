/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_CACHEFLUSH_H
#define _ASM_ALPINE_CACHEFLUSH_H
#include <asm-generic/cacheflush.h>
#endif
