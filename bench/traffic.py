#!/usr/bin/env python3
"""isotach traffic beside iptraf-ng, iftop, nethogs and tcpdump, under the same flood.

usage: traffic.py [ROUNDS [PACKETS [EXACT_RUNS]]] [--json FILE]

The kernel itself makes small UDP frames (XDP live frames) on one end of a veth pair, as fast as one processor can;
what listens on the other end takes turns. "receiving" is the time of that processor for each packet beyond what it
takes when nobody listens; "monitor" is the monitor's own. Both are CPU time as the kernel charges it, medians of
ROUNDS (3) rounds of PACKETS (300000), and of a third of the rounds of four times as many with 60,000 flows. Then the
count of isotach is compared with what was sent in EXACT_RUNS (10) runs of 1,000 and as many of 60,000 flows, half of
them with both processors kept busy. Needs root.
"""
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from figures import Figures

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/support"))
from traffic_pair import FRAMES, Pair, Probe, interface, run  # noqa: E402


FIGURES = Figures("Counting traffic: isotach traffic beside iptraf-ng, iftop, nethogs and tcpdump")


def run_ns(pid):
    """Time on a processor of a process with all its threads."""
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            total += int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total


def softirq_threads():
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().startswith("ksoftirqd/"):
                found.append(int(folder.name))
        except OSError:
            pass
    return found


def processes_named(name):
    found = set()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == name:
                found.add(int(folder.name))
        except OSError:
            pass
    return found


class Isotach:
    def __init__(self, space, method):
        self.probe = Probe(space, "--method", method, "right")

    def pids(self):
        return {self.probe.process.pid}

    def accounted(self, sent):
        found = self.probe.settled(sent)
        return interface(found, "right")["counted"]["in"][0]

    def stop(self):
        self.probe.__exit__()


class Other:
    """A program that says what it has counted when it ends, if at all."""

    def __init__(self, space, name, *words):
        self.name = name
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.before = processes_named(name)
        words = [word.replace("LOG", self.log.name) for word in words]
        self.master = None
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["ip", "netns", "exec", space, name, *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        env=os.environ | {"TERM": "xterm"})
        deadline = time.monotonic() + 5
        while not self.pids() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.7)  # none of them says when it begins to listen

    def pids(self):
        return processes_named(self.name) - self.before

    def accounted(self, _sent):
        time.sleep(0.5)
        return None

    def stop(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGUSR2 if self.name == "iptraf-ng" else signal.SIGTERM)
        try:
            _, said = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:  # it hears no signal while it waits for more packets
            self.process.kill()
            _, said = self.process.communicate()
        deadline = time.monotonic() + 5
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.name == "tcpdump":
            match = re.search(r"(\d+) packets captured", said)
            return int(match[1]) if match else None
        if self.name == "iptraf-ng":
            found = re.findall(r"Total:\s+(\d+) packets", pathlib.Path(self.log.name).read_text(errors="replace"))
            return int(found[-1]) if found else None
        return None


MONITORS = {
    "nobody": None,
    "isotach, BPF": lambda space: Isotach(space, "bpf"),
    "isotach, ring": lambda space: Isotach(space, "ring"),
    "iptraf-ng -d": lambda space: Other(space, "iptraf-ng", "-d", "right", "-B", "-L", "LOG"),
    "tcpdump -s96": lambda space: Other(space, "tcpdump", "-i", "right", "-s96", "-w", "/dev/null"),
    "iftop -t": lambda space: Other(space, "iftop", "-t", "-nNP", "-i", "right"),
    "nethogs -t": lambda space: Other(space, "nethogs", "-t", "-C", "-v", "2", "right"),
}


def flood(pair, packets, flows):
    threads = softirq_threads()
    before = sum(run_ns(pid) for pid in threads)
    process = subprocess.Popen(["taskset", "-c", "0", "ip", "netns", "exec", pair.a, FRAMES, "left", "flood",
                                str(packets), str(flows), "v6"], stdout=subprocess.DEVNULL,
                               env=os.environ | {"FRAMES_TO": pair.address})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    soft = sum(run_ns(pid) for pid in threads) - before
    return (usage.ru_utime + usage.ru_stime) * 1e9 + soft


