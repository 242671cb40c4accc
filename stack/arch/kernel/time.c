// SPDX-License-Identifier: GPL-2.0
/* The host's CLOCK_MONOTONIC as clock source, and one event: alpine_cpu.next_event_ns, which the leader waits for. */
#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/init.h>
#include <linux/sched/clock.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <asm/alpine.h>

#define CLOCK_SHIFT 24
#define MIN_DELTA_NS 1000
#define MAX_DELTA_NS (60ULL * NSEC_PER_SEC)

static u64 clock_read(struct clocksource *cs)
{
	return host_ops()->monotonic_ns();
}

static struct clocksource host_clock = {
	.name = "host",
	.rating = 400,
	.read = clock_read,
	.mask = CLOCKSOURCE_MASK(64),
	.mult = 1 << CLOCK_SHIFT, /* a cycle is a nanosecond */
	.shift = CLOCK_SHIFT,
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
};

/*
 * The clock from the very first moment. With the default, jiffies, time would stand still while the stack boots, and
 * its wall clock (time stamps of packets) would stay that much behind the program's.
 */
struct clocksource * __init clocksource_default_clock(void)
{
	return &host_clock;
}

static int event_set(unsigned long delta_ns, struct clock_event_device *dev)
{
	alpine_cpu.next_event_ns = host_ops()->monotonic_ns() + delta_ns;
	return 0;
}

static int event_shutdown(struct clock_event_device *dev)
{
	alpine_cpu.next_event_ns = ~0ULL;
	return 0;
}

static struct clock_event_device host_event = {
	.name = "host",
	.rating = 400,
	.features = CLOCK_EVT_FEAT_ONESHOT,
	.set_next_event = event_set,
	.set_state_shutdown = event_shutdown,
};

void alpine_timer_interrupt(void)
{
	if (alpine_cpu.next_event_ns > host_ops()->monotonic_ns())
		return;
	alpine_cpu.next_event_ns = ~0ULL;
	host_event.event_handler(&host_event);
}

void alpine_poll_timer(void)
{
	if (alpine_cpu.next_event_ns <= host_ops()->monotonic_ns())
		__atomic_fetch_or(&alpine_cpu.pending, ALPINE_IRQ_TIMER, __ATOMIC_RELAXED);
}

unsigned long long notrace sched_clock(void)
{
	return host_ops()->monotonic_ns();
}

void read_persistent_clock64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(host_ops()->realtime_ns());
}

void __init time_init(void)
{
	if (__clocksource_register(&host_clock))
		panic("clocksource");
	host_event.cpumask = cpumask_of(0);
	clockevents_config_and_register(&host_event, NSEC_PER_SEC, MIN_DELTA_NS, MAX_DELTA_NS);
}

/*
 * Linux reads the wall clock once, and its own clock some time later. The program compares packets' time stamps with its
 * own clock_gettime(): to it, that time is missing. So the clock is set again until readings in a row agree.
 */
#define WALL_CLOCK_TRIES 20
#define WALL_CLOCK_ERROR_NS 300

static bool __init wall_clock_agrees(void)
{
	u64 before = ktime_get_real_ns(), host = host_ops()->realtime_ns(), after = ktime_get_real_ns();

	return host + WALL_CLOCK_ERROR_NS >= before && host <= after + WALL_CLOCK_ERROR_NS &&
	       after - before <= 4 * WALL_CLOCK_ERROR_NS;
}

static int __init set_wall_clock(void)
{
	int tries;

	for (tries = 0; tries < WALL_CLOCK_TRIES && !wall_clock_agrees(); tries++) {
		struct timespec64 now = ns_to_timespec64(host_ops()->realtime_ns());

		do_settimeofday64(&now);
	}
	return 0;
}
late_initcall(set_wall_clock);
