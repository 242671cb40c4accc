// SPDX-License-Identifier: GPL-2.0
/* Relocations of loadable modules (x86-64 psABI). Modules lie in the arena, within 2 GiB of the image. */
#include <linux/elf.h>
#include <linux/kernel.h>
#include <linux/moduleloader.h>

static int apply(u64 *where, u32 type, u64 value, const char *name)
{
	s64 distance = value - (u64)where;

	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_64:
		*where = value;
		return 0;
	case R_X86_64_PC64:
		*where = distance;
		return 0;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		if (distance != (s32)distance)
			break;
		*(s32 *)where = distance;
		return 0;
	default:
		pr_err("%s: relocation type %u is not one this stack loads: build the module with the stack's kbuild\n",
		       name, type);
		return -ENOEXEC;
	}
	pr_err("%s: relocation out of reach\n", name);
	return -ENOEXEC;
}

int apply_relocate_add(Elf64_Shdr *sechdrs, const char *strtab, unsigned int symindex, unsigned int relsec,
		       struct module *me)
{
	const Elf64_Rela *rel = (void *)sechdrs[relsec].sh_addr;
	const Elf64_Sym *symbols = (void *)sechdrs[symindex].sh_addr;
	void *section = (void *)sechdrs[sechdrs[relsec].sh_info].sh_addr;
	unsigned int i;
	int err;

	for (i = 0; i < sechdrs[relsec].sh_size / sizeof(*rel); i++) {
		u64 value = symbols[ELF64_R_SYM(rel[i].r_info)].st_value + rel[i].r_addend;

		err = apply(section + rel[i].r_offset, ELF64_R_TYPE(rel[i].r_info), value, me->name);
		if (err)
			return err;
	}
	return 0;
}
