#!/usr/bin/env python3
"""How long a good client of isotach nettest's server waits beside bad ones, and what each of them costs it.

usage: nettest_hostile.py [--json FILE]

The bad clients are those of tests/hostile/nettest_test.py: each says something, falls silent, and keeps its connection
open. A server that reads one client after the other would let the good one wait for as long.
"""
import importlib.util
import pathlib

from figures import Figures

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVED_WITHIN_MS = 50
FIGURES = Figures("Bad clients: the server of isotach nettest")


def the_tests():
    spec = importlib.util.spec_from_file_location("hostile", ROOT / "tests" / "hostile" / "nettest_test.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    hostile = the_tests()
    table = FIGURES.table("Until the test of a good client starts, in ms, beside one that sends", ("", None),
                          ("TCP", 1), ("UDP", 1), ("TCP again", 1))
    longest = 0
    for name, data in hostile.BAD_CLIENTS.items():
        times = [seconds * 1000 for seconds in hostile.served_beside(data)]
        longest = max(longest, *times)
        table.row(name, *times)
    FIGURES.goal(f"a good client beside one bad one, {len(hostile.BAD_CLIENTS)} kinds", f"after {longest:.1f} ms at most",
                 f"{SERVED_WITHIN_MS} ms", longest <= SERVED_WITHIN_MS)

    served, grown, in_kernel = hostile.served_beside_idle()
    count = hostile.idle_count()
    costs = FIGURES.table("Many at once", ("", None), ("", None), ("ms", 1), ("KiB each", 2), ("in the kernel", 2))
    costs.row("idle connections", f"{count:,}", served * 1000, grown, in_kernel)
    FIGURES.goal(f"a good client beside {count:,} idle connections", f"after {served * 1000:.1f} ms",
                 f"{SERVED_WITHIN_MS} ms beside {hostile.IDLE_CONNECTIONS:,}",
                 served * 1000 <= SERVED_WITHIN_MS and count == hostile.IDLE_CONNECTIONS)
    FIGURES.goal("memory of an idle connection, with what the kernel holds for both its ends",
                 f"{grown + in_kernel:.1f} KiB", f"{hostile.CONNECTION_KIB} KiB", grown + in_kernel <= hostile.CONNECTION_KIB)

    tests_grown = hostile.many_tests()
    costs.row("tests that run", f"{hostile.TESTS_AT_ONCE}", None, tests_grown / hostile.TESTS_AT_ONCE, None)
    FIGURES.goal("tests at once, and stock clients beside them", f"{hostile.TESTS_AT_ONCE}", "256",
                 hostile.TESTS_AT_ONCE >= 256)
    FIGURES.finish()


main()
