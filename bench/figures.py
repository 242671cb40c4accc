# SPDX-License-Identifier: GPL-2.0
"""The arithmetic of pairs: each round gives one figure of either side, taken one right after the other, and one ratio."""
import statistics


def paired_ratios(left, right):
    """right / left, round by round; a round whose left figure is 0 has none."""
    return [there / here for here, there in zip(left, right) if here != 0]


def median(values):
    """None when there are none."""
    return statistics.median(values) if values else None


def spread(values):
    """The least and the greatest; None when there are none."""
    return (min(values), max(values)) if values else None
