#!/usr/bin/env python3
"""isotach nettest beside iperf3, iperf and nuttcp: rate, and CPU time of both ends, over loopback and a veth pair.

usage: nettest.py [PAIRS [WORD]] [--keep FILE [--most SECONDS]] [--json FILE]

The programs take turns, one or two seconds each; medians of PAIRS (9) neighbouring pairs are printed, and of their ratios, with
what they should be and whether they are. CPU time is what the kernel charged to client and server from start to end.
The veth pair stands between two network namespaces of its own and needs root; peers other than iperf3 are measured over
loopback alone. A row whose sender or receiver copies
nothing says so: its peer copies at both ends. 9 pairs take eight minutes.

With a WORD only rows whose names hold it. With --keep what was measured stands in a FILE and is not measured again, and with
--most no pair begins after so many seconds: the next run goes on there.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import uuid

from figures import Figures, KeptPairs

ROOT = pathlib.Path(__file__).resolve().parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
FIGURES = Figures("Throughput: isotach nettest beside iperf3, iperf and nuttcp")
PAIRS = KeptPairs()
PORT = "5299"
UDP = ["-u", "-b", "0", "-l", "1400"]
LARGEST_LOSS = 0.1


class Goal:
    """A rate of at least so many times the peer's, and at most so much of its CPU, or one of the two."""

    def __init__(self, rate, cpu=None, either=False, loss=False):
        self.rate, self.cpu, self.either, self.loss = rate, cpu, either, loss

    def text(self):
        words = [f"rate {self.rate:g}"] + ([f"CPU {self.cpu:g}"] if self.cpu else [])
        return (" or " if self.either else ", ").join(words) + (f", loss {LARGEST_LOSS:g} %" if self.loss else "")

    def is_met(self, rate, cpu, loss):
        met = [rate >= self.rate] + ([cpu <= self.cpu] if self.cpu else [])
        return (any(met) if self.either else all(met)) and (not self.loss or loss <= LARGEST_LOSS)


# Whatever else, no topology is slower than this.
NEVER_BELOW = 0.98

ONE = ["-t", "1"]
TWO = ["-t", "2"]  # what is compared closely: of a second, the start of our program is a fiftieth
ONE_BY_ONE = UDP + ONE + ["-w", "4M"]

# name, options of both, of ours, of the peer, the peer, what is to be reached
ROWS = [
    ("TCP, 1 stream, sender does not copy", TWO, [], [], "iperf3", Goal(1.2, 0.82, either=True)),
    ("TCP, 1 stream, both copy", ONE, ["--tx=send"], [], "iperf3", Goal(NEVER_BELOW)),
    ("TCP, 8 streams, sender does not copy", TWO + ["-P", "8"], [], [], "iperf3", Goal(1.5, 0.7)),
    ("TCP, 8 streams of cubic, the same", TWO + ["-P", "8", "-C", "cubic"], [], [], "iperf3", Goal(1.5, 0.7)),
    ("UDP 1400 bytes, joined by the kernel", UDP + ONE, ["-w", "64M"], ["-w", "4M"], "iperf3", Goal(15, loss=True)),
    ("UDP 1400 bytes, one by one", ONE_BY_ONE, ["--no-gso"], [], "iperf3", Goal(1.2, loss=True)),
    ("UDP 1400 bytes, one by one", ONE_BY_ONE, ["--no-gso"], [], "iperf", Goal(1.2, loss=True)),
    ("UDP 1400 bytes, one by one", ONE_BY_ONE, ["--no-gso"], [], "nuttcp", Goal(1.2, loss=True)),
]


class Loopback:
    name = "loopback"
    address = "127.0.0.1"

    def server(self, words):
        return words

    client = server


class Veth:
    name = "veth"
    address = "10.77.66.1"

    def __init__(self):
        tag = uuid.uuid4().hex[:6]
        self.spaces = [f"isotach-a{tag}", f"isotach-b{tag}"]

    def __enter__(self):
        a, b = self.spaces
        for space in self.spaces:
            subprocess.run(["ip", "netns", "add", space], check=True)
        subprocess.run(["ip", "-n", a, "link", "add", "left", "type", "veth", "peer", "name", "right", "netns", b], check=True)
        for space, link, address in ((a, "left", "10.77.66.1/24"), (b, "right", "10.77.66.2/24")):
            subprocess.run(["ip", "-n", space, "address", "add", address, "dev", link], check=True)
            subprocess.run(["ip", "-n", space, "link", "set", link, "up"], check=True)
        return self

    def __exit__(self, *_):
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], check=False)

    def server(self, words):
        return ["ip", "netns", "exec", self.spaces[0], *words]

    def client(self, words):
        return ["ip", "netns", "exec", self.spaces[1], *words]


def listens(space, protocols=("tcp", "tcp6")):
    words = ["cat", *(f"/proc/net/{protocol}" for protocol in protocols)]
    lines = subprocess.run(space.server(words), capture_output=True, text=True, check=False).stdout.splitlines()
    fields = [line.split() for line in lines]
    return any(row[1].endswith(f":{int(PORT):04X}") and row[3] in ("0A", "07") for row in fields if ":" in row[0])


def cpu_seconds(process):
    """Waits for it."""
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime


