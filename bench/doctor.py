#!/usr/bin/env python3
"""isotach doctor: transfers of every class made for real, and what it costs to watch.

Each class of tests/support/doctor_scenarios.py --each times with parameters drawn from the seed: the verdict with both
ends in view and with the sender's alone, how often it blames the network wrongly, and causes that are mixed as shares
of the time. Then what a look at very many connections takes.

usage: doctor.py [--each N] [--seed TEXT] [--sockets N] [--json FILE] [KIND...]     (as root; ISOTACH names the binary)
"""
import argparse
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile

from figures import Figures

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
# pylint: disable=wrong-import-position
from doctor_scenarios import ISOTACH, KINDS, NETWORK, mixtures, scenarios  # noqa: E402


FIGURES = Figures("Transfers of known cause: isotach doctor")


def judge(options):
    right = {"both": 0, "alone": 0}
    blamed = {"both": 0, "alone": 0}
    count = 0
    for scenario in scenarios(options.seed, options.each, options.kinds or None):
        reports = scenario.observe()
        count += 1
        for view in ("both", "alone"):
            verdict = scenario.verdict(reports[view])
            good = scenario.accepts(reports[view], view == "alone")
            right[view] += good
            blamed[view] += verdict in NETWORK and scenario.kind not in NETWORK
            if not good:
                shares = reports[view]["connections"][0]["shares"] if reports[view]["connections"] else {}
                print(f"  {view}: {scenario}: {verdict} {shares}", flush=True)
    table = FIGURES.table(f"Verdicts about transfers of {len(options.kinds or KINDS)} causes, made for real, seed "
                          f"{options.seed}", ("", None), ("transfers", 0), ("right", 0), ("blame the network wrongly", 0))
    for view, words in (("both", "both ends in view"), ("alone", "the sender alone")):
        table.row(words, count, right[view], blamed[view])
        FIGURES.goal(f"transfers that are no fault of the network, {words}", f"{blamed[view]} blamed on it", "none",
                     blamed[view] == 0)


def judge_mixtures(options):
    worst, within, count = 0, 0, 0
    for mixture in mixtures(options.seed, options.each):
        connection = mixture.observe(("both",))["both"]["connections"][0]
        wrong = max(abs(connection["shares"].get(cause, 0) - share) for cause, share in mixture.truth.items())
        worst = max(worst, wrong)
        within += wrong <= 0.10
        count += 1
        print(f"  {mixture}: {mixture.truth}: {connection['shares']}", flush=True)
    table = FIGURES.table("Shares of the time of two causes that take turns", ("", None), ("transfers", 0),
                          ("within 10 points", 0), ("wrong by at most, points", 1))
    table.row("both ends in view", count, within, 100 * worst)


def judge_cost(count):
    """`count` sockets on loopback, held by as many processes as their limits ask for; how long a look takes."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    each = min(count, most - 100) // 2
    holders = []
    for first in range(0, count // 2, each):
        pairs = min(each, count // 2 - first)
        ready, done = os.pipe()
        pid = os.fork()
        if pid == 0:
            listener = socket.create_server((f"127.0.1.{len(holders) + 1}", 0), backlog=4096)
            keep = []
            for _ in range(pairs):
                ours = socket.socket()
                ours.connect(listener.getsockname())
                keep += [ours, listener.accept()[0]]
            os.write(done, b"x")
            signal.pause()
        os.read(ready, 1)
        holders.append(pid)
    try:
        look(count)
    finally:
        for pid in holders:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def look(count):
    bench = pathlib.Path(ISOTACH).parent / "bench" / "doctor_sockets"
    with tempfile.NamedTemporaryFile(suffix=".json") as kept:
        subprocess.run([bench, "--json", kept.name], check=False)  # it fails where a goal is missed
        FIGURES.include(kept.name)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(subprocess.run([ISOTACH, "doctor", "--for", "6", "--json"], check=False, capture_output=True,
                                       text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    FIGURES.table(f"isotach doctor --for 6 at {count} sockets", ("", None), ("s of CPU", 2), ("s", 1)).row(
        "all of the program", cpu_s, report["watched_seconds"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--seed", default="bench")
    parser.add_argument("--sockets", type=int, default=50000)
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS])
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("doctor.py: needs root")
    judge(options)
    if not options.kinds:
        judge_mixtures(options)
        judge_cost(options.sockets)
    FIGURES.finish()


if __name__ == "__main__":
    main()
