/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stack as a shared object at a fixed base. Two loadable segments: text (never relocated, shared page cache) and
 * everything else, which holds absolute pointers for the loader to fill in and which becomes part of the arena.
 */
#define LOAD_OFFSET 0
#include <asm/thread_info.h>
#include <asm/page.h>
#include <asm/cache.h>
#include <asm-generic/vmlinux.lds.h>

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH("i386:x86-64")

jiffies = jiffies_64;

PHDRS
{
	text PT_LOAD FILEHDR PHDRS FLAGS(5);
	data PT_LOAD FLAGS(6);
	dynamic PT_DYNAMIC FLAGS(6);
	stack PT_GNU_STACK FLAGS(6);
}

SECTIONS
{
	. = ALPINE_IMAGE_BASE + SIZEOF_HEADERS;

	.gnu.hash : { *(.gnu.hash) } :text
	.dynsym : { *(.dynsym) }
	.dynstr : { *(.dynstr) }
	.gnu.version : { *(.gnu.version) }
	.gnu.version_d : { *(.gnu.version_d) }
	.rela.dyn : { *(.rela.dyn) *(.rela.data*) *(.rela*) }

	. = ALIGN(PAGE_SIZE);
	_stext = .;
	.text : {
		_text = .;
		HEAD_TEXT
		TEXT_TEXT
		SCHED_TEXT
		LOCK_TEXT
		KPROBES_TEXT
		IRQENTRY_TEXT
		SOFTIRQENTRY_TEXT
		*(.fixup)
		*(.text.*)
		_etext = .;
	}
	INIT_TEXT_SECTION(PAGE_SIZE)
	.exit.text : { EXIT_TEXT }

	. = ALIGN(PAGE_SIZE);
	__alpine_data_start = .;
	.dynamic : { *(.dynamic) } :data :dynamic
	.got : { *(.got) *(.got.plt) } :data
	RO_DATA(PAGE_SIZE)
	EXCEPTION_TABLE(16)

	. = ALIGN(PAGE_SIZE);
	__init_begin = .;
	INIT_DATA_SECTION(16)
	.exit.data : { EXIT_DATA }
	PERCPU_SECTION(L1_CACHE_BYTES)
	. = ALIGN(PAGE_SIZE);
	__init_end = .;

	_sdata = .;
	RW_DATA(L1_CACHE_BYTES, PAGE_SIZE, THREAD_SIZE)
	.data.rel : { *(.data.rel .data.rel.*) *(.data.*) }
	_edata = .;

	BSS_SECTION(PAGE_SIZE, PAGE_SIZE, PAGE_SIZE)
	. = ALIGN(PAGE_SIZE);
	_end = .;

	STABS_DEBUG
	DWARF_DEBUG
	ELF_DETAILS

	/DISCARD/ : { *(.note.GNU-stack) *(.eh_frame) *(.interp) *(.note.gnu.property) }
	DISCARDS
}