def start_server(space, words, protocols=("tcp", "tcp6")):
    server = subprocess.Popen(space.server(words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while not listens(space, protocols):
        time.sleep(0.02)
    return server


def text_of(space, words):
    client = subprocess.Popen(space.client(words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = client.stdout.read()
    return text, cpu_seconds(client)


def ended(server):
    """What it used, and what it said."""
    server.terminate()
    text = server.stdout.read()
    return cpu_seconds(server), text


def result(bits_per_second, received_bytes, cpu_s, lost_percent=0.0):
    return {"rate": bits_per_second / 1e9, "cpu": cpu_s / max(received_bytes / 1e9, 1e-9), "loss": lost_percent}


def measure_iperf3(space, words, options):
    """Of iperf3, and of ours, which is served and asked like it."""
    server = start_server(space, words + ["-s", "-1", "-p", PORT, "-B", space.address])
    text, cpu = text_of(space, words + ["-c", space.address, "-p", PORT, "-i", "0", "-J"] + options)
    server.stdout.read()
    cpu += cpu_seconds(server)
    end = json.loads(text)["end"]
    received = end["sum_received"]
    return result(received["bits_per_second"], received["bytes"], cpu, end.get("sum", {}).get("lost_percent", 0.0))


def measure_iperf(space, options):
    """Of iperf 2: of UDP its server tells what arrived; of TCP its client what it sent, all of which does."""
    udp = "-u" in options
    given = [("100g" if word == "0" else word) for word in options]
    server = start_server(space, ["iperf", "-s", "-p", PORT, "-B", space.address, "-w", "4M"] + (["-u"] if udp else []),
                          ("udp", "udp6") if udp else ("tcp", "tcp6"))
    text, cpu = text_of(space, ["iperf", "-c", space.address, "-p", PORT, "-f", "b", "-y", "C"] + given)
    far_cpu, _ = ended(server)
    lines = [line.split(",") for line in text.splitlines() if line.count(",") >= 8]
    if udp:  # the last line is the server's report
        last = lines[-1]
        return result(int(last[8]), int(last[7]), cpu + far_cpu, float(last[12]))
    streams = [line for line in lines if line[5] != "-1"]  # that is their sum
    return result(sum(int(line[8]) for line in streams), sum(int(line[7]) for line in streams), cpu + far_cpu)


def measure_nuttcp(space, options):
    """Of nuttcp, UDP alone."""
    length, seconds = (options[options.index(name) + 1] for name in ("-l", "-t"))
    server = start_server(space, ["nuttcp", "-S", f"-P{PORT}", "--nofork"])
    text, cpu = text_of(space, ["nuttcp", f"-P{PORT}", "-u", "-R100g", "-w4m", f"-l{length}", f"-T{seconds}", "-fparse",
                                space.address])
    far_cpu, _ = ended(server)
    told = dict(word.split("=") for word in text.split())
    rate = float(told["rate_Mbps"]) * 1e6
    return result(rate, float(told["megabytes"]) * 2**20, cpu + far_cpu, float(told["data_loss"]))


def measure(space, program, options):
    if program == "iperf":
        return measure_iperf(space, options)
    if program == "nuttcp":
        return measure_nuttcp(space, options)
    return measure_iperf3(space, [ISOTACH, "nettest"] if program == "isotach" else ["iperf3"], options)


def bench_row(table, space, pairs, row):
    name, both, ours, theirs, peer, goal = row
    if not FIGURES.peer(peer):
        return
    runs = PAIRS.of(f"{space.name}: {name}, beside {peer}", pairs, lambda: measure(space, "isotach", both + ours),
                    lambda: measure(space, peer, both + theirs))
    if not runs:
        return
    middle = [{key: statistics.median(run[side][key] for run in runs) for key in runs[0][0]} for side in (0, 1)]
    rate, cpu = (statistics.median(run[0][key] / run[1][key] for run in runs) for key in ("rate", "cpu"))
    is_met = goal.is_met(rate, cpu, middle[0]["loss"]) and rate >= NEVER_BELOW
    ours, theirs = middle
    table.row(name, peer, ours["rate"], theirs["rate"], rate, ours["cpu"], theirs["cpu"], cpu, ours["loss"], theirs["loss"])
    FIGURES.goal(f"{space.name}: {name}, beside {peer}", f"rate x {rate:.2f}, CPU x {cpu:.2f}, loss {ours['loss']:.2f} %",
                 goal.text(), is_met)


def bench(space, pairs, word):
    table = FIGURES.table(f"Over {space.name}: rates in Gbit/s, CPU of both ends in s/GB, loss in %; medians of {pairs} pairs",
                          ("", None), ("peer", None), ("rate", 2), ("peer's", 2), ("ratio", 2), ("CPU", 3), ("peer's", 3),
                          ("ratio", 2), ("loss", 2), ("peer's", 2))
    for row in ROWS:
        if word in row[0] and (space.name == "loopback" or row[4] == "iperf3"):
            bench_row(table, space, pairs, row)


def main():
    if shutil.which("iperf3") is None:
        print("iperf3 is not installed")
        return
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    bench(Loopback(), pairs, word)
    if os.geteuid() == 0:
        with Veth() as space:
            bench(space, pairs, word)
    FIGURES.finish()


main()
