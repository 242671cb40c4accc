/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_TIMEX_H
#define _ASM_ALPINE_TIMEX_H
static inline unsigned long get_cycles(void)
{
	unsigned int low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high));
	return ((unsigned long)high << 32) | low;
}
#define get_cycles get_cycles
typedef unsigned long cycles_t;
#define CLOCK_TICK_RATE 1193182
#define random_get_entropy() get_cycles()
#endif
