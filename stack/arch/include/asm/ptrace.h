/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_PTRACE_H
#define _ASM_ALPINE_PTRACE_H
/* There are no user registers: a call comes as a number and six arguments (struct alpine_task). */
#ifndef __ASSEMBLY__
struct pt_regs {
	unsigned long ip;
	unsigned long sp;
	unsigned long ax;
	unsigned long orig_ax;
};

#define user_mode(regs) (1)
#define instruction_pointer(regs) ((regs)->ip)
#define user_stack_pointer(regs) ((regs)->sp)
#define profile_pc(regs) instruction_pointer(regs)
#define instruction_pointer_set(regs, val) ((regs)->ip = (val))
#define kernel_stack_pointer(regs) ((regs)->sp)
#define regs_return_value(regs) ((regs)->ax)
#define current_pt_regs() task_pt_regs(current)
#endif
#endif
