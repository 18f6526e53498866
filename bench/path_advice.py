#!/usr/bin/env python3
"""Whether what isotach path advises is enough, and no less would do; and whether its short transfer tells the long one.

Paths drawn from a seed, 20 to 200 Mbit/s and 20 to 100 ms, with buffers at both ends that are too small for them. The
advised size is set at both ends: TCP then has to reach 95 % of what the path carries of its payload, and with 0.6 of that
size it loses more than 2 % of that; both by the median of its seconds: what bbr spends on looking for the least RTT every
ten seconds is none of a buffer's business. The rate that isotach path tells is set against the mean of a transfer of 10
seconds. A run in which the emulator carried a packet later than a fifth of the round trip was another path, and is made
again, at most three times; a row that had no other is not judged.

usage: path_advice.py [--cases N] [--seed N] [--seconds N] [--congestion NAME] [--keep FILE [--most SECONDS]]
  [--json FILE]
  (as root; ISOTACH names the binary; --keep and --most as in path.py)
"""
import argparse
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

import path  # bench/path.py
from figures import Figures, KeptRows

SMALL_BYTES = 131072
# A second's bytes are counted by whole writes: 128 KiB would be 5 % of a second at 20 Mbit/s.
WRITE_BYTES = 8192
TRIES = 3


def run(host, *words):
    return subprocess.run(path.on(host, *words), check=True, capture_output=True, text=True, timeout=path.DEADLINE_S).stdout


def set_buffers(size):
    """The largest that either end gives a connection that comes from now on."""
    for host in "ab":
        for name, first in (("tcp_rmem", 131072), ("tcp_wmem", 16384)):
            run(host, "sysctl", "-w", f"net.ipv4.{name}=4096 {min(first, size)} {size}")


def transfer(seconds, congestion):
    """Mean and median of the seconds."""
    text = run("a", path.ISOTACH, "nettest", "-c", "10.77.9.2", "-t", str(seconds), "-O", "2", "-C", congestion,
               "-l", str(WRITE_BYTES), "-J")
    report = json.loads(text)
    each = [one["sum"]["bits_per_second"] for one in report["intervals"] if not one["sum"]["omitted"]]
    return report["end"]["sum_received"]["bits_per_second"], statistics.median(each)


def on_time(rtt_ms, action):
    """What the action gives, of the run in which the path was least late, and whether that was late."""
    runs = []
    for _ in range(TRIES):
        path.lab("show", path.NAME, "--reset")
        result = action()
        runs.append((path.snapshot()["lateness_ns"]["max"], len(runs), result))
        if runs[-1][0] <= rtt_ms * 1e6 / 5:
            break
    late_ns, _, result = min(runs)
    return result, late_ns > rtt_ms * 1e6 / 5


def measure(capacity, rtt_ms, number, options):
    path.lab("up", path.NAME, "--for", "10m", "--seed", str(number), "--link",
             f"2 both rate={capacity:.0f}bit delay={rtt_ms / 2}ms queue={max(20, rtt_ms)}ms")
    try:
        with subprocess.Popen(path.on("b", path.ISOTACH, "nettest", "-s", "-B", "10.77.9.2"), text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
            server.stderr.readline()
            set_buffers(SMALL_BYTES)
            before, _ = transfer(2, options.congestion)
            advice = json.loads(run("a", path.ISOTACH, "path", "--json", "--no-available", "--no-transfer", "10.77.9.2"))
            size = int(advice["advice"]["buffer_bytes"])
            changes = [change["command"] for change in advice["advice"]["changes"]]
            set_buffers(size)
            (after, steady), late_long = on_time(rtt_ms, lambda: transfer(options.seconds, options.congestion))
            short, late_short = on_time(rtt_ms, lambda: json.loads(run(
                "a", path.ISOTACH, "path", "--json", "--no-available", "--congestion", options.congestion,
                "10.77.9.2"))["tcp"]["bps"])
            set_buffers(int(size * 0.6))
            (_, less), late_less = on_time(rtt_ms, lambda: transfer(options.seconds, options.congestion))
            server.terminate()
    finally:
        path.lab("down", path.NAME)
    return {"size": size, "bdp": advice["advice"]["bdp_bytes"],
            "advised": any(str(size) in command for command in changes), "before": before, "after": after,
            "steady": steady, "short": short, "less": less, "late": late_long or late_short or late_less}


def main():
    figures = Figures("What the advice of isotach path is worth")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--congestion", default="cubic")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--most", type=float, default=math.inf)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: emulated paths need root")
        return
    rng = random.Random(options.seed)
    kept = KeptRows(options.keep, "seed", "number", "congestion")
    reached = lost = told = total = late = 0
    started = time.monotonic()
    table = figures.table(f"Paths drawn from seed {options.seed}, transfers of {options.seconds} s with {options.congestion}, "
                          "rates in Mbit/s", ("path", None), ("advice, MB", 2), ("rate before", 1), ("as advised", 1),
                          ("% of the path", 1), ("with 0.6 of it", 1), ("what path told, % off", 1), ("", None))
    for number in range(options.cases):
        capacity = rng.choice([20, 50, 100, 200]) * 1e6
        rtt_ms = rng.choice([20, 40, 60, 100])
        # The path holds more than the small buffers let through.
        if capacity * rtt_ms / 8e3 < SMALL_BYTES:
            capacity = 200e6
        row = kept.get(options.seed, number, options.congestion)
        if not row:
            if time.monotonic() - started > options.most:
                continue
            row = measure(capacity, rtt_ms, number, options)
            row.update(seed=options.seed, number=number, congestion=options.congestion)
            kept.add(row)
        goodput = capacity * 1448 / 1500
        late += row["late"]
        total += not row["late"]
        reached += not row["late"] and row["steady"] >= 0.95 * goodput and row["advised"]
        lost += not row["late"] and row["less"] < 0.98 * row["steady"]
        told += not row["late"] and abs(row["short"] / row["after"] - 1) <= 0.05
        table.row(f"{capacity / 1e6:.0f} Mbit/s {rtt_ms} ms", row["size"] / 1e6, row["before"] / 1e6, row["steady"] / 1e6,
                  row["steady"] / goodput * 100, row["less"] / 1e6, (row["short"] / row["after"] - 1) * 100,
                  "late" if row["late"] else "")
    if late:
        figures.remark(f"{late} rows are not judged: the emulator was late each time that they were measured")
    for what, count in (("the advice reaches 95 % of the path", reached),
                        ("with 0.6 of it TCP loses", lost),
                        ("the rate that isotach path tells is within 5 % of the long transfer's", told)):
        figures.goal(what, f"{count} of {total}", "all", count == total)
    figures.finish()


if __name__ == "__main__":
    sys.exit(main())
