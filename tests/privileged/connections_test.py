#!/usr/bin/env python3
"""isotach connections on transfers whose truth is known: over a path of isotach lab net, captured at both ends.

 - What limited a connection: a small receive buffer, a slow reader, a slow writer, a small send buffer, a path of
   20 Mbit/s, losses, a short transfer over a long way, requests and answers. The verdict must be the same, and
   right, from either end.
 - The same live, where the kernel's times tell it.
 - Retransmissions, among losses, packets put out of order and doubled ones: at the sender against the kernel's own
   count for each connection; at the receiver against those that arrived, and one by one.

usage: connections_test.py   (as root; ISOTACH names the binary)
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from emulated_path import ISOTACH, Path  # noqa: E402  pylint: disable=wrong-import-position

# Runs that are judged: other programs that run at the same time also limit a transfer. One right run is enough.
TRIES = 3
# A run in which the emulator was later than this was not the path that it should have been; it is made again, and
# skipped where the machine never was idle enough.
LATEST_US = 40_000
LATEST_US_OF = {"short": 10_000}
MOST_RUNS = 10
LEAST_SHARE = 0.6

# The path, the sending end, the receiving end; what must come out.
CAUSES = {
    "rwin": (["1 both delay=10ms"], {"seconds": 2}, {"receive_buffer": 32768}, ["receiver_window"]),
    "read": (["1 both delay=2.5ms"], {"seconds": 1.5},
             {"receive_buffer": 131072, "read_bytes": 20000, "read_every_s": 0.02}, ["receiver_application"]),
    "write": (["1 both delay=2.5ms"], {"seconds": 2, "write_bytes": 20000, "write_every_s": 0.05}, {},
              ["sender_application"]),
    "sndbuf": (["1 both delay=10ms"], {"seconds": 2, "send_buffer": 32768}, {}, ["send_buffer"]),
    "rate": (["1 both delay=5ms", "1 ab rate=20mbit queue=150000"], {"seconds": 2}, {}, ["path_capacity"]),
    "loss": (["1 both delay=10ms", "1 ab loss=2% chance=tcp-data"], {"seconds": 2}, {},
             ["congestion_window", "loss"]),
    # All of it in the buffers, so that no process has to run in time; Reno, since CUBIC takes a late packet of the
    # emulator for a queue and leaves slow start.
    "short": (["1 both delay=30ms"], {"bytes": 1_000_000, "congestion": "reno", "send_buffer": 4_000_000},
              {"receive_buffer": 4_000_000}, ["slow_start"]),
    "ask": (["1 both delay=5ms"], {"seconds": 1, "write_bytes": 300, "reply": 20000}, {"reply": 20000},
            ["sender_application"]),
}

# Causes that the kernel's own times tell while they act.
LIVE = {"rwin", "write", "sndbuf", "rate"}

passed, failed, skipped = 0, 0, 0


def report(name, problem, why_not=None):
    global passed, failed, skipped  # pylint: disable=global-statement
    if why_not:
        skipped += 1
        print(f"skipped {name}: {why_not}")
    elif problem:
        failed += 1
        print(f"FAILED {name}: {problem}")
    else:
        passed += 1
        print(f"ok {name}")


def isotach(*words):
    done = subprocess.run([ISOTACH, "connections", *words], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"isotach connections {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)["connections"]


def check_capture():
    """Captures on the loopback of a namespace while a transfer passes: every packet must be counted."""
    space = f"cncapture{os.getpid() % 10000}"
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        subprocess.run(["ip", "-n", space, "link", "set", "lo", "up"], check=True)
        inside = ["ip", "netns", "exec", space]
        with subprocess.Popen([*inside, ISOTACH, "connections", "--json", "-i", "lo", "-t", "20s"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as capture:
            capture.stderr.readline()  # it has begun
            subprocess.run([*inside, sys.executable, "-c", TALK], check=True, timeout=30)
            capture.send_signal(2)
            text, _ = capture.communicate(timeout=30)
        one, = json.loads(text)["connections"]
        if capture.returncode != 0 or one["complete"] != "yes" or one["a2b"]["unique_bytes_sent"] != 1_000_000:
            return f"exit code {capture.returncode}: {one}"
    finally:
        subprocess.run(["ip", "netns", "delete", space], check=True)
    return None


# A million bytes over loopback, and a close that both sides have seen.
TALK = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
a = socket.create_connection(listener.getsockname())
b, _ = listener.accept()
for _ in range(100):
    a.sendall(b"x" * 10000)
    n = 0
    while n < 10000:
        n += len(b.recv(10000 - n))
a.shutdown(socket.SHUT_WR)
b.recv(1)
b.close()
a.recv(1)
"""


