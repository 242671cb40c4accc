/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_UACCESS_H
#define _ASM_ALPINE_UACCESS_H
/*
 * "User" memory is the memory of the program whose host thread makes the call: the same address space. Every
 * access has an exception table entry; the host side answers SIGSEGV and SIGBUS by continuing at its fixup. A task whose
 * process is gone is run to its end by another one: it must not touch that one's memory.
 */
#include <linux/string.h>
#include <linux/thread_info.h>
#include <asm/extable.h>
#include <asm-generic/access_ok.h>

/* Both return the number of bytes not copied. */
unsigned long alpine_copy_user(void *to, const void *from, unsigned long len_bytes);
unsigned long alpine_clear_user(void *to, unsigned long len_bytes);

static inline __must_check unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	return alpine_copy_user(to, (const void __force *)from, n);
}

static inline __must_check unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return alpine_copy_user((void __force *)to, from, n);
}
#define INLINE_COPY_FROM_USER
#define INLINE_COPY_TO_USER

#define alpine_user_load(op, reg, to, from, type)				\
({										\
	int __err = 0;								\
	type __val = 0;								\
	asm volatile("1: " op " %2, %1\n2:\n"					\
		     _ALPINE_EXTABLE_EFAULT(1b, 2b, %0)				\
		     : "+r" (__err), reg (__val) : "m" (*(const type *)(from)));	\
	*(type *)(to) = __val;							\
	__err;									\
})

#define alpine_user_store(op, reg, to, from, type)				\
({										\
	int __err = 0;								\
	asm volatile("1: " op " %2, %1\n2:\n"					\
		     _ALPINE_EXTABLE_EFAULT(1b, 2b, %0)				\
		     : "+r" (__err), "=m" (*(type *)(to)) : reg (*(const type *)(from)));	\
	__err;									\
})

static __always_inline int alpine_get_user(size_t size, const void __user *ptr, void *to)
{
	const void *from = (const void __force *)ptr;

	if (unlikely(current_thread_info()->flags & _TIF_GONE))
		return -EFAULT;
	switch (size) {
	case 1: return alpine_user_load("movb", "=q", to, from, u8);
	case 2: return alpine_user_load("movw", "=r", to, from, u16);
	case 4: return alpine_user_load("movl", "=r", to, from, u32);
	case 8: return alpine_user_load("movq", "=r", to, from, u64);
	default: return raw_copy_from_user(to, ptr, size) ? -EFAULT : 0;
	}
}
#define __get_user_fn(size, ptr, to) alpine_get_user(size, ptr, to)

static __always_inline int alpine_put_user(size_t size, void __user *ptr, const void *from)
{
	void *to = (void __force *)ptr;

	if (unlikely(current_thread_info()->flags & _TIF_GONE))
		return -EFAULT;
	switch (size) {
	case 1: return alpine_user_store("movb", "q", to, from, u8);
	case 2: return alpine_user_store("movw", "r", to, from, u16);
	case 4: return alpine_user_store("movl", "r", to, from, u32);
	case 8: return alpine_user_store("movq", "r", to, from, u64);
	default: return raw_copy_to_user(ptr, from, size) ? -EFAULT : 0;
	}
}
#define __put_user_fn(size, ptr, from) alpine_put_user(size, ptr, from)

#define __get_kernel_nofault(dst, src, type, err_label)				\
do {										\
	if (alpine_get_user(sizeof(type), (const void __force __user *)(src), dst))	\
		goto err_label;							\
} while (0)

#define __put_kernel_nofault(dst, src, type, err_label)				\
do {										\
	if (alpine_put_user(sizeof(type), (void __force __user *)(dst), src))	\
		goto err_label;							\
} while (0)

static inline __must_check unsigned long __clear_user(void __user *to, unsigned long n)
{
	return alpine_clear_user((void __force *)to, n);
}
#define __clear_user __clear_user

#include <asm-generic/uaccess.h>
#endif
