// SPDX-License-Identifier: GPL-2.0
/* Boot: from the host's first resume to start_kernel, and the memory of the machine that the arena is. */
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <asm/alpine.h>
#include <asm/archrandom.h>
#include <asm/sections.h>
#include <asm/setup.h>

struct alpine_cpu alpine_cpu = { .next_event_ns = ~0ULL };
unsigned long alpine_irq_flag;

static u64 ram_end;

/* Host side, before the first resume: leaves a context that runs start_kernel on init's stack. */
void __ref alpine_prepare(const struct alpine_boot *boot)
{
	unsigned long *sp = (void *)init_stack + THREAD_SIZE - 64;
	int i;

	ram_end = boot->ram_end;
	for (i = 0; i < COMMAND_LINE_SIZE - 1 && boot->cmdline[i]; i++)
		boot_command_line[i] = boot->cmdline[i];

	*--sp = (unsigned long)alpine_boot_start;
	for (i = 0; i < 6; i++)
		*--sp = 0;
	alpine_context = (unsigned long)sp;
}

void __init setup_arch(char **cmdline_p)
{
	*cmdline_p = boot_command_line;

	setup_initial_init_mm(_stext, _etext, _edata, _end);
	memblock_add(0, __pa(ram_end));
	memblock_reserve(0, __pa(_end));

	min_low_pfn = 0;
	max_low_pfn = max_pfn = max_mapnr = PFN_DOWN(__pa(ram_end));
	high_memory = (void *)ram_end;
	parse_early_param();

	{
		unsigned long max_zone_pfns[MAX_NR_ZONES] = { [ZONE_NORMAL] = max_pfn };

		free_area_init(max_zone_pfns);
	}
}

size_t alpine_random_longs(unsigned long *v, size_t max_longs)
{
	host_ops()->random(v, max_longs * sizeof(*v));
	return max_longs;
}

static int cpuinfo_show(struct seq_file *m, void *v)
{
	seq_puts(m, "processor\t: 0\nvendor_id\t: Alpine\nmodel name\t: a token passed between host threads\n");
	return 0;
}

static void *cpuinfo_start(struct seq_file *m, loff_t *pos)
{
	return *pos == 0 ? (void *)1 : NULL;
}

static void *cpuinfo_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void cpuinfo_stop(struct seq_file *m, void *v)
{
}

const struct seq_operations cpuinfo_op = {
	.start = cpuinfo_start,
	.next = cpuinfo_next,
	.stop = cpuinfo_stop,
	.show = cpuinfo_show,
};
