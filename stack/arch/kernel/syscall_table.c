// SPDX-License-Identifier: GPL-2.0
/* x86-64's call table over the generic entry points; what belongs to the processor alone is ENOSYS. */
#include <linux/cache.h>
#include <linux/linkage.h>
#include <asm/alpine.h>
#include <asm/unistd.h>

#define sys_arch_prctl sys_ni_syscall
#define sys_ioperm sys_ni_syscall
#define sys_iopl sys_ni_syscall
#define sys_map_shadow_stack sys_ni_syscall
#define sys_mmap sys_ni_syscall
#define sys_modify_ldt sys_ni_syscall
#define sys_rt_sigreturn sys_ni_syscall
#define sys_setsockopt alpine_setsockopt /* pinning.c */
#define sys_uretprobe sys_ni_syscall

#define __SYSCALL_NORETURN(nr, sym) __SYSCALL(nr, sym)
#define __SYSCALL(nr, sym) extern long sym(long, long, long, long, long, long);
#include <asm/syscall_table_64.h>
#undef __SYSCALL

#define __SYSCALL(nr, sym) [nr] = sym,
const alpine_syscall_fn alpine_syscalls[NR_syscalls] = {
	[0 ... NR_syscalls - 1] = sys_ni_syscall,
#include <asm/syscall_table_64.h>
};
