#!/usr/bin/env python3
"""isotach nettest's transactions, beside others': rate, and CPU time of both ends for each transaction, over loopback.

usage: nettest_transactions.py [PAIRS [WORD]] [--keep FILE [--most SECONDS]] [--json FILE]

The programs take turns, one second each; medians of PAIRS (9) neighbouring pairs are printed, and the medians of their
ratios, with what they should be and whether they are. Peers: sockperf (ping-pong), qperf and iperf 2 (bounceback) where
they are installed, and the designs of neper and netperf in build/bench/nettest_peer. CPU time is what the kernel charged
to both programs from start to end; what sockperf and qperf use to warm up counts in it. Where ours should be equal, up
to 3 % less is: no more can be told apart. With a WORD only rows whose names hold it. 9 pairs take five minutes.
"""
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time

from figures import Figures, KeptPairs

ROOT = pathlib.Path(__file__).resolve().parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
PEER = str(ROOT / "build" / "bench" / "nettest_peer")
PAIRS = KeptPairs()
SECONDS = 1
FIGURES = Figures("Transactions: isotach nettest beside sockperf, qperf, iperf and the designs of neper and netperf")


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
        for_server = numbers if kind == "one" else ()
        return measured([PEER, f"{kind}-server", port, *for_server],
                        [PEER, f"{kind}-client", port, *numbers, str(SECONDS)], port, lambda text: float(text))
    return go


def bounceback(flows, size):
    """Of iperf 2: a thread and a blocking connection for each flow."""
    def go():
        port = free_port()

        def rate(text):
            counts = re.findall(r"\b(\d+)=[\d.]+/[\d.]+/[\d.]+/[\d.]+ ms.*rps", text)
            return sum(int(count) for count in counts) / SECONDS
        return measured(["iperf", "-s", "-p", port],
                        ["iperf", "-c", "127.0.0.1", "-p", port, "--bounceback=1", "--bounceback-period", "0",
                         "-t", str(SECONDS), "-P", str(flows), "-l", str(size)], port, rate)
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


EQUAL = 0.97

# row, ours, the peer, how it is measured, the rate and the CPU that ours should reach, as a multiple of the peer's
ROWS = [
    ("TCP, 1 flow, 1 byte", isotach("--rr"), "sockperf", sockperf("14", "--tcp"), EQUAL, None),
    ("TCP, 1 flow, 1 byte", isotach("--rr"), "qperf", qperf("tcp_lat"), EQUAL, None),
    ("TCP, 1 flow, 1 byte", isotach("--rr"), PEER, peer("one", "1", "1"), EQUAL, None),
    ("TCP, 1 flow, 2K and 32K", isotach("--rr", "-r", "2K,32K"), PEER, peer("one", "2048", "32768"), EQUAL, None),
    ("UDP, 1 flow, 1 byte", isotach("--rr", "-u"), "sockperf", sockperf("14"), EQUAL, None),
    ("UDP, 1 flow, 1 byte", isotach("--rr", "-u"), "qperf", qperf("udp_lat"), EQUAL, None),
    ("TCP, 1 flow, 1 byte, busy polling", isotach("--rr", "--busy-poll"), "qperf", qperf("tcp_lat"), 1.3, None),
    ("UDP, 1 flow, 1 byte, busy polling", isotach("--rr", "-u", "--busy-poll"), "qperf", qperf("udp_lat"), 1.3, None),
    ("TCP, 64 flows, 1 thread a side", isotach("--rr", "-P", "64", "--threads", "1"), PEER, peer("rr", "64"), 1.6, 0.65),
    ("TCP, 64 flows of 100 bytes, the same", isotach("--rr", "-r", "100,100", "-P", "64", "--threads", "1"), "iperf",
     bounceback(64, 100), 1.6, 0.65),
    ("a connection for each, one at a time", isotach("--crr"), PEER, peer("crr"), 1.1, None),
    ("a connection for each, 32 in flight", isotach("--crr", "--burst", "32"), PEER, peer("crr"), 1.5, None),
]


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    table = FIGURES.table(f"Over loopback: transactions/s, and us of CPU of both ends for each; medians of {pairs} pairs",
                          ("", None), ("peer", None), ("rate", 0), ("peer's", 0), ("ratio", 2), ("CPU", 2), ("peer's", 2),
                          ("ratio", 2))
    for name, ours, program, theirs, wanted_rate, wanted_cpu in ROWS:
        if word not in name:
            continue
        label = pathlib.Path(program).name
        if program != PEER and not FIGURES.peer(program):
            continue
        runs = PAIRS.of(f"{name}, beside {label}", pairs, ours, theirs)
        if not runs:
            continue
        middle = [[statistics.median(run[side][what] for run in runs) for what in (0, 1)] for side in (0, 1)]
        rate, cpu = (statistics.median(run[0][what] / run[1][what] for run in runs) for what in (0, 1))
        goal = (f"rate {wanted_rate:g}" if wanted_rate != EQUAL else "equal") + (f", CPU {wanted_cpu:g}" if wanted_cpu else "")
        is_met = rate >= wanted_rate and (wanted_cpu is None or cpu <= wanted_cpu)
        table.row(name, label, middle[0][0], middle[1][0], rate, middle[0][1], middle[1][1], cpu)
        FIGURES.goal(f"{name}, beside {label}", f"rate x {rate:.2f}, CPU x {cpu:.2f}", goal, is_met)
    FIGURES.finish()


main()
