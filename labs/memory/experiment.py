#!/usr/bin/env python3
"""Memory experiments: what a list needs that is grown, and one that has its size from the start.

    python3 experiment.py 3              # one of the experiments below
    python3 experiment.py 3 --size 5000  # with so many strings in each list

Watch it from outside: isotach experiment memory --experiment 3, or vmstat, or top.
"""
import argparse
import gc
import os
import time

PAUSE_S = 0.25


def do_append(size, delay, keep_alive_by_cycle=False):
    """A list that grows from empty."""
    items = []
    if keep_alive_by_cycle:
        # The list holds a reference to itself: when the function returns, the count of its references
        # falls to 1, not to 0.
        items.append(items)
    for i in range(size):
        items.append(("some unique object %d" % i) * 1000)
        wait(delay)
    return items


def do_allocate(size, delay):
    """A list that has its size from the start; the same strings are assigned into it."""
    items = [None] * size
    for i in range(size):
        items[i] = ("some unique object %d" % i) * 1000
        wait(delay)
    return items


def append_alone(size, delay):
    with Phase("do_append"):
        do_append(size, delay)
    pause()


def allocate_alone(size, delay):
    with Phase("do_allocate"):
        do_allocate(size, delay)
    pause()


def both_dropped(size, delay, cycle=False, collect=False):
    # What the functions return is not kept: each list is gone before the next line.
    with Phase("do_append"):
        do_append(size, delay, keep_alive_by_cycle=cycle)
    pause()
    if collect:
        with Phase("gc.collect"):
            gc.collect()
        pause()
    with Phase("do_allocate"):
        do_allocate(size, delay)
    pause()


def both_kept(size, delay):
    with Phase("do_append"):
        a = do_append(size, delay)
    pause()
    with Phase("do_allocate"):
        b = do_allocate(size, delay)
    pause()
    mark("end")
    return len(a) + len(b)


def both_dropped_cycle(size, delay):
    both_dropped(size, delay, cycle=True)


def both_dropped_cycle_collected(size, delay):
    both_dropped(size, delay, cycle=True, collect=True)


EXPERIMENTS = {
    "1": append_alone,
    "2": allocate_alone,
    "3": both_dropped,
    "4": both_kept,
    "5": both_dropped_cycle,
    "6": both_dropped_cycle_collected,
}


class Phase:
    """Tells whoever watches where a part of the experiment begins and ends."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        mark("begin " + self.name)

    def __exit__(self, *_):
        mark("end " + self.name)


def mark(text):
    descriptor = os.environ.get("ISOTACH_EXPERIMENT_FD")
    if descriptor:
        os.write(int(descriptor), b"mark %d %s\n" % (time.monotonic_ns(), text.encode()))


def wait(delay):
    if delay > 0:
        time.sleep(delay)


def pause():
    """Long enough to see what remains."""
    time.sleep(PAUSE_S)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", choices=sorted(EXPERIMENTS), help="1 append, 2 allocate, "
                        "3 both dropped, 4 both kept, 5 as 3 with a cycle, 6 as 5 with gc.collect()")
    parser.add_argument("--size", type=int, default=4000, help="strings in a list")
    parser.add_argument("--delay", type=float, default=0.0001, help="seconds to sleep for each string")
    options = parser.parse_args()
    pause()
    EXPERIMENTS[options.experiment](options.size, options.delay)


if __name__ == "__main__":
    main()
