#!/usr/bin/env python3
"""isotach path over a seeded matrix of emulated paths, each figure beside the emulator's truth.

Rates from 10 Mbit/s to 2.5 Gbit/s, round trips from 1 to 200 ms, traffic of others of 0 to 80 % (even, Poisson, of
mixed sizes, Pareto) on the narrow link, before it, or on another link that then is the tight one; loss up to 1 %.
What others leave is the mean over the time of the measurement; of Pareto's bursts over its tenths of a second, and in
each no more than the narrow link could have let through.

usage: path.py [--cases N] [--only N,N...] [--seed N] [--real] [--for TIME] [--json FILE]
  as root; ISOTACH names the binary
  --only: of the cases that the seed draws, these, by number from 0 on
  --real: the stamps that the machine gives, not the emulator's exact ones; rates up to 500 Mbit/s
"""
import argparse
import json
import math
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import threading
import time

from figures import Figures

ISOTACH = os.environ.get("ISOTACH", str(pathlib.Path(__file__).resolve().parents[1] / "build" / "isotach"))
NAME = f"bench{os.getpid()}"
DEADLINE_S = 120


def lab(*words):
    return subprocess.run([ISOTACH, "lab", "net", *words], check=True, capture_output=True, text=True, timeout=30).stdout


def on(host, *words):
    return [ISOTACH, "lab", "net", "run", NAME, host, "--", *words]


