/* SPDX-License-Identifier: GPL-2.0 */
/*
 * memcpy, memmove, memset and the copies to and from the program's memory. All by `rep movsb`/`rep stosb`, which
 * processors with FSRM do at full speed for any length; short lengths go eight bytes at a time.
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/thread_info.h>

	/* Jumps to \label if the task's process is gone (uaccess.h). */
	.macro IF_GONE label
	movq	%rsp, %rax
	andq	$-THREAD_SIZE, %rax
	testl	$(1 << TIF_GONE), THREAD_FLAGS(%rax)
	jnz	\label
	.endm

	.macro EXTABLE from, to
	.pushsection __ex_table, "a"
	.balign 4
	.long \from - .
	.long \to - .
	.popsection
	.endm

	.text
SYM_FUNC_START(memcpy)
	movq	%rdi, %rax
	movq	%rdx, %rcx
	rep movsb
	ret
SYM_FUNC_END(memcpy)

SYM_FUNC_START(memmove)
	movq	%rdi, %rax
	movq	%rdi, %r8
	subq	%rsi, %r8
	cmpq	%rdx, %r8		/* destination inside source: copy from the end */
	jb	1f
	movq	%rdx, %rcx
	rep movsb
	ret
1:	leaq	-8(%rsi, %rdx), %rsi
	leaq	-8(%rdi, %rdx), %rdi
	movq	%rdx, %rcx
	shrq	$3, %rcx
	andl	$7, %edx
	std
	rep movsq
	addq	$7, %rsi
	addq	$7, %rdi
	movl	%edx, %ecx
	rep movsb
	cld
	ret
SYM_FUNC_END(memmove)

SYM_FUNC_START(memset)
	movq	%rdi, %r8
	movl	%esi, %eax
	movq	%rdx, %rcx
	rep stosb
	movq	%r8, %rax
	ret
SYM_FUNC_END(memset)

/* unsigned long alpine_copy_user(to, from, len): bytes not copied. */
SYM_FUNC_START(alpine_copy_user)
	movq	%rdx, %rcx
	IF_GONE	2f
1:	rep movsb
2:	movq	%rcx, %rax
	ret
	EXTABLE	1b, 2b
SYM_FUNC_END(alpine_copy_user)

/* unsigned long alpine_clear_user(to, len): bytes not cleared. */
SYM_FUNC_START(alpine_clear_user)
	movq	%rsi, %rcx
	IF_GONE	2f
	xorl	%eax, %eax
1:	rep stosb
2:	movq	%rcx, %rax
	ret
	EXTABLE	1b, 2b
SYM_FUNC_END(alpine_clear_user)
