/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UAPI_ASM_ALPINE_PTRACE_H
#define _UAPI_ASM_ALPINE_PTRACE_H
#endif
