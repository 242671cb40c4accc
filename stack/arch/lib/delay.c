// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/export.h>
#include <asm/alpine.h>

void __ndelay(unsigned long nsecs)
{
	u64 until = host_ops()->monotonic_ns() + nsecs;

	while (host_ops()->monotonic_ns() < until)
		barrier();
}
EXPORT_SYMBOL(__ndelay);

void __udelay(unsigned long usecs)
{
	__ndelay(usecs * 1000);
}
EXPORT_SYMBOL(__udelay);

void __delay(unsigned long loops)
{
	while (loops--)
		barrier();
}
EXPORT_SYMBOL(__delay);
