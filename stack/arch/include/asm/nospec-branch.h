/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ALPINE_NOSPEC_BRANCH_H
#define _ASM_ALPINE_NOSPEC_BRANCH_H
#endif
