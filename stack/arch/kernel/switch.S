/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Register switches: host thread to stack and back, and between contexts of the stack.
 *
 * A suspended context is a stack pointer with six callee-saved registers and a return address on top. The CPU has
 * at most one suspended context while no host thread runs it: alpine_context.
 *
 * Stacks are aligned to 16 bytes at every call, as the psABI has it: the kernel's own code does not mind, but the host
 * operations that it calls are ordinary code.
 */
#include <linux/init.h>
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/thread_info.h>
#include <alpine/stack.h>

.cfi_sections .debug_frame

.macro PUSH_CONTEXT
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
.endm

.macro POP_CONTEXT_AND_RETURN
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
.endm

	.text

/* int alpine_resume(void): host thread -> the CPU's suspended context. Returns an enum alpine_reason. */
SYM_FUNC_START(alpine_resume)
	.cfi_startproc
	PUSH_CONTEXT
	movabsq	$ALPINE_PROCESS_ADDR, %rcx
	movq	%rsp, ALPINE_PROCESS_HOST_SP(%rcx)
	movq	alpine_context(%rip), %rsp
	movq	alpine_last(%rip), %rax
	POP_CONTEXT_AND_RETURN
	.cfi_endproc
SYM_FUNC_END(alpine_resume)

/* void alpine_suspend(int reason): the running context -> the host thread that resumed it. */
SYM_FUNC_START(alpine_suspend)
	.cfi_startproc
	PUSH_CONTEXT
	movq	%rsp, alpine_context(%rip)
	movl	%edi, %eax
	movabsq	$ALPINE_PROCESS_ADDR, %rcx
	movq	ALPINE_PROCESS_HOST_SP(%rcx), %rsp
	POP_CONTEXT_AND_RETURN
	.cfi_endproc
SYM_FUNC_END(alpine_suspend)

/*
 * struct task_struct *alpine_switch_to(prev, next): the scheduler's switch. When `next` is in a call of another
 * host thread, only that thread may run it (its user memory and signals are that thread's): the CPU is left
 * suspended in next's context and the host thread goes back with ALPINE_HANDOFF.
 */
SYM_FUNC_START(alpine_switch_to)
	.cfi_startproc
	PUSH_CONTEXT
	movq	%rsp, TASK_SP(%rdi)
	movq	%rdi, alpine_last(%rip)
	cmpl	$0, (TASK_HOST + HOST_WANTS_IN)(%rsi)
	je	1f
	movabsq	$ALPINE_PROCESS_ADDR, %rcx
	movq	PROCESS_THREAD(%rcx), %rax
	cmpq	%rax, (TASK_HOST + HOST_OWNER)(%rsi)
	je	1f
	movq	TASK_SP(%rsi), %rax
	movq	%rax, alpine_context(%rip)
	leaq	TASK_HOST(%rsi), %rax
	movq	%rax, (alpine_cpu + CPU_HANDOFF)(%rip)
	movl	$REASON_HANDOFF, %eax
	movq	ALPINE_PROCESS_HOST_SP(%rcx), %rsp
	POP_CONTEXT_AND_RETURN
1:	movq	TASK_SP(%rsi), %rsp
	movq	%rdi, %rax
	POP_CONTEXT_AND_RETURN
	.cfi_endproc
SYM_FUNC_END(alpine_switch_to)

/* First instruction of a new task: rax is the task switched from, rbx its function (or 0), r12 the argument. */
SYM_FUNC_START(alpine_task_start)
	.cfi_startproc
	.cfi_undefined rip
	movq	%rax, %rdi
	call	schedule_tail
	testq	%rbx, %rbx
	jz	1f
	movq	%r12, %rdi
	call	*%rbx
1:	call	alpine_user_mode
	ud2
	.cfi_endproc
SYM_FUNC_END(alpine_task_start)

/* First instruction of the CPU. It calls into init text, and runs only then. */
	__REF
SYM_FUNC_START(alpine_boot_start)
	.cfi_startproc
	.cfi_undefined rip
	call	start_kernel
	ud2
	.cfi_endproc
SYM_FUNC_END(alpine_boot_start)
	.text

/*
 * void alpine_call_frame(struct alpine_task *): alpine_call() on the kernel stack, with the program's own frames
 * as its callers: the unwind rule says that the caller's frame is where the host thread's stack pointer was saved by
 * alpine_resume. That is what gives gdb one backtrace from the program's send() down into the stack.
 *
 * The rule: CFA = *(u64 *)(ALPINE_PROCESS_ADDR + ALPINE_PROCESS_HOST_SP) + 56, registers below it as PUSH_CONTEXT
 * left them. (DW_CFA_def_cfa_expression, 12 bytes: DW_OP_addr, DW_OP_deref, DW_OP_plus_uconst 56.)
 */
SYM_FUNC_START(alpine_call_frame)
	.cfi_startproc
	.cfi_escape 0x0f, 12, 0x03, 0x00, 0xf0, 0xff, 0xff, 0xff, 0x1f, 0x00, 0x00, 0x06, 0x23, 56
	.cfi_offset rip, -8
	.cfi_offset rbp, -16
	.cfi_offset rbx, -24
	.cfi_offset r12, -32
	.cfi_offset r13, -40
	.cfi_offset r14, -48
	.cfi_offset r15, -56
	subq	$8, %rsp
	call	alpine_call
	addq	$8, %rsp
	ret
	.cfi_endproc
SYM_FUNC_END(alpine_call_frame)

	.data
	.balign 8
SYM_DATA(alpine_context, .quad 0)
SYM_DATA(alpine_last, .quad 0)
