/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UAPI_ASM_ALPINE_UNISTD_H
#define _UAPI_ASM_ALPINE_UNISTD_H
/* x86-64's call numbers: a program's arguments need no translation. */
#include <asm/unistd_64.h>
#endif
