/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_MODULE_H
#define _ASM_ALPINE_MODULE_H
#include <asm-generic/module.h>
#endif
