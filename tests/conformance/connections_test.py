#!/usr/bin/env python3
"""isotach connections against tcptrace 6.6.7 and tshark 4.0.17, field by field, on public captures.

usage: connections_test.py [FILE...]   (ISOTACH names the binary; ISOTACH_CAPTURES the folder of captures)

The captures and what both tools print of them lie beside the source tree, in ../shared/captures: files/,
expected/ and truth/. Where they are absent this test is skipped and says so.

 - --tcptrace-output must equal tcptrace in every printed field of every connection, on all captures where
   tcptrace sees the packets that are there (classes comparable and comparable_split of INDEX.tsv).
 - By default the connections, packets, data packets and data bytes of each side must equal tshark's on all
   captures, but for those that DIFFERS lists with the reason.
 - So must the flows of UDP, where tshark is installed.
 - Retransmissions must equal those that the kernel counted, seen from the sender and from the receiver.
"""
import collections
import concurrent.futures
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = pathlib.Path(os.environ.get("ISOTACH_CAPTURES", ROOT.parent / "shared" / "captures"))
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
LEAST_FIELDS = 500_000

# Fields of tcptrace that we do not reproduce: (file, connection, field) and why.
UNEQUAL = {
    ("suricata-verify__tests__transform-base64-7296__input.pcap", 3, "first"):
        "tcptrace prints a negative fraction of a second",
}

# Captures where we and tshark see different packets, and why we are right.
QUOTED = "tshark counts the segments that ICMP errors quote"
DIFFERS = {
    "arkime__tests__pcap__ospf.pcap": QUOTED,
    "nDPI__tests__cfgs__default__pcap__6in4tunnel.pcap": QUOTED,
    "tcpflow__tests__test8__image2.pcap": QUOTED,
    "suricata-verify__tests__bug-6875-01__fuzz.pcap":
        "tshark guesses another variant of the damaged file and reads its frame eight bytes too late",
    "suricata-verify__tests__firewall__tcp-session-decode-malformed-ipv4__input.pcap":
        "tshark gives a packet up for a malformed IP option; its TCP is intact",
}

# Captures whose flows of UDP are compared: tunnels, QUIC and much else.
WITH_UDP = {"arkime__tests__pcap__arkime_synthetic.pcap", "nDPI__tests__cfgs__default__pcap__quic_q50.pcap",
            "zeek__testing__btest__Traces__quic__383379789-decrypt-crash.pcap", "tcptrace__input__tcpudp.dmp"}


def run(*words):
    return subprocess.run([ISOTACH, "connections", *words], capture_output=True, text=True, errors="replace",
                          env={**os.environ, "TZ": "UTC"}, timeout=120, check=False)