def check_cause(name, folder):
    links, source, sink, expected = CAUSES[name]
    latest_us = LATEST_US_OF.get(name, LATEST_US)
    judged = 0
    problem, late = None, None
    for _ in range(MOST_RUNS):
        cubic = {"congestion": "cubic"}
        with Path(f"cn{name}", folder, *links) as path:
            path.transfer({**cubic, **source}, {**cubic, **sink}, (lambda: live(path)) if name in LIVE else None)
        if path.counts["late_us_most"] > latest_us:
            late = f"the emulator was {path.counts['late_us_most']:.0f} us late"
            continue
        judged += 1
        problem = None
        for capture in path.captures:
            one, = isotach("--why", "--json", capture)
            why = one["why_b2a" if one["b2a"]["unique_bytes_sent"] > one["a2b"]["unique_bytes_sent"] else "why_a2b"]
            share = sum(why["shares"][limit] for limit in expected)
            if why["limit"] not in expected or share < LEAST_SHARE:
                problem = f"{why['limit']} with {why['shares']} in {os.path.basename(capture)}"
        if problem is None and name in LIVE:
            problem = live_problem(path, expected)
        if problem is None or judged == TRIES:
            break
    return name, problem, None if judged else late


def live(path):
    """What isotach says of the connections of end a, half a second long."""
    done = subprocess.run(path.on("a", ISOTACH, "connections", "--json", "--interval", "500ms"),
                          capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


def live_problem(path, expected):
    ours = [one for one in path.seen["connections"] if one["state"] == "established"]
    if len(ours) != 1 or not ours[0]["process"].startswith("python3"):
        return f"live: {ours}"
    if ours[0]["limit"] not in expected:
        return f"live: {ours[0]}"
    return None


def segments_of(capture):
    """(port of the sender, IP id or None, sequence number, length) of each segment with data from a, in order."""
    data = pathlib.Path(capture).read_bytes()
    at = 24
    while at + 16 <= len(data):
        captured = int.from_bytes(data[at + 8:at + 12], "little")
        frame = data[at + 16:at + 16 + captured]
        at += 16 + captured
        v6 = frame[12:14] == b"\x86\xdd"
        if not v6 and frame[12:14] != b"\x08\x00":
            continue
        if frame[20 if v6 else 23] != 6 or frame[35 if v6 else 28] != 0:  # TCP, from fd77::2 or 10.77.0.2
            continue
        tcp = 54 if v6 else 34
        length = (int.from_bytes(frame[18:20], "big") + 40 if v6 else int.from_bytes(frame[16:18], "big")) - tcp + 14
        length -= frame[tcp + 12] >> 4 << 2
        if length > 0:
            yield (int.from_bytes(frame[tcp:tcp + 2], "big"), int.from_bytes(frame[tcp + 4:tcp + 8], "big"), length,
                   None if v6 else int.from_bytes(frame[18:20], "big"), frame[tcp + 20:tcp + 32])


def retransmissions_that_arrived(captures):
    """By port: of the segments that were sent when their sequence number had been sent before, those in captures[1];
    and how many of these look just like new data there: they are next in order, nothing that was sent after their
    first transmission came before them, and IPv6 has no ids, by which one sees that packets are missing.
    What makes a segment itself: port, sequence number, IP id (IPv4) or timestamps (IPv6)."""
    seen, again = set(), {}
    for port, sequence, _, ident, options in segments_of(captures[0]):
        first = (port, sequence)
        if first in seen:
            again[(port, sequence, ident, options)] = False
        seen.add(first)
    arrived, hidden, ends = {}, {}, {}
    for port, sequence, length, ident, options in segments_of(captures[1]):
        key = (port, sequence, ident, options)
        end = (sequence + length) % (1 << 32)
        is_next = ends.get(port, sequence) == sequence
        if (end - ends.get(port, sequence)) % (1 << 32) < 1 << 31:
            ends[port] = end
        if again.get(key) is False:
            again[key] = True
            arrived[port] = arrived.get(port, 0) + 1
            if is_next and ident is None:
                hidden[port] = hidden.get(port, 0) + 1
    return arrived, hidden


def found_by_port(capture):
    return {int(one["host_a"].rsplit(":", 1)[1]): one["a2b"] for one in isotach("--json", capture)}


def check_retransmissions(name, folder, v6, *links):
    """For each flow: counted by the kernel, found at the sender; arrived, found at the receiver, hidden there."""
    with Path(f"cn{name}", folder, *links, v6=v6) as path:
        flows = path.transfer({"flows": 8, "bytes": 9_000_000, "congestion": "cubic"}, {"congestion": "cubic"})
    at_a, at_b = (found_by_port(capture) for capture in path.captures)
    arrived, hidden = retransmissions_that_arrived(path.captures)
    rows = []
    for flow in flows:
        port = flow["port"]
        rows.append((flow["retransmitted"], at_a[port]["rexmt_data_pkts"], arrived.get(port, 0),
                     at_b[port]["rexmt_data_pkts"], hidden.get(port, 0)))
    return name, path.counts, rows


def judge_retransmissions(runs):
    rows = []
    for name, counts, flows in runs:
        kernel, at_sender, arrived, at_receiver, hidden = (sum(column) for column in zip(*flows))
        print(f"   {name}: kernel {kernel}, at the sender {at_sender}; arrived {arrived}, at the receiver {at_receiver}, "
              f"where {hidden} look like new data; {counts['reordered']} put out of order, {counts['duplicated']} doubled")
        rows += flows
    kernel, arrived, hidden = (sum(row[column] for row in rows) for column in (0, 2, 4))
    report("at least 2,000 retransmissions by the kernel's count", kernel < 2000 and f"only {kernel}")
    report("few retransmissions look like new data at the receiver", hidden > 0.02 * arrived and f"{hidden}: {rows}")
    for end, truth, found, total in (("sender", 0, 1, kernel), ("receiver", 2, 3, arrived)):
        hidden_of = [row[4] if end == "receiver" else 0 for row in rows]
        missed = sum(max(0, row[truth] - row[found] - apart) for row, apart in zip(rows, hidden_of))
        wrong = sum(max(0, row[found] - row[truth]) for row in rows)
        report(f"at least 99.5 % found at the {end}", missed > 0.005 * total and f"{missed} missed: {rows}")
        report(f"nothing else called a retransmission at the {end}", wrong > 0 and f"{wrong} wrong: {rows}")


def main():
    global skipped  # pylint: disable=global-statement
    if os.geteuid() != 0:
        print("skipped: emulated paths need root")
        skipped += 1
        print("\n0 passed, 0 failed, 1 skipped")
        return 0
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(name)
        report("captured as it passes", check_capture())
        for cause, problem, why_not in pool.map(lambda cause: check_cause(cause, folder), CAUSES):
            report(f"what limited it: {cause}", problem, why_not)
        judge_retransmissions([
            check_retransmissions("six" if v6 else "four", folder, v6, "1 both delay=2ms",
                                  "1 ab loss=2.4% reorder=1% reorder-by=1.5ms duplicate=0.2% chance=tcp-data")
            for v6 in (False, True)])
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
