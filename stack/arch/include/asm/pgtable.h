/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_PGTABLE_H
#define _ASM_ALPINE_PGTABLE_H
/* No MMU: what generic code wants to see of page tables, none of which exist. */
#include <asm-generic/pgtable-nopud.h>
#include <asm/page.h>

#define pgd_present(pgd) (1)
#define pgd_none(pgd) (0)
#define pgd_bad(pgd) (0)
#define pgd_clear(pgdp)
#define pmd_offset(a, b) ((void *)0)

#define PAGE_NONE __pgprot(0)
#define PAGE_SHARED __pgprot(0)
#define PAGE_COPY __pgprot(0)
#define PAGE_READONLY __pgprot(0)
#define PAGE_KERNEL __pgprot(0)
#define PAGE_KERNEL_EXEC __pgprot(1) /* all memory is executable; zero would mean "none" to execmem */

#define swapper_pg_dir ((pgd_t *)0)

extern char empty_zero_page[PAGE_SIZE];
#define ZERO_PAGE(vaddr) (virt_to_page(empty_zero_page))

#define VMALLOC_START 0UL
#define VMALLOC_END (~0UL)
#endif
