/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_ARCHRANDOM_H
#define _ASM_ALPINE_ARCHRANDOM_H
/* The host's getrandom(2) is our hardware generator. */
extern size_t alpine_random_longs(unsigned long *v, size_t max_longs);

static inline size_t __must_check arch_get_random_longs(unsigned long *v, size_t max_longs)
{
	return alpine_random_longs(v, max_longs);
}

static inline size_t __must_check arch_get_random_seed_longs(unsigned long *v, size_t max_longs)
{
	return alpine_random_longs(v, max_longs);
}
#endif
