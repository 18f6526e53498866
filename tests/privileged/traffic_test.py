#!/usr/bin/env python3
"""isotach traffic counts exactly: two network namespaces of the test's own with a veth pair between them.

What is sent, what the kernel's interfaces counted, what each way of counting counted, and the sum of its flows
must be the same, to the packet and the byte.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
# pylint: disable=wrong-import-position
from traffic_pair import FRAMES, PROBE, Pair, Probe, interface, run  # noqa: E402

KINDS = 30  # frames in a round of `traffic_frames kinds`

passed = failed = skipped = 0


class Wrong(Exception):
    pass


class Skip(Exception):
    pass


def expect(condition, words):
    if not condition:
        raise Wrong(words)


def exact(found, name="right"):
    """Kernel, count and flows agree."""
    row = interface(found, name)
    expect(row["carried"]["in"] == row["kernel"]["in"], f"carried {row['carried']}, the kernel {row['kernel']}")
    # What goes out is cut into segments before or after the driver counts it.
    expect(row["kernel"]["out"] in (row["carried"]["out"], row["counted"]["out"]),
           f"carried {row['carried']}, counted {row['counted']}, the kernel {row['kernel']}")
    expect(row["not_accounted"] == [0, 0], f"not accounted {row['not_accounted']}")
    expect(found["in_flows"] == found["counted"], f"flows {found['in_flows']}, counted {found['counted']}")
    for way in ("in", "out"):
        for what in (0, 1):
            total = row["counted"][way][what]
            kinds = sum(row[kind][way][what] for kind in ("IPv4", "IPv6", "ARP", "not IP"))
            ip = sum(row[kind][way][what] for kind in ("TCP", "UDP", "ICMP", "ICMPv6", "other IP"))
            expect(kinds == total, f"protocols are {kinds} of {total}")
            expect(ip == row["IPv4"][way][what] + row["IPv6"][way][what], "protocols over IP are not all of IP")
            expect(row["sizes"][way][what] == total, "sizes are not the total")
            expect(row["casts"][way][what] == total, "unicast and the others are not the total")
    return row


def needs_bpf():
    with Pair() as pair, Probe(pair.b, "--method", "bpf") as probe:
        if probe.method is None:
            raise Skip(probe.error.strip())


def words_of(method):
    return ("--tracepoints",) if method == "tracepoints" else ("--method", method)


def frames_of_every_kind(method):
    with Pair() as pair, Probe(pair.b, *words_of(method)) as probe:
        frames, size = pair.send("kinds", 100)
        row = exact(probe.settled(frames))
        # Tags that the kernel carried beside the frame are counted with it: those of 802.1Q and 802.1ad.
        expect(row["counted"]["in"] == [frames, size], f"sent {frames} and {size}, counted {row['counted']['in']}")
        expect(row["malformed"] > 0 and row["fragments"] == 400, f"{row['malformed']} {row['fragments']}")
        return {key: row[key] for key in row if key not in ("kernel", "counted")}


def both_ways_count_the_same():
    needs_bpf()
    bpf, ring = frames_of_every_kind("bpf"), frames_of_every_kind("ring")
    traced = frames_of_every_kind("tracepoints")
    for key, value in bpf.items():
        expect(traced[key] == value, f"{key}: bpf {value}, at tracepoints {traced[key]}")
        expect(ring[key] == value, f"{key}: bpf {value}, ring {ring[key]}")


def floods(method):
    with Pair() as pair, Probe(pair.b, *words_of(method)) as probe:
        sent = size = 0
        for flows, version in ((1000, "v4"), (1000, "v6"), (30000, "v4"), (30000, "v6")):
            frames, more = pair.send("flood", 200_000, flows, version)
            sent, size = sent + frames, size + more
            found = probe.settled(sent)
            row = interface(found, "right")
            if method == "ring" and row["dropped"]:
                # A ring may be too slow. Then it says so, and how much.
                expect(row["counted"]["in"][0] + row["dropped"] == sent, f"{row} of {sent}")
                return
            row = exact(found)
            expect(row["counted"]["in"] == [sent, size], f"sent {sent}, {size}: {row['counted']}")
        expect(found["overflow"] == {"in": [0, 0], "out": [0, 0]}, f"overflow {found['overflow']}")
        expect(found["flows_seen"] >= 60_000, f"{found['flows_seen']} flows")


def sums_hold_in_every_snapshot():
    needs_bpf()
    with Pair() as pair, Probe(pair.b, "--method", "bpf", "--flows", "20000") as probe:
        sender = threading.Thread(target=pair.send, args=("flood", 600_000, 30_000))
        sender.start()
        last = reads = 0
        kernel = 0
        differences = []
        while sender.is_alive():
            time.sleep(0.1)
            found = probe.read()
            row = interface(found, "right")
            grown = row["kernel"]["in"][0] - kernel
            if grown > 10_000 and reads:
                differences.append(abs(row["counted"]["in"][0] - last - grown) / grown)
            kernel = row["kernel"]["in"][0]
            expect(found["in_flows"] == found["counted"], f"flows {found['in_flows']}, counted {found['counted']}")
            counted = found["counted"]["in"][0]
            expect(counted >= last, "counted went back")
            last, reads = counted, reads + 1
        sender.join()
        exact(probe.settled(600_000))
        expect(reads > 3, f"only {reads} snapshots")
        # Only a reading that had to wait for a processor between the kernel's counters and ours may differ.
        differences.sort()
        half = differences[len(differences) // 2] if differences else 0
        print(f"    growth beside the interface's counters: median {half:.3%}, largest {max(differences, default=0):.3%} "
              f"of {len(differences)} intervals")
        expect(half < 0.005, f"half of the intervals differ by more than {half:.2%}")


def million_distinct_flows():
    needs_bpf()
    with Pair() as pair, Probe(pair.b, "--method", "bpf", "--flows", "4096") as probe:
        first = probe.read()["memory_kib"]
        for turn in range(1, 5):
            pair.send("flood", 300_000, 1_000_000)
            found = probe.settled(turn * 300_000)
            exact(found)
            exact(probe.read())  # nothing came: rows make room
        expect(found["flow_rows"] <= 4096, f"{found['flow_rows']} rows")
        expect(found["overflow"]["in"][0] > 0 and found["ended"]["in"][0] > 0, f"the rest is {found}")
        grown = found["memory_kib"] - first
        expect(grown < 32_000, f"memory grew by {grown} KiB")


IN_NAMESPACE = """
import os, socket, sys
fd = os.open('/run/netns/' + sys.argv[1], os.O_RDONLY)
import ctypes
ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000)
"""
SERVER = IN_NAMESPACE + """
server = socket.create_server(('10.99.0.2', 7000), backlog=256)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(('10.99.0.2', 7001))
print('listening', flush=True)
import select
count = int(sys.argv[2])
while count:
    ready, _, _ = select.select([server, udp], [], [], 30)
    if not ready: break
    if udp in ready:
        data, peer = udp.recvfrom(65536)
        udp.sendto(data[:100], peer)
        count -= 1
    if server in ready:
        connection, _ = server.accept()
        while connection.recv(1 << 20): pass
        connection.sendall(b'y' * 3000)
        connection.close()
        count -= 1
