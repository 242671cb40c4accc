// SPDX-License-Identifier: GPL-2.0
/* printk to the host; how much of it is the command line's loglevel. */
#include <linux/console.h>
#include <linux/init.h>
#include <asm/alpine.h>

static void console_write(struct console *con, const char *text, unsigned int len)
{
	host_ops()->console(text, len);
}

static struct console host_console = {
	.name = "host",
	.write = console_write,
	.flags = CON_PRINTBUFFER | CON_ENABLED,
	.index = -1,
};

static int __init console_setup_host(void)
{
	register_console(&host_console);
	return 0;
}
console_initcall(console_setup_host);
