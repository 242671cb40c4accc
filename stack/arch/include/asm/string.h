/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_STRING_H
#define _ASM_ALPINE_STRING_H
#define __HAVE_ARCH_MEMCPY
#define __HAVE_ARCH_MEMMOVE
#define __HAVE_ARCH_MEMSET
void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
#endif
