#!/usr/bin/env python3
"""isotach path over a seeded matrix of emulated paths, each figure beside the emulator's truth.

Rates from 10 Mbit/s to 2.5 Gbit/s, round trips from 1 to 200 ms, traffic of others of 0 to 80 % (even, Poisson, of
mixed sizes, Pareto) on the narrow link, before it, or on another link that then is the tight one; loss up to 1 %. What
others leave is the mean over the time of the measurement; of Pareto's bursts over parts of it as long as one of its
streams, and in each no more than the narrow link could have let through. RTT: how far its p99 is from the path's, where
nobody else sends. Others: the share of their bytes that the path did not carry while it was measured.

usage: path.py [--cases N] [--only N,N...] [--seed N] [--real] [--for TIME] [--keep FILE [--most SECONDS]] [--json FILE]
  (as root; ISOTACH names the binary)
  --only: of the cases that the seed draws, these, by number from 0 on
  --real: the stamps that the machine gives, not the emulator's exact ones; rates up to 500 Mbit/s
  --keep: a file for the rows; those that it holds already are not measured again
  --most: no case begins after so much time; the next run goes on where this one stopped
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

from figures import Figures, KeptRows

ISOTACH = os.environ.get("ISOTACH", str(pathlib.Path(__file__).resolve().parents[1] / "build" / "isotach"))
NAME = f"bench{os.getpid()}"
DEADLINE_S = 120
SNAPSHOT_TRIES = 5
FAST_BPS = 10e9  # of links that nothing is asked of
ECHO_BYTES = 80  # with their heads


def lab(*words):
    return subprocess.run([ISOTACH, "lab", "net", *words], check=True, capture_output=True, text=True, timeout=DEADLINE_S).stdout


def on(host, *words):
    return [ISOTACH, "lab", "net", "run", NAME, host, "--", *words]


def snapshot():
    """What isotach lab net show tells; asked directly, for that takes no process each time."""
    for tries_left in reversed(range(SNAPSHOT_TRIES)):
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(f"\0isotach-lab/{NAME}")
                sock.sendall(b"json\n")
                text = b"".join(iter(lambda: sock.recv(1 << 16), b""))
            return json.loads(text.decode().partition("ok\n")[2])
        except (ConnectionError, ValueError):  # the path does not wait for one who gets no processor
            if not tries_left:
                raise
    return None


class Moments(threading.Thread):
    """Snapshots every so often, for traffic that comes in bursts: what is left at one moment is of no use at another,
    and the narrow link lets no more through than its capacity in any of them. Over longer times than a stream of
    isotach path lasts, bursts look smoother than what it meets; over shorter ones each packet is a burst."""
    STREAM_S = 0.012
    STREAM_BITS = 40 * 8 * 1500  # that it has at least

    def __init__(self, capacity):
        super().__init__()
        self.every_s = max(self.STREAM_S, self.STREAM_BITS / capacity)
        self.snapshots = []
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(self.every_s):
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
            moments = Moments(case["capacity"])
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
        begin = {step: next(snap for line, snap in snaps if step in line) for step in ("capacity", "available")}
        end = snaps[-1][1]
        return judge(case, report, {"begin": begin, "end": end, "moments": moments, "link": link, "rate": rate})
    finally:
        lab("down", NAME)


def judge(case, report, seen):
    """A row: the figures of isotach path beside the emulator's."""
    begin, end = seen["begin"], seen["end"]
    truth = min(carried(begin["available"], end, seen["link"], seen["rate"]), case["capacity"])
    if case["model"] == "pareto":
        truth = min(seen["moments"].free(seen["link"], seen["rate"], case["capacity"]), case["capacity"])
    at = 2  # link 2, from a to b: where packets are lost
    lost = end["links"][at]["dropped_loss"] - begin["capacity"]["links"][at]["dropped_loss"]
    offered, taken = (sum(way[name] for way in end["links"]) - sum(way[name] for way in begin["capacity"]["links"])
                      for name in ("cross_offered_bytes", "cross_bytes"))
    echo_bits = 8 * ECHO_BYTES
    rtt_ns = case["rtt_ms"] * 1e6 + 2e9 * echo_bits * (1 / case["capacity"] + 2 / FAST_BPS)
    available = report["available"]
    return {
        "capacity": report["capacity"]["bps"], "capacity_error": report["capacity"]["bps"] / case["capacity"] - 1,
        "capacity_seconds": report["capacity_method"]["seconds"], "capacity_bytes": report["capacity_method"]["bytes"],
        "available": available["bps"], "low": available["low_bps"], "high": available["high_bps"], "truth": truth,
        "available_error": (available["bps"] - truth) / case["capacity"],
        "rtt_error_us": (report["idle"]["rtt_p99_ns"] - rtt_ns) / 1000 if case["model"] == "off" else None,
        "lost": report["packets"]["lost"], "lost_truly": lost,
        "others_slowed": 1 - taken / offered if offered else 0,
        "tight": bool(report["available_method"]["tight_bps"]), "remarks": report["remarks"],
    }


