/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_IRQ_H
#define _ASM_ALPINE_IRQ_H
#define NR_IRQS 2
#define irq_canonicalize(irq) (irq)
#endif