"""
CLIENT = IN_NAMESPACE + """
import time
size = int(sys.argv[2])
with socket.create_connection(('10.99.0.2', 7000)) as c:
    left = size
    block = b'x' * 65536
    while left > 0:
        c.sendall(block[:min(left, 65536)]); left -= 65536
    c.shutdown(socket.SHUT_WR)
    while c.recv(65536): pass
"""
CLIENTS = IN_NAMESPACE + """
for i in range(int(sys.argv[2])):
    pid = os.fork()
    if pid == 0:
        with open('/proc/self/comm', 'w') as f: f.write('shortlived')
        if i % 2:
            with socket.create_connection(('10.99.0.2', 7000)) as c:
                c.sendall(b'x' * 2000); c.shutdown(socket.SHUT_WR)
                while c.recv(65536): pass
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(10)
                s.sendto(b'q' * 1200, ('10.99.0.2', 7001)); s.recv(2000)
        os._exit(0)
    os.waitpid(pid, 0)
"""


class Server:
    def __init__(self, space, count):
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, space, str(count)], stdout=subprocess.PIPE,
                                        text=True)
        expect(self.process.stdout.readline() == "listening\n", "the server did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def python(script, *words):
    run(sys.executable, "-c", script, *map(str, words))


def sent_again_bytes(namespace):
    """Payload at most, by what the kernel counts since the namespace was made."""
    said = run("ip", "netns", "exec", namespace, "cat", "/proc/net/snmp")
    names, values = [line.split() for line in said.splitlines() if line.startswith("Tcp:")]
    return int(values[names.index("RetransSegs")]) * 1448


def segmentation(method):
    """What GSO and GRO carry as one counts as what the wire would have carried."""
    size = 20_000_000
    with Pair() as pair:
        with Server(pair.b, 1), Probe(pair.b, *words_of(method)) as probe:
            python(CLIENT, pair.a, size)
            found = probe.settled(size // 1448, flows=True)
            row = interface(found, "right")
            for _ in range(20):
                if row["carried"] == row["kernel"] or row["dropped"]:
                    break
                time.sleep(0.02)
                found = probe.read(flows=True)
                row = interface(found, "right")
            if row["dropped"]:
                raise Skip("the ring was too slow for this machine's load")
            row = exact(found)
            packets, octets = row["TCP"]["in"]
            expect(packets > row["carried"]["in"][0] * 2, f"no GSO packets: {packets} of {row['carried']['in'][0]}")
            # Each segment but those without payload has 66 bytes of heads: Ethernet, IPv4, TCP with timestamps. What
            # is sent again may be counted twice, none may be missing. The SYN's options are longer.
            payload, again = octets - packets * 66 - 8, sent_again_bytes(pair.a)
            expect(size <= payload <= size + again, f"{payload} bytes of payload, sent {size}, again {again}")
            if method == "ring":
                return  # a ring asks for sockets when it is read, and this one has closed
            flow = next(f for f in found["flows"] if f["local"] == "10.99.0.2:7000")
            expect(flow["rtt_ns"] > 0 and flow["retransmits"] >= 0, f"{flow}")
            expect(flow["owner"].startswith("python3"), flow["owner"])
        # Cut by the sender instead, nothing is put together: the same count without segmentation.
        run("ip", "netns", "exec", pair.a, "ethtool", "-K", "left", "tso", "off", "gso", "off", "gro", "off")
        run("ip", "netns", "exec", pair.b, "ethtool", "-K", "right", "tso", "off", "gso", "off", "gro", "off")
        with Server(pair.b, 1), Probe(pair.b, *words_of(method)) as probe:
            python(CLIENT, pair.a, size)
            row = exact(probe.settled(size // 1448))
            expect(row["carried"]["in"] == row["counted"]["in"], "there were GSO packets all the same")
            payload = row["TCP"]["in"][1] - row["TCP"]["in"][0] * 66 - 8
            again = sent_again_bytes(pair.a) - again
            expect(size <= payload <= size + again, f"{payload} bytes of payload, sent {size}, again {again}")


def processes():
    """Short connections and datagrams of processes that have ended: 99.9 % of the bytes belong to a process."""
    needs_bpf()
    with Pair() as pair, Server(pair.b, 200), Probe(pair.a, "--method", "bpf") as client, \
            Probe(pair.b, "--method", "bpf") as server:
        python(CLIENTS, pair.a, 200)
        for probe, name in ((client, "shortlived"), (server, "python3")):
            found = probe.read()
            by_name = {}
            for owner in found["owners"]:
                traffic = owner["traffic"]
                sum_bytes = traffic["in"][1] + traffic["out"][1]
                key = name if owner["command"].startswith(name) else owner["command"]
                by_name[key] = by_name.get(key, 0) + sum_bytes
            counted = found["counted"]["in"][1] + found["counted"]["out"][1]
            expect(sum(by_name.values()) == counted, f"{by_name} of {counted}")
            arp = sum(interface(found, link)["ARP"][way][1] for link in ("left", "right") for way in ("in", "out")
                      if any(row["name"] == link for row in found["interfaces"]))
            share = by_name.get(name, 0) / (counted - arp)
            if name == "shortlived":
                # They took that name after they had begun, but before they made a socket.
                share = sum(value for key, value in by_name.items()
                            if key in ("shortlived", "python3") or key.startswith("python3")) / (counted - arp)
                expect(by_name.get("shortlived", 0) > 0.99 * (counted - arp), f"{by_name}")
            expect(share >= 0.999, f"{share:.5f} of the bytes belong to {name}: {by_name}")


def gone_with_the_process():
    needs_bpf()
    with Pair() as pair:
        others = set(bpf_ids())
        probe = Probe(pair.b, "--method", "bpf")
        before = set(bpf_ids()) - others
        expect(before, "no program is loaded")
        children = pathlib.Path(f"/proc/{probe.process.pid}/task/{probe.process.pid}/children")
        # `ip netns exec` becomes the probe: there is no process between.
        expect(not children.exists() or not children.read_text().strip(), "the probe has children")
        probe.process.send_signal(signal.SIGKILL)
        probe.process.wait(timeout=10)
        for file in (probe.process.stdin, probe.process.stdout, probe.process.stderr):
            file.close()
        deadline = time.monotonic() + 5
        while before & set(bpf_ids()):
            expect(time.monotonic() < deadline, "programs are still there")
            time.sleep(0.02)
        expect("clsact" not in run("ip", "netns", "exec", pair.b, "tc", "qdisc", "show"), "a qdisc was left behind")


def bpf_ids():
    programs = json.loads(run("bpftool", "-j", "prog", "show"))
    return [program["id"] for program in programs if program.get("name", "").startswith("count_")]


def fallbacks():
    with Pair() as pair:
        some = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+net_raw",
                "--ambient-caps=-all,+net_raw")
        with Probe(pair.b, before=some) as probe:
            expect(probe.method == "ring", f"with CAP_NET_RAW: {probe.method}")
            frames, size = pair.send("kinds", 10)
            row = exact(probe.settled(frames))
            expect(row["counted"]["in"] == [frames, size], f"{row['counted']}")
        words = probe_words(pair.b, some)
        expect("cap_bpf" in words, f"it does not say what to type: {words}")
        none = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
        with Probe(pair.b, before=none) as probe:
            expect(probe.method == "counters", f"without capabilities: {probe.method}")
            frames, size = pair.send("kinds", 10)
            row = interface(probe.read(), "right")
            expect(row["kernel"]["in"] == [frames, size], f"{row['kernel']}")
        with Probe(pair.b, "--method", "bpf", before=none) as probe:
            expect(probe.method is None and "cap_bpf" in probe.error, probe.method or probe.error)
        with Probe(pair.b, "--method", "ring", before=none) as probe:
            expect(probe.method is None and "cap_net_raw" in probe.error, probe.method or probe.error)


def probe_words(space, before):
    return subprocess.run(["ip", "netns", "exec", space, *before, PROBE], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30, check=True).stderr


def filters():
    with Pair() as pair:
        with Probe(pair.b, "--filter", "udp port 9000 and src port 1000") as probe:
            expect(probe.method == "ring", f"{probe.method}")
            frames, _ = pair.send("kinds", 20)
            deadline = time.monotonic() + 3
            while True:
                row = interface(probe.read(), "right")
                if row["counted"]["in"][0] >= 20 or time.monotonic() > deadline:
                    break
            expect(row["counted"]["in"][0] == 20, f"{row['counted']} of {frames}")
            expect("not_accounted" not in row, "what a filter leaves out is not missing")
        with Probe(pair.b, "--filter", "udp prot 9000") as probe:
            expect(probe.method is None and "not understood" in probe.error, f"{probe.method}")
        with Probe(pair.b, "wrong") as probe:
            expect(probe.method is None and "no interface wrong" in probe.error, f"{probe.method}")


def interfaces_that_come_and_go():
    needs_bpf()
    for method in ("bpf", "ring"):
        with Pair() as pair, Probe(pair.b, "--method", method) as probe:
            run("ip", "-n", pair.a, "link", "add", "left2", "type", "veth", "peer", "name", "right2", "netns", pair.b)
            run("ip", "-n", pair.a, "link", "set", "left2", "up")
            run("ip", "-n", pair.b, "link", "set", "right2", "up")
            probe.read()
            run("ip", "netns", "exec", pair.a, FRAMES, "left2", "kinds", "10")
            found = probe.settled(KINDS * 10, "right2")
            exact(found, "right2")
            run("ip", "-n", pair.b, "link", "del", "right2")
            for _ in range(4):
                found = probe.read()
            row = interface(found, "right2")
            expect(row["counted"]["in"][0] == KINDS * 10, f"{row['counted']}")
            expect(found["in_flows"] == found["counted"], "sums do not hold")


TESTS = [
    ("frames of every kind, by BPF and by a ring", both_ways_count_the_same),
    ("floods of 1,000 and of 60,000 flows, by BPF", lambda: (needs_bpf(), floods("bpf"))),
    ("floods of 1,000 and of 60,000 flows, by a ring", lambda: floods("ring")),
    ("floods of 1,000 and of 60,000 flows, at tracepoints", lambda: (needs_bpf(), floods("tracepoints"))),
    ("sums hold in every snapshot under load", sums_hold_in_every_snapshot),
    ("a million distinct flows in bounded memory", million_distinct_flows),
    ("GSO and GRO, by BPF", lambda: (needs_bpf(), segmentation("bpf"))),
    ("GSO and GRO, at tracepoints", lambda: (needs_bpf(), segmentation("tracepoints"))),
    ("GSO and GRO, by a ring", lambda: segmentation("ring")),
    ("processes that have ended", processes),
    ("nothing stays behind after kill -9", gone_with_the_process),
    ("with fewer rights", fallbacks),
    ("filters", filters),
    ("interfaces that come and go", interfaces_that_come_and_go),
]


def main():
    global passed, failed, skipped
    if os.geteuid() != 0:
        print("skip: needs root")
        print(f"0 passed, 0 failed, {len(TESTS)} skipped")
        return 0
    for name, test in TESTS:
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        started = time.monotonic()
        try:
            test()
            passed += 1
            print(f"ok: {name} ({time.monotonic() - started:.1f} s)", flush=True)
        except Skip as reason:
            skipped += 1
            print(f"skip: {name}: {reason}", flush=True)
        except (Wrong, subprocess.SubprocessError, OSError, ValueError, StopIteration) as problem:
            failed += 1
            words = getattr(problem, "stderr", None)
            print(f"not ok: {name}: {problem!r} {words or ''}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
