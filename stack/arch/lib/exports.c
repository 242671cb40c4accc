// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/string.h>
#include <linux/uaccess.h>

EXPORT_SYMBOL(memcpy);
EXPORT_SYMBOL(memmove);
EXPORT_SYMBOL(memset);
EXPORT_SYMBOL(alpine_copy_user);
EXPORT_SYMBOL(alpine_clear_user);
