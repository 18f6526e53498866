#!/usr/bin/env python3
"""isotach nettest's transactions, beside others': rate, and CPU time of both ends for each transaction, over loopback.

usage: nettest_transactions.py [PAIRS]

The programs take turns, one second each; medians of PAIRS (9) neighbouring pairs are printed, and the medians of their
ratios. Peers: sockperf (ping-pong) and qperf where they are installed, and the designs of neper and netperf in
build/bench/nettest_peer. CPU time is what the kernel charged to both programs from start to end; what sockperf and
qperf use to warm up counts in it.
"""
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
PEER = str(ROOT / "build" / "bench" / "nettest_peer")
SECONDS = 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def listens(port, tables):
    wanted = f":{int(port):04X} "
    return any(wanted in line.split()[1] + " " for table in tables
               for line in pathlib.Path(table).read_text().splitlines()[1:]
               if "udp" in table or line.split()[3] == "0A")


def measured(server, client, port, rate_of):
    """Both programs from start to end: rate, and us of CPU for a transaction."""
    far = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not listens(port, ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp")):
        time.sleep(0.01)
    near = subprocess.Popen(client, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = near.stdout.read()
    _, _, of_near = os.wait4(near.pid, 0)
    near.returncode = 0
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        pid, _, of_far = os.wait4(far.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    else:
        far.terminate()
        _, _, of_far = os.wait4(far.pid, 0)
    far.returncode = 0
    rate = rate_of(text)
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in (of_near, of_far))
    return rate, 1e6 * cpu_s / max(1, rate * SECONDS)


def isotach(*options):
    def go():
        port = free_port()
        return measured([ISOTACH, "nettest", "-s", "-1", "-4", "-p", port],
                        [ISOTACH, "nettest", "-c", "127.0.0.1", "-p", port, "-t", str(SECONDS), "-i", "0",
                         "--netperf-output", *options], port,
                        lambda text: float(re.search(r"^TRANSACTION_RATE=(\S+)", text, re.M).group(1)))
    return go


def peer(kind, *numbers):
    def go():
        port = free_port()
        return measured([PEER, f"{kind}-server", port], [PEER, f"{kind}-client", port, *numbers, str(SECONDS)], port,
                        lambda text: float(text))
    return go


def sockperf(size, *options):
    def go():
        port = free_port()
        rate = lambda text: float(re.search(r"SentMessages=(\d+)", text).group(1)) / SECONDS
        return measured(["sockperf", "server", "-i", "127.0.0.1", "-p", port, *options],
                        ["sockperf", "ping-pong", "-i", "127.0.0.1", "-p", port, "-m", size, "-t", str(SECONDS),
                         "--full-rtt", *options], port, rate)
    return go


def qperf(test):
    def go():
        port = free_port()

        def rate(text):
            value, unit = re.search(r"latency\s*=\s*([\d.]+) (\w+)", text).groups()
            one_way_s = float(value) * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}[unit]
            return 1 / (2 * one_way_s)
        return measured(["qperf", "-lp", port], ["qperf", "127.0.0.1", "-lp", port, "-t", str(SECONDS), test], port, rate)
    return go


# row, ours, the peer, the program that must be there
ROWS = [
    ("TCP, 1 flow, 1 byte", isotach("--rr"), "sockperf", sockperf("14", "--tcp")),
    ("TCP, 1 flow, 1 byte", isotach("--rr"), "qperf", qperf("tcp_lat")),
    ("UDP, 1 flow, 1 byte", isotach("--rr", "-u"), "sockperf", sockperf("14")),
    ("UDP, 1 flow, 1 byte", isotach("--rr", "-u"), "qperf", qperf("udp_lat")),
    ("TCP, 1 flow, 1 byte, busy polling", isotach("--rr", "--busy-poll"), "qperf", qperf("tcp_lat")),
    ("TCP, 64 flows, 1 thread a side", isotach("--rr", "-P", "64", "--threads", "1"), PEER, peer("rr", "64")),
    ("a connection for each, one at a time", isotach("--crr"), PEER, peer("crr")),
    ("a connection for each, 32 in flight", isotach("--crr", "--burst", "32"), PEER, peer("crr")),
]


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(f"{pairs} pairs; transactions/s, and us of CPU of both ends for each: ours, theirs, median ratio of the pairs")
    for name, ours, program, theirs in ROWS:
        label = pathlib.Path(program).name
        if shutil.which(program) is None:
            print(f"{name:38} {label:13} is not there")
            continue
        runs = [(ours(), theirs()) for _ in range(pairs)]
        middle = [[statistics.median(run[side][what] for run in runs) for what in (0, 1)] for side in (0, 1)]
        ratio = [statistics.median(run[0][what] / run[1][what] for run in runs) for what in (0, 1)]
        print(f"{name:38} {label:13} {middle[0][0]:8.0f} {middle[1][0]:8.0f} x{ratio[0]:5.2f}   "
              f"{middle[0][1]:6.2f} {middle[1][1]:6.2f} x{ratio[1]:5.2f}", flush=True)


main()
