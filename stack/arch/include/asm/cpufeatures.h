/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_CPUFEATURES_H
#define _ASM_ALPINE_CPUFEATURES_H
#endif
