#!/usr/bin/env python3
"""Whether what isotach path advises is enough, and no less would do; and whether its short transfer tells the long one.

Paths drawn from a seed, 20 to 200 Mbit/s and 20 to 100 ms, with buffers at both ends that are too small for them. The
advised size is set at both ends: TCP then has to reach 95 % of what the path carries of its payload, and with 0.6 of
that size it no longer does. The rate that isotach path tells is set against a transfer of 10 seconds on the same path.

usage: path_advice.py [--cases N] [--seed N] [--seconds N] [--json FILE]
  as root; ISOTACH names the binary
"""
import argparse
import json
import os
import random
import subprocess
import sys

import path  # bench/path.py
from figures import Figures

SMALL_BYTES = 131072


def run(host, *words):
    return subprocess.run(path.on(host, *words), check=True, capture_output=True, text=True, timeout=path.DEADLINE_S).stdout


def set_buffers(size):
    """The largest that either end gives a connection that comes from now on."""
    for host in "ab":
        for name, first in (("tcp_rmem", 131072), ("tcp_wmem", 16384)):
            run(host, "sysctl", "-w", f"net.ipv4.{name}=4096 {min(first, size)} {size}")


def transfer(seconds):
    text = run("a", path.ISOTACH, "nettest", "-c", "10.77.9.2", "-t", str(seconds), "-O", "2", "-C", "bbr", "-J")
    return json.loads(text)["end"]["sum_received"]["bits_per_second"]


def main():
    figures = Figures("What the advice of isotach path is worth")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=10)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: emulated paths need root")
        return
    rng = random.Random(arguments.seed)
    reached = lost = told = 0
    table = figures.table(f"Paths drawn from seed {arguments.seed}, transfers of {arguments.seconds} s with bbr, rates in Mbit/s",
                          ("path", None), ("advice, MB", 2), ("rate before", 1), ("as advised", 1), ("% of the path", 1),
                          ("with 0.6 of it", 1), ("what path told, % off", 1))
    for number in range(arguments.cases):
        capacity = rng.choice([20, 50, 100, 200]) * 1e6
        rtt_ms = rng.choice([20, 40, 60, 100])
        # The path holds more than the small buffers let through.
        if capacity * rtt_ms / 8e3 < SMALL_BYTES:
            capacity = 200e6
        path.lab("up", path.NAME, "--for", "5m", "--seed", str(number), "--link",
                 f"2 both rate={capacity:.0f}bit delay={rtt_ms / 2}ms queue={max(20, rtt_ms)}ms")
        try:
            with subprocess.Popen(path.on("b", path.ISOTACH, "nettest", "-s", "-B", "10.77.9.2"), text=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
                server.stderr.readline()
                set_buffers(SMALL_BYTES)
                before = transfer(3)
                advice = json.loads(run("a", path.ISOTACH, "path", "--json", "--no-available", "--no-transfer", "10.77.9.2"))
                size = int(advice["advice"]["buffer_bytes"])
                changes = [change["command"] for change in advice["advice"]["changes"]]
                set_buffers(size)
                after = transfer(arguments.seconds)
                short = json.loads(run("a", path.ISOTACH, "path", "--json", "--no-available", "--congestion", "bbr",
                                       "10.77.9.2"))["tcp"]["bps"]
                set_buffers(int(size * 0.6))
                less = transfer(arguments.seconds)
                server.terminate()
        finally:
            path.lab("down", path.NAME)
        goodput = capacity * 1448 / 1500
        reached += after >= 0.95 * goodput and any(str(size) in command for command in changes)
        lost += less < 0.95 * goodput
        told += abs(short / after - 1) <= 0.05
        table.row(f"{capacity / 1e6:.0f} Mbit/s {rtt_ms} ms", size / 1e6, before / 1e6, after / 1e6, after / goodput * 100,
                  less / 1e6, (short / after - 1) * 100)
    for what, count in (("the advice reaches 95 % of the path", reached),
                        ("with 0.6 of it TCP stays below that", lost),
                        ("the rate that isotach path tells is within 5 % of the long transfer's", told)):
        figures.goal(what, f"{count} of {arguments.cases}", "all", count == arguments.cases)
    figures.finish()


if __name__ == "__main__":
    sys.exit(main())
