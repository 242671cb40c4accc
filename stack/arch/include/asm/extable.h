/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_EXTABLE_H
#define _ASM_ALPINE_EXTABLE_H
/* Exception table: 32-bit distances from the entry's own fields, so that nothing needs relocation. */
#define ARCH_HAS_RELATIVE_EXTABLE

#ifndef __ASSEMBLY__
struct exception_table_entry {
	int insn, fixup;
};
#endif

/* At a fault at `from`: set `err` to -EFAULT and continue at `to`. */
#define _ALPINE_EXTABLE_EFAULT(from, to, err)		\
	".pushsection .fixup, \"ax\"\n"			\
	"9: movl $-14, " #err "\n"			\
	"jmp " #to "\n"					\
	".popsection\n"					\
	".pushsection __ex_table, \"a\"\n"		\
	".balign 4\n"					\
	".long " #from " - .\n"				\
	".long 9b - .\n"				\
	".popsection\n"
#endif
