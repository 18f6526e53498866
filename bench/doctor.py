#!/usr/bin/env python3
"""isotach doctor: transfers of every class made for real, and what it costs to watch.

Each class of tests/support/doctor_scenarios.py --each times with parameters drawn from the seed: the verdict with both
ends in view and with the sender's alone, how often it blames the network wrongly, and causes that are mixed as shares
of the time. Then what a look at very many connections takes.

usage: doctor.py [--each N] [--seed TEXT] [--sockets N] [KIND...]     (as root; ISOTACH names the binary)
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
# pylint: disable=wrong-import-position
from doctor_scenarios import ISOTACH, KINDS, NETWORK, mixtures, scenarios  # noqa: E402


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
    for view, words in (("both", "both ends in view"), ("alone", "the sender alone")):
        print(f"{words:<20} {right[view]} of {count} right, {blamed[view]} blame the network wrongly", flush=True)


def judge_mixtures(options):
    worst, within, count = 0, 0, 0
    for mixture in mixtures(options.seed, options.each):
        connection = mixture.observe(("both",))["both"]["connections"][0]
        wrong = max(abs(connection["shares"].get(cause, 0) - share) for cause, share in mixture.truth.items())
        worst = max(worst, wrong)
        within += wrong <= 0.10
        count += 1
        print(f"  {mixture}: {mixture.truth}: {connection['shares']}", flush=True)
    print(f"mixed causes         {within} of {count} within 10 points of the time, wrong by {100 * worst:.1f} at most",
          flush=True)


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
    print(subprocess.run([bench], check=True, capture_output=True, text=True).stdout, end="", flush=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(subprocess.run([ISOTACH, "doctor", "--for", "6", "--json"], check=False, capture_output=True,
                                       text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"the host, {count} sockets: {cpu_s:.2f} s of CPU in {report['watched_seconds']:.1f} s", flush=True)


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


if __name__ == "__main__":
    main()