def name_of(case):
    return (f"{case['capacity'] / 1e6:.0f} Mbit/s {case['rtt_ms']} ms {case['model']} {case['load']:.0%} "
            f"{case['where']} {case['loss']:.1%}")


COLUMNS = (("path", None), ("capacity", 2), ("error, %", 2), ("available", 2), ("true", 2), ("error, % of capacity", 1),
           ("at least", 2), ("at most", 2), ("lost", 0), ("truly", 0), ("RTT p99 off, us", 0), ("others lost, %", 2),
           ("s", 0), ("remarks", None))


def show(table, number, case, row):
    remarks = " ".join((["tight"] if row["tight"] else []) + row["remarks"])
    table.row(f"{number}: {name_of(case)}", row["capacity"] / 1e6, row["capacity_error"] * 100, row["available"] / 1e6,
              row["truth"] / 1e6, row["available_error"] * 100, row["low"] / 1e6, row["high"] / 1e6, row["lost"],
              row["lost_truly"], row["rtt_error_us"], row["others_slowed"] * 100, row.get("seconds"), remarks[:30])


def set_goals(figures, rows, bound):
    def goal(what, wanted, good, among=lambda row: True, remark=""):
        judged = [(case, row) for case, row in rows if among(row)]
        if judged:
            count = sum(1 for case, row in judged if good(case, row))
            figures.goal(what, f"{count} of {len(judged)}{remark}", f"{wanted:.0%}", count >= wanted * len(judged))

    def near(case, row):
        return abs(row["available_error"]) <= (0.10 if case["model"] == "pareto" else 0.05)

    width = statistics.median((row["high"] - row["low"]) / case["capacity"] for case, row in rows)
    goal(f"capacity within {bound:.1%}", 1, lambda _, row: abs(row["capacity_error"]) <= bound)
    goal("it took at most 5 s and 2 MB", 1, lambda _, row: row["capacity_seconds"] <= 5 and row["capacity_bytes"] <= 2e6)
    goal("available bandwidth within 5 % of the capacity (Pareto 10 %)", 1, near,
         remark=f", median error {statistics.median(abs(row['available_error']) for _, row in rows):.2%}")
    goal("its range holds the truth", 0.95, lambda _, row: row["low"] <= row["truth"] <= row["high"],
         remark=f", median width {width:.0%} of the capacity")
    goal("losses equal to the emulator's", 1, lambda _, row: row["lost"] == row["lost_truly"])
    goal("others lost less than 2 %", 1, lambda _, row: row["others_slowed"] < 0.02)
    goal("p99 of the RTT within 60 us, where nobody else sends", 1, lambda _, row: abs(row["rtt_error_us"]) <= 60,
         among=lambda row: row["rtt_error_us"] is not None)


def main():
    figures = Figures("Paths whose truth is known: isotach path")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--only", type=lambda text: {int(number) for number in text.split(",")})
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--for", dest="seconds", default="12s")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--most", type=float, default=math.inf)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: emulated paths need root")
        return
    rng = random.Random(arguments.seed)
    kept = KeptRows(arguments.keep, "seed", "number", "real")
    rows = []
    started = time.monotonic()
    table = figures.table(f"Paths drawn from seed {arguments.seed}, "
                          f"{'with the stamps that the machine gives' if arguments.real else 'with exact stamps'}; "
                          "rates in Mbit/s", *COLUMNS)
    for number in range(arguments.cases):
        case = draw(rng, arguments.real)
        if arguments.only and number not in arguments.only:
            continue
        row = kept.get(arguments.seed, number, arguments.real)
        if not row:
            if time.monotonic() - started > arguments.most:
                continue
            begun = time.monotonic()
            row = measure(case, arguments.real, arguments.seconds, number)
            row.update(seed=arguments.seed, number=number, real=arguments.real, seconds=time.monotonic() - begun)
            kept.add(row)
        rows.append((case, row))
        show(table, number, case, row)
    if rows:
        set_goals(figures, rows, 0.02 if arguments.real else 0.005)
    figures.finish()


if __name__ == "__main__":
    sys.exit(main())