def snapshot():
    """What isotach lab net show tells; asked directly, for that takes no process each time."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"\0isotach-lab/{NAME}")
        sock.sendall(b"json\n")
        text = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    return json.loads(text.decode().partition("ok\n")[2])


class Moments(threading.Thread):
    """Snapshots every so often, for traffic that comes in bursts: what is left at one moment is of no use at another,
    and the narrow link lets no more through than its capacity in any of them."""
    EVERY_S = 0.1

    def __init__(self):
        super().__init__()
        self.snapshots = []
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(self.EVERY_S):
            self.snapshots.append(snapshot())

    def free(self, link, rate, capacity):
        total = self.snapshots[-1]["time_ns"] - self.snapshots[0]["time_ns"]
        return sum(min(carried(one, other, link, rate), capacity) * (other["time_ns"] - one["time_ns"]) / total
                   for one, other in zip(self.snapshots, self.snapshots[1:]))


def draw(rng, real):
    rates = [10, 20, 50, 100, 200, 500] + ([] if real else [1000, 2500])
    case = {
        "capacity": rng.choice(rates) * 1e6,
        "rtt_ms": round(math.exp(rng.uniform(math.log(1), math.log(200))), 1),
        "model": rng.choice(["off", "cbr", "poisson", "mixed", "pareto"]),
        "load": rng.choice([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        "where": rng.choice(["narrow", "narrow", "before", "after", "tight"]),
        "loss": rng.choice([0, 0, 0, 0.001, 0.01]),
    }
    if case["model"] == "off":
        case["load"] = 0
        case["where"] = "narrow"
    return case


def links_of(case):
    """(the link with the traffic, its rate, the words of all links)"""
    capacity = case["capacity"]
    words = ["all both rate=10gbit queue=400ms",
             f"2 both rate={capacity:.0f}bit delay={case['rtt_ms'] / 2}ms queue=400ms",
             "2 ab chance=udp"]
    link, rate = {"narrow": (2, capacity), "before": (1, capacity * 3), "after": (3, capacity * 3),
                  "tight": (3, capacity * 1.55)}[case["where"]]
    load = case["load"]
    if case["where"] == "tight":
        load = max(load, 0.5)
    cross = load * rate
    if link != 2:
        words.append(f"{link} both rate={rate:.0f}bit")
    model = "poisson" if case["model"] == "mixed" else case["model"]
    size = "mixed" if case["model"] == "mixed" else "1500"
    if model != "off":
        words.append(f"{link} ab cross={model} cross-size={size} cross-rate={cross:.0f}bit")
    return link, rate, words


def carried(before, after, link, rate):
    """What others left free on that link between two snapshots."""
    at = 2 * (link - 1)
    seconds = (after["time_ns"] - before["time_ns"]) / 1e9
    return rate - (after["links"][at]["cross_bytes"] - before["links"][at]["cross_bytes"]) * 8 / seconds


def measure(case, real, seconds, seed):
    link, rate, words = links_of(case)
    options = [word for each in words for word in ("--link", each)]
    lab("up", NAME, "--for", "5m", "--seed", str(seed), *([] if real else ["--exact"]), *options)
    try:
        with subprocess.Popen(on("b", ISOTACH, "nettest", "-s", "-B", "10.77.9.2"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as server:
            server.stderr.readline()
            snaps = []
            moments = Moments()
            with subprocess.Popen(on("a", ISOTACH, "path", "--json", "--no-transfer", "--for", seconds, "10.77.9.2"),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as probe:
                for line in probe.stderr:
                    snaps.append((line, snapshot()))
                    if "capacity" in line:  # nothing was lost before that count
                        lab("set", NAME, "2", "ab", f"loss={case['loss']}")
                    if "available" in line:
                        moments.start()
                report = json.loads(probe.stdout.read())
            snaps.append(("", snapshot()))
            moments.over.set()
            moments.join()
            server.terminate()
        available = next(i for i, (line, _) in enumerate(snaps) if "available" in line)
        capacity = next(i for i, (line, _) in enumerate(snaps) if "capacity" in line)
        truth = min(carried(snaps[available][1], snaps[-1][1], link, rate), case["capacity"])
        if case["model"] == "pareto":
            truth = moments.free(link, rate, case["capacity"])
        at = 2  # link 2, from a to b: where packets are lost
        lost = snaps[-1][1]["links"][at]["dropped_loss"] - snaps[capacity][1]["links"][at]["dropped_loss"]
        dropped = sum(each["cross_dropped"] for each in snaps[-1][1]["links"])
        return report, truth, lost, dropped
    finally:
        lab("down", NAME)


def main():
    figures = Figures("Paths whose truth is known: isotach path")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--only", type=lambda text: {int(number) for number in text.split(",")})
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--for", dest="seconds", default="12s")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: emulated paths need root")
        return
    rng = random.Random(arguments.seed)
    bound = 0.02 if arguments.real else 0.005
    counts = {"capacity": 0, "available": 0, "covered": 0, "lost": 0, "free": 0}
    errors = []
    table = figures.table(f"Paths drawn from seed {arguments.seed}, "
                          f"{'with the stamps that the machine gives' if arguments.real else 'with exact stamps'}; "
                          "rates in Mbit/s", ("path", None), ("capacity", 2), ("error, %", 2), ("available", 2), ("true", 2),
                          ("error, % of capacity", 1), ("at least", 2), ("at most", 2), ("lost", 0), ("truly", 0), ("s", 0),
                          ("remarks", None))
    for number in range(arguments.cases):
        case = draw(rng, arguments.real)
        if arguments.only and number not in arguments.only:
            continue
        started = time.monotonic()
        report, truth, lost, dropped = measure(case, arguments.real, arguments.seconds, number)
        capacity, available = report["capacity"], report["available"]
        error = capacity["bps"] / case["capacity"] - 1
        off = (available["bps"] - truth) / case["capacity"]
        covered = available["low_bps"] <= truth <= available["high_bps"]
        counts["capacity"] += abs(error) <= bound
        counts["available"] += abs(off) <= (0.10 if case["model"] == "pareto" else 0.05)
        counts["covered"] += covered
        counts["lost"] += report["packets"]["lost"] == lost
        counts["free"] += dropped == 0
        errors.append(abs(off))
        name = (f"{case['capacity'] / 1e6:.0f} Mbit/s {case['rtt_ms']} ms {case['model']} {case['load']:.0%} "
                f"{case['where']} {case['loss']:.1%}")
        remarks = ["tight"] if report["available_method"]["tight_bps"] else []
        remarks += report["remarks"]
        table.row(f"{number}: {name}", capacity["bps"] / 1e6, error * 100, available["bps"] / 1e6, truth / 1e6, off * 100,
                  available["low_bps"] / 1e6, available["high_bps"] / 1e6, report["packets"]["lost"], lost,
                  time.monotonic() - started, " ".join(remarks)[:30])
    total = len(errors)

    def goal(what, count, least):
        figures.goal(what, f"{count} of {total}", f"{least:.0%} of them" if least < 1 else "all", count >= least * total)

    goal(f"capacity within {bound:.1%}", counts["capacity"], 1)
    goal("available bandwidth within 5 % of the capacity (Pareto 10 %)", counts["available"], 1)
    goal("its range holds the truth", counts["covered"], 0.95)
    goal("losses equal to the emulator's", counts["lost"], 1)
    goal("no packet of others dropped by the probing", counts["free"], 1)
    if errors:
        figures.remark(f"median error of the available bandwidth: {statistics.median(errors):.2%} of the capacity")
    figures.finish()


if __name__ == "__main__":
    sys.exit(main())
