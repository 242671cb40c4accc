/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_BUG_H
#define _ASM_ALPINE_BUG_H
#include <asm-generic/bug.h>
#endif
