// SPDX-License-Identifier: GPL-2.0
#define COMPILE_OFFSETS
#include <linux/kbuild.h>
#include <linux/sched.h>
#include <alpine/stack.h>

int main(void)
{
	OFFSET(TASK_SP, task_struct, thread.sp);
	OFFSET(TASK_HOST, task_struct, thread.host);
	OFFSET(HOST_WANTS_IN, alpine_task, wants_in);
	OFFSET(HOST_OWNER, alpine_task, owner);
	OFFSET(CPU_HANDOFF, alpine_cpu, handoff);
	OFFSET(PROCESS_THREAD, alpine_process, thread);
	OFFSET(THREAD_FLAGS, thread_info, flags);
	DEFINE(REASON_HANDOFF, ALPINE_HANDOFF);
	return 0;
}
