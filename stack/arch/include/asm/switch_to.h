/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_SWITCH_TO_H
#define _ASM_ALPINE_SWITCH_TO_H
#include <linux/thread_info.h>

extern struct task_struct *alpine_switch_to(struct task_struct *prev, struct task_struct *next);
#define switch_to(prev, next, last) ((last) = alpine_switch_to((prev), (next)))
#endif
