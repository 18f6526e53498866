#!/usr/bin/env python3
"""isotach nettest beside iperf3 and iperf: rate, and CPU time of both ends, over loopback and over a veth pair.

usage: nettest.py [PAIRS [WORD]]
       nettest.py --hostile

The programs take turns, two seconds each; medians of PAIRS (9) neighbouring pairs are printed. CPU time is what the
kernel charged to client and server from start to end. The veth pair stands between two network namespaces of its
own and needs root. A row whose sender or receiver copies nothing says so: its peer copies at both ends.

With a WORD only rows whose names hold it. With --hostile, how long a good client waits beside each kind of bad one,
and beside 10,000 idle connections.
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
PORT = "5299"
SECONDS = "2"

# name, options of both, of ours, of iperf3
ROWS = [
    ("TCP, 1 stream, copies", [], ["--tx=send"], []),
    ("TCP, 1 stream, sender does not", [], ["--tx=splice"], []),
    ("TCP, 8 streams, copies", ["-P", "8"], ["--tx=send"], []),
    ("TCP, 8 streams, sender does not", ["-P", "8"], ["--tx=splice"], []),
    ("UDP 1400 bytes, one call each", ["-u", "-b", "0", "-l", "1400", "-w", "4M"], ["--no-gso"], []),
    ("UDP 1400 bytes, joined calls", ["-u", "-b", "0", "-l", "1400", "-w", "4M"], [], []),
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


def listens(space):
    words = ["cat", "/proc/net/tcp", "/proc/net/tcp6"]
    table = subprocess.run(space.server(words), capture_output=True, text=True, check=False).stdout
    return any(f":{int(PORT):04X} " in line.split(" 0A ")[0] + " " and " 0A " in line for line in table.splitlines())


def cpu_seconds(process):
    """Waits for it."""
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime


def measure(space, ours, options):
    words = [ISOTACH, "nettest"] if ours else ["iperf3"]
    bind = ["-B", space.address]
    server = subprocess.Popen(space.server(words + ["-s", "-1", "-p", PORT] + bind), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    while not listens(space):
        time.sleep(0.02)
    client = subprocess.Popen(space.client(words + ["-c", space.address, "-p", PORT, "-t", SECONDS, "-J"] + options),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    document = json.loads(client.stdout.read())
    cpu = cpu_seconds(client) + cpu_seconds(server)
    received = document["end"]["sum_received"]
    udp = document["end"].get("sum", {})
    return {"rate": received["bits_per_second"] / 1e9, "cpu": cpu / (received["bytes"] / 1e9),
            "loss": udp.get("lost_percent", 0.0)}


def measure_iperf(space, options):
    """Of iperf 2, TCP: its client tells what it sent, all of which arrives."""
    server = subprocess.Popen(space.server(["iperf", "-s", "-p", PORT, "-B", space.address]), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    while not listens(space):
        time.sleep(0.02)
    client = subprocess.Popen(space.client(["iperf", "-c", space.address, "-p", PORT, "-t", SECONDS, "-y", "C"] + options),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = [line.split(",") for line in client.stdout.read().splitlines()]
    streams = [line for line in lines if line[5] != "-1"]  # that is their sum
    cpu = cpu_seconds(client)
    server.terminate()
    cpu += cpu_seconds(server)
    return {"rate": sum(int(line[8]) for line in streams) / 1e9, "cpu": cpu / (sum(int(line[7]) for line in streams) / 1e9)}


def bench_iperf(space, pairs):
    """So that it is seen which of the two is the better peer."""
    for name, options in (("iperf 2: TCP, 1 stream", []), ("iperf 2: TCP, 8 streams", ["-P", "8"])):
        runs = [measure_iperf(space, options) for _ in range(pairs)]
        rate, cpu = (statistics.median(run[key] for run in runs) for key in ("rate", "cpu"))
        print(f"{space.name:9} {name:32} {'':7} {rate:7.2f} {'':6}   {'':6} {cpu:6.3f}", flush=True)


def bench(space, pairs, word):
    if shutil.which("iperf") is not None and word in "TCP":
        bench_iperf(space, pairs)
    for name, both, ours, theirs in ROWS:
        if word not in name:
            continue
        runs = [(measure(space, True, both + ours), measure(space, False, both + theirs)) for _ in range(pairs)]
        middle = [{key: statistics.median(run[side][key] for run in runs) for key in runs[0][0]} for side in (0, 1)]
        ratio = [statistics.median(run[0][key] / run[1][key] for run in runs) for key in ("rate", "cpu")]
        print(f"{space.name:9} {name:32} {middle[0]['rate']:7.2f} {middle[1]['rate']:7.2f} x{ratio[0]:5.2f}   "
              f"{middle[0]['cpu']:6.3f} {middle[1]['cpu']:6.3f} x{ratio[1]:5.2f}   "
              f"{middle[0]['loss']:5.1f} {middle[1]['loss']:5.1f}", flush=True)


def main():
    if "--hostile" in sys.argv[1:]:
        subprocess.run([ROOT / "tests" / "hostile" / "nettest_test.py", "--figures"], check=True,
                       env={**os.environ, "ISOTACH": ISOTACH})
        return
    if shutil.which("iperf3") is None:
        print("iperf3 is not installed")
        return
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(f"{pairs} pairs; rate in Gbit/s, CPU of both ends in s/GB, loss in %; ours, iperf3, median ratio of the pairs")
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    bench(Loopback(), pairs, word)
    if os.geteuid() == 0:
        with Veth() as space:
            bench(space, pairs, word)


main()