def run_all(rows, *words):
    """What isotach says of each capture, in the order of the rows."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from zip(rows, pool.map(lambda row: run(*words, str(CAPTURES / "files" / row["file"])), rows))


def value(text):
    if text == "NA":
        return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d+", text):
        return float(text)
    return text


def field_name(label, units):
    name = label.replace(" ", "_").replace("/", "_")
    return f"initial_window_{units}" if name == "initial_window" else name


def read_tcptrace(text):
    """Connections of `tcptrace -l`: their heads, and what stands for both directions."""
    heads = {"first packet": "first", "last packet": "last", "elapsed time": "elapsed"}
    connections = []
    for line in text.splitlines():
        if re.match(r"TCP connection \d+:", line):
            connections.append({"a2b": {}, "b2a": {}})
            continue
        if not connections:
            continue
        one = connections[-1]
        if match := re.match(r"\thost \w+: +(\S+)", line):
            one["host_b" if "host_a" in one else "host_a"] = match[1]
        elif match := re.match(r"\tcomplete conn: (\w+)(?:\t\(SYNs: (\d)\)  \(FINs: (\d)\))?", line):
            one["complete"] = match[1]
            one["syns"], one["fins"] = (int(n) if n else 2 for n in (match[2], match[3]))
        elif match := re.match(r"\ttotal packets: (\d+)", line):
            one["packets"] = int(match[1])
        elif (match := re.match(r"\t([a-z ]+): +(.*)", line)) and match[1] in heads:
            one[heads[match[1]]] = match[2]
        elif line.startswith("     ") and line[5:23].rstrip().endswith(":"):
            head = line[5:23]
            right = line.find("     " + head, 20)
            if right < 0:
                continue
            for side, words in (("a2b", line[23:right].split()), ("b2a", line[right + 23:].split())):
                units = words[1] if len(words) > 1 else ""
                one[side][field_name(head.rstrip()[:-1], units)] = value(words[0])
    return connections


def flat(connection):
    for key, item in connection.items():
        if key == "conn":
            continue
        if isinstance(item, dict):
            for name, number in item.items():
                yield f"{key}.{name}", number
        else:
            yield key, item


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.lines = []

    def check(self, name, problems):
        if problems:
            self.failed += 1
            self.lines += [f"{name}: {problem}" for problem in problems[:5]]
        else:
            self.passed += 1


def compare_tcptrace(rows, report):
    fields = 0
    reasons = collections.Counter()
    comparable = [row for row in rows if row["class"] in ("comparable", "comparable_split")]
    for row, done in run_all(comparable, "--tcptrace-output"):
        name = row["file"]
        expected = json.loads((CAPTURES / "expected" / f"{name}.tcptrace.json").read_text())["connections"]
        ours = read_tcptrace(done.stdout)
        problems = []
        if len(ours) != len(expected):
            problems.append(f"{len(ours)} connections, tcptrace has {len(expected)}; {done.stderr[:200]}")
        for one, theirs in zip(ours, expected):
            mine = dict(flat(one))
            for field, right in flat(theirs):
                if mine.get(field, "absent") == right:
                    fields += 1
                elif (name, theirs["conn"], field) in UNEQUAL:
                    reasons[(name, theirs["conn"], field)] += 1
                else:
                    problems.append(f"{theirs['conn']} {field}: {mine.get(field)!r}, tcptrace has {right!r}")
        report.check(name, problems)
    print(f"tcptrace: {fields} fields equal, {sum(reasons.values())} known to differ")
    return fields, reasons


def side_counts(direction):
    return (direction.get("packets", 0), direction.get("data_pkts", 0), direction.get("data_bytes", 0))


def compare_tshark(rows, report):
    """Streams of tshark without regard to their direction: each side with its endpoint and counts."""
    streams = 0
    differing = set()
    for row, done in run_all(rows, "--json"):
        name = row["file"]
        expected = json.loads((CAPTURES / "expected" / f"{name}.tshark.json").read_text())
        ours = json.loads(done.stdout).get("connections", []) if done.stdout else []
        theirs = collections.Counter(
            tuple(sorted(((one["a"], *side_counts(one["a2b"])), (one["b"], *side_counts(one["b2a"])))))
            for one in expected["streams"])
        mine = collections.Counter(
            tuple(sorted(((re.sub(r"[\[\]]", "", one[host]), one[side]["total_packets"],
                           one[side]["actual_data_pkts"], one[side]["actual_data_bytes"])
                          for host, side in (("host_a", "a2b"), ("host_b", "b2a")))))
            for one in ours)
        if mine == theirs:
            streams += len(ours)
            report.check(name, [])
        elif name in DIFFERS:
            differing.add(name)
            report.check(name, [])
        else:
            report.check(name, [f"only ours {dict(mine - theirs)}, only tshark's {dict(theirs - mine)}"])
    print(f"tshark: {streams} streams equal; {len(differing)} captures differ for known reasons")
    return differing


def compare_kernel(report):
    """truth/: what each flow of iperf3 had to send again, by the counters of the kernel."""
    streams = json.loads((CAPTURES / "truth" / "iperf_loss1.json").read_text())
    ports = {one["socket"]: one["local_port"] for one in streams["start"]["connected"]}
    counted = {ports[one["sender"]["socket"]]: one["sender"]["retransmits"] for one in streams["end"]["streams"]}
    for side in ("lossa1", "lossb1"):
        done = run("--json", str(CAPTURES / "truth" / f"{side}.pcap.zst"))
        seen = {}
        problems = []
        for one in json.loads(done.stdout)["connections"]:
            port = int(one["host_a"].rsplit(":", 1)[1])
            if port in counted:
                seen[port] = one["a2b"]["rexmt_data_pkts"]
                if one["a2b"]["outoforder_pkts"]:
                    problems.append(f"{port}: calls a retransmission reordering")
        if seen != counted:
            problems.append(f"{seen}, the kernel counted {counted}")
        report.check(side, problems)
    print(f"kernel: {sum(counted.values())} retransmissions, from both sides")


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def compare_udp(rows, report):
    """Flows of UDP, those that carry tunnels too, against tshark as it is now; not what ICMP errors quote."""
    flows = 0
    for row, done in run_all([row for row in rows if row["file"] in WITH_UDP], "--udp", "--json"):
        name = row["file"]
        mine = collections.Counter({
            tuple(sorted(((endpoint(one["host_a"]), one["a2b"]["packets"]),
                          (endpoint(one["host_b"]), one["b2a"]["packets"])))): 1
            for one in json.loads(done.stdout)["flows"]})
        told = subprocess.run(["tshark", "-nqr", str(CAPTURES / "files" / name), "-z",
                               "conv,udp,!(icmp.type in {3,4,5,11,12}) && !(icmpv6.type < 128)"],
                              capture_output=True, text=True, timeout=120, check=False).stdout
        theirs = collections.Counter()
        for a, b, back, there in re.findall(r"^(\S+) +<-> (\S+) +(\d+) \d+ \w+ +(\d+) \d+ ", told, re.MULTILINE):
            theirs[tuple(sorted(((endpoint(a), int(there)), (endpoint(b), int(back)))))] += 1
        flows += len(mine)
        report.check(f"{name}, UDP", [] if mine == theirs and mine else
                     [f"only ours {dict(mine - theirs)}, only tshark's {dict(theirs - mine)}"])
    print(f"tshark: {flows} flows of UDP equal")


def main():
    if not (CAPTURES / "expected" / "INDEX.tsv").is_file():
        print(f"there are no captures in {CAPTURES}; ISOTACH_CAPTURES names another folder")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    with open(CAPTURES / "expected" / "INDEX.tsv", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    names = sys.argv[1:]
    if names:
        rows = [row for row in rows if any(name in row["file"] for name in names)]
    report = Report()
    fields, reasons = compare_tcptrace(rows, report)
    differing = compare_tshark(rows, report)
    if shutil.which("tshark"):
        compare_udp(rows, report)
    if not names:
        compare_kernel(report)
        report.check("fields", [] if fields >= LEAST_FIELDS else [f"only {fields} were compared"])
        report.check("reasons", [f"{key} is equal now" for key in UNEQUAL if key not in reasons] +
                     [f"{name} is equal now" for name in DIFFERS if name not in differing])
    for line in report.lines[:40]:
        print(line)
    print(f"{report.passed} passed, {report.failed} failed, 0 skipped")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