def compare(pair, rounds, packets, flows):
    results = {name: [] for name in MONITORS}
    for _ in range(rounds):
        for name, make in MONITORS.items():
            program = name.split()[0]
            if program not in ("nobody", "isotach,") and not FIGURES.peer(program):
                continue
            monitor = make(pair.b) if make else None
            pids = monitor.pids() if monitor else set()
            for pid in pids:
                os.sched_setaffinity(pid, {os.cpu_count() - 1})
            if monitor and flows > 10_000:
                flood(pair, flows, flows)  # each has its row
                monitor.accounted(flows)
            before = sum(map(run_ns, pids))
            source = flood(pair, packets, flows)
            counted = monitor.accounted(packets + (flows if flows > 10_000 else 0)) if monitor else None
            own = sum(map(run_ns, pids)) - before
            said = monitor.stop() if monitor else None
            counted = counted if counted is not None else said
            if counted is not None and flows > 10_000:
                counted -= flows
            results[name].append((source / packets, own / packets, counted))
    idle = statistics.median(result[0] for result in results["nobody"])
    table = FIGURES.table(f"{flows:,} flows, {packets:,} packets of 80 bytes over IPv6, ns of CPU for each; medians of {rounds}",
                          ("", None), ("receiving", 0), ("monitor", 1), ("sum", 0), ("accounted for", None))
    for name, values in results.items():
        if not values:
            continue
        # Neighbours in time are compared: the machine is not the same from round to round.
        tax = statistics.median(value[0] - none[0] for value, none in zip(values, results["nobody"]))
        own = statistics.median(value[1] for value in values)
        told = [value[2] for value in values if value[2] is not None]
        share = " ".join(f"{count / packets:.4f}" for count in told) if told else "not told"
        if name == "nobody":
            FIGURES.remark(f"of {flows:,} flows, sending and receiving a packet takes {idle:.0f} ns when nobody listens; "
                           "receiving is what comes on top")
        else:
            table.row(name, tax, own, tax + own, share)


def exactness(pair, runs, packets):
    table = FIGURES.table(f"Flows and rest = counted = the interface's counters = sent, {packets:,} packets", ("flows", 0),
                          ("runs", 0), ("exact", 0), ("slowest, million packets/s", 2), ("fastest", 2))
    for flows in (1000, 60_000):
        good = 0
        rates = []
        with Probe(pair.b, "--method", "bpf") as probe:
            before = interface(probe.read(), "right")
            for number in range(runs):
                busy = []
                if number % 2:
                    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())]
                started = time.monotonic()
                frames, size = pair.send("flood", packets, flows, "v6" if number % 4 > 1 else "v4")
                rates.append(frames / (time.monotonic() - started))
                for process in busy:
                    process.kill()
                    process.wait()
                found = probe.settled(before["counted"]["in"][0] + frames)
                row = interface(found, "right")
                grown = [now - then for now, then in zip(row["counted"]["in"], before["counted"]["in"])]
                if grown == [frames, size] and row["kernel"] == row["carried"] and found["in_flows"] == found["counted"]:
                    good += 1
                before = row
        table.row(flows, runs, good, min(rates) / 1e6, max(rates) / 1e6)
        FIGURES.goal(f"exact counts of {flows:,} flows", f"{good} of {runs} runs", "all", good == runs)


def main():
    if os.geteuid() != 0:
        print("needs root")
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    packets = int(sys.argv[2]) if len(sys.argv) > 2 else 300_000
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    with Pair() as pair:
        # Frames are for the station that gets them, as most are.
        pair.address = json.loads(run("ip", "-n", pair.b, "-j", "link", "show", "right"))[0]["address"]
        compare(pair, rounds, packets, 1000)
        compare(pair, max(1, rounds // 3), packets * 4, 60_000)
        exactness(pair, runs, packets)
    FIGURES.finish()


main()
