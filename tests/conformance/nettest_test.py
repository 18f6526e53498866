#!/usr/bin/env python3
"""isotach nettest and Debian's iperf3, at each end of each kind of test: both must agree on bytes and datagrams.

usage: nettest_test.py

The program is $ISOTACH, or build/isotach. Everything runs over loopback, at low rates, several tests at a time.
Ends with the line "N passed, N failed, N skipped".
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
LIMIT_S = 40
TOGETHER = 4

DIRECTIONS = {"up": [], "down": ["-R"], "both": ["--bidir"]}
PROTOCOLS = {"tcp": ["-b", "40M", "-l", "16K"], "udp": ["-u", "-b", "4M", "-l", "1000"]}


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(port, process):
    """A connection would be taken for a client: the kernel's table tells too."""
    wanted = f":{port:04X} "
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            lines = pathlib.Path(table).read_text().splitlines()[1:]
            if any(wanted in line.split()[1] + " " and line.split()[3] == "0A" for line in lines):
                return
        check(process.poll() is None, "the server ended at once")
        time.sleep(0.01)
    raise Failed("the server does not listen")


def run_client(words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S)
    check(done.returncode == 0, f"client ended with {done.returncode}: {done.stdout[-600:]} {done.stderr[-600:]}")
    return json.loads(done.stdout)


class OurServer:
    """One for all tests: it is never busy."""

    def __init__(self):
        self.process = subprocess.Popen([ISOTACH, "nettest", "-s", "-p", "0", "--json-stream"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        listening = json.loads(self.process.stdout.readline())
        self.port = int(listening["data"][0].rsplit(":", 1)[1])
        self.ends = {}
        self.arrived = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "end":
                with self.arrived:
                    self.ends[event["data"]["cookie"]] = event["data"]
                    self.arrived.notify_all()

    def end_of(self, cookie):
        with self.arrived:
            check(self.arrived.wait_for(lambda: cookie in self.ends, LIMIT_S), "the server did not tell the end")
            return self.ends[cookie]

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)


def total(end, key):
    return end[key]["bytes"], end[key].get("packets")


def compare(protocol, direction, client, server, receiver_is_ours):
    """`client` and `server` are what each end printed as "end"."""
    there = client
    sums = {"up": [""], "down": [""], "both": ["", "_bidir_reverse"]}[direction]
    for suffix in sums:
        sent, received = there["sum_sent" + suffix], there["sum_received" + suffix]
        check(sent["bytes"] > 0, f"nothing was sent {suffix}")
        check(received["bytes"] <= sent["bytes"], f"more received than sent: {received['bytes']} of {sent['bytes']}")
        ours = receiver_is_ours[suffix]
        if ours and protocol == "tcp":
            check(received["bytes"] == sent["bytes"], f"received {received['bytes']} of {sent['bytes']} {suffix}")
        if ours and protocol == "udp":
            check(received["packets"] == sent["packets"], f"{received['packets']} datagrams of {sent['packets']} {suffix}")
            arrived = received["packets"] - received["lost_packets"]
            check(arrived * 1000 == received["bytes"], f"{arrived} datagrams hold {received['bytes']} bytes")
    # A stock server prints what it did itself: not what its client told.
    own = {"up": [("sum_received", "")], "down": [("sum_sent", "")],
           "both": [("sum_received", ""), ("sum_sent", "_bidir_reverse")]}
    for key, suffix in own[direction]:
        told = [value["bytes"] for name, value in server.items() if name.startswith(key)]
        wanted = client[key + suffix]["bytes"]
        check(wanted in told, f"{key}{suffix}: client says {wanted}, server {told}")


def our_client_stock_server(protocol, direction, parallel):
    port = free_port()
    words = ["iperf3", "-s", "-1", "-J", "-B", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        wait_until_listening(port, server)
        client = run_client([ISOTACH, "nettest", "-c", "127.0.0.1", "-p", str(port), "-t", "1", "-P", str(parallel), "--json"]
                            + PROTOCOLS[protocol] + DIRECTIONS[direction])
        told = json.loads(server.communicate(timeout=LIMIT_S)[0])
    finally:
        server.kill()
        server.wait()
    check(client["end"]["peer"] == "iperf3", "the peer should be known as iperf3")
    compare(protocol, direction, client["end"], told["end"], {"": direction == "down", "_bidir_reverse": True})


def stock_client_our_server(our_server, protocol, direction, parallel):
    client = run_client(["iperf3", "-c", "127.0.0.1", "-p", str(our_server.port), "-t", "1", "-P", str(parallel), "-J"]
                        + PROTOCOLS[protocol] + DIRECTIONS[direction])
    check("error" not in client, f"iperf3 says {client.get('error')}")
    told = our_server.end_of(client["start"]["cookie"])
    compare(protocol, direction, client["end"], told, {"": direction != "down", "_bidir_reverse": False})


def ours_both(our_server, protocol, direction, parallel):
    client = run_client([ISOTACH, "nettest", "-c", "127.0.0.1", "-p", str(our_server.port), "-t", "1", "--json",
                         "-P", str(parallel)] + PROTOCOLS[protocol] + DIRECTIONS[direction])
    check(client["end"]["peer"] == "isotach", "the peer should be known as isotach")
    told = our_server.end_of(client["start"]["cookie"])
    compare(protocol, direction, client["end"], told, {"": True, "_bidir_reverse": True})


def limited(our_server, words, wanted):
    """-n and -k: to the byte."""
    client = run_client(words + ["-p", str(our_server.port)])
    end = client["end"]
    check(end["sum_sent"]["bytes"] == wanted, f"sent {end['sum_sent']['bytes']}, not {wanted}")
    check(end["sum_received"]["bytes"] == wanted, f"received {end['sum_received']['bytes']}, not {wanted}")


def engine(our_server, name, words, there):
    """Whatever moves the bytes: to the byte, and told by both ends."""
    wanted = 3000001
    words = words + ["--tx", name]
    client = run_client([ISOTACH, "nettest", "-c", "127.0.0.1", "--json", "-n", str(wanted), "-P", "3",
                         "-p", str(our_server.port)] + words)
    end = client["end"]
    for key in ("sum_sent", "sum_received"):
        check(end[key]["bytes"] == wanted, f"{key} {end[key]['bytes']}, not {wanted}")
    path = end["data_path"][there]
    check(path["sent_by"] == name, f"sent by {path}")
    copies = {"send": (1, 1), "uring": (1, 1), "sendfile": (0, 0), "splice": (0, 0), "zerocopy": (0, 1)}[name]
    check(copies[0] <= path["sent_copied_ratio"] <= copies[1], f"copied {path['sent_copied_ratio']}")
    return end


def without_copies(our_server):
    end = engine(our_server, "splice", ["--skip-rx-copy", "--cold", "50"], "host")
    there = end["data_path"]["remote"]
    check(there["received_by"] == "discard" and there["received_copied_ratio"] == 0, f"received by {there}")
    check(there["cold_buffers"] == 50, f"{there}")


def type_of_service(our_server):
    client = run_client([ISOTACH, "nettest", "-c", "127.0.0.1", "--json", "-n", "1M", "-S", "0x28", "-p", str(our_server.port)])
    check(client["end"]["data_path"]["remote"]["dscp_received"] == 10, f"{client['end']['data_path']}")


def multipath(our_server):
    client = run_client([ISOTACH, "nettest", "-c", "127.0.0.1", "--json", "-n", "1M", "-m", "-p", str(our_server.port)])
    # The kernel does not tell what of MPTCP is on its way, so a machine that stands still may cut off the end.
    check(0 < client["end"]["sum_received"]["bytes"] <= 1024 * 1024, "something should have arrived")
    for end in ("host", "remote"):
        check(client["end"]["data_path"][end]["mptcp"] is True, f"{end} should tell of MPTCP")


def same_keys(our_server):
    """Every key of iperf3's document stands in ours, with a value of the same kind."""
    kinds = (["-t", "1", "-b", "10M"], ["-t", "1", "-u"], ["-t", "1", "-u", "--bidir"], ["-t", "1", "-R", "-b", "10M"],
             ["-n", "100K", "-P", "4", "--get-server-output"], ["-n", "100K", "--bidir", "-P", "2"],
             ["-n", "100K", "-M", "1000", "-w", "100K"],
             ["-u", "-n", "10K", "-i", "0", "-P", "3"])
    server = ["-c", "127.0.0.1", "-p", str(our_server.port)]
    both = [run_client(["iperf3", "-J"] + server + words) for words in kinds]
    ours = [run_client([ISOTACH, "nettest", "--json"] + server + words) for words in kinds]

    def kind(value):
        return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__

    def walk(theirs, mine, path):
        check(kind(theirs) == kind(mine), f"{path} should be {kind(theirs)}, not {kind(mine)}")
        if isinstance(theirs, dict):
            for key, value in theirs.items():
                check(key in mine, f"{path}.{key} is missing")
                walk(value, mine[key], f"{path}.{key}")
        if isinstance(theirs, list) and theirs:
            check(mine, f"{path} is empty")
            for i, (one, other) in enumerate(zip(theirs, mine)):
                walk(one, other, f"{path}[{i}]")

    for theirs, mine in zip(both, ours):
        walk(theirs, mine, "")
    nobody = ["-c", "127.0.0.1", "-p", "1"]
    stock, mine = (subprocess.run(words + nobody, capture_output=True, text=True, timeout=LIMIT_S).stdout
                   for words in (["iperf3", "-J"], [ISOTACH, "nettest", "--json"]))
    walk(json.loads(stock), json.loads(mine), "where nobody listens")


def cases(our_server):
    for protocol in PROTOCOLS:
        for direction in DIRECTIONS:
            for parallel in (1, 3):
                name = f"{protocol} {direction} -P {parallel}"
                yield f"our client, iperf3 server: {name}", lambda a=(protocol, direction, parallel): our_client_stock_server(*a)
                yield f"iperf3 client, our server: {name}", lambda a=(protocol, direction, parallel): \
                    stock_client_our_server(our_server, *a)
                yield f"both ours: {name}", lambda a=(protocol, direction, parallel): ours_both(our_server, *a)
    mine = [ISOTACH, "nettest", "-c", "127.0.0.1", "--json"]
    stock = ["iperf3", "-c", "127.0.0.1", "-J"]
    yield "ours: -n is kept to the byte", lambda: limited(our_server, mine + ["-n", "3000001", "-P", "3"], 3000001)
    yield "ours: -n in reverse", lambda: limited(our_server, mine + ["-n", "5M", "-R"], 5 * 1024 * 1024)
    yield "ours: -k", lambda: limited(our_server, mine + ["-k", "40", "-l", "1000"], 40000)
    yield "ours: -n by UDP", lambda: limited(our_server, mine + ["-u", "-b", "20M", "-n", "200000", "-l", "1000"], 200000)
    yield "iperf3: -n", lambda: limited(our_server, stock + ["-n", "5M"], 5 * 1024 * 1024)
    for name in ("send", "sendfile", "zerocopy", "splice", "uring"):
        yield f"ours: --tx={name}", lambda n=name: engine(our_server, n, [], "host")
        yield f"ours: --tx={name} in reverse", lambda n=name: engine(our_server, n, ["-R"], "remote")
    yield "ours: no copy at either end", lambda: without_copies(our_server)
    yield "ours: the receiver tells the DSCP that arrived", lambda: type_of_service(our_server)
    if pathlib.Path("/proc/sys/net/mptcp/enabled").exists() and pathlib.Path("/proc/sys/net/mptcp/enabled").read_text() == "1\n":
        yield "ours: MPTCP", lambda: multipath(our_server)
    yield "iperf3: -Z in reverse", lambda: run_client(stock + ["-Z", "-R", "-n", "2M", "-p", str(our_server.port)])
    yield "the keys of iperf3's JSON", lambda: same_keys(our_server)
    for name, words in (("omit", ["-O", "1"]), ("window and MSS", ["-w", "256K", "-M", "1000"]),
                        ("type of service", ["-S", "0x10", "-N"]),
                        ("64-bit counters", ["-u", "--udp-counters-64bit"]), ("IPv6", ["-6"])):
        host = "::1" if name == "IPv6" else "127.0.0.1"
        yield f"iperf3: {name}", lambda w=words, h=host: \
            run_client(["iperf3", "-c", h, "-p", str(our_server.port), "-J", "-t", "1"] + w)


def main():
    if shutil.which("iperf3") is None:
        print("skip: iperf3 is not installed\n0 passed, 0 failed, 1 skipped")
        return 0
    our_server = OurServer()
    passed = failed = 0

    def run(case):
        name, test = case
        try:
            test()
            return name, None
        except (Failed, subprocess.TimeoutExpired, KeyError, ValueError) as problem:
            return name, f"{type(problem).__name__}: {problem}"

    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        for name, problem in pool.map(run, list(cases(our_server))):
            print(f"{'not ok' if problem else 'ok'} {name}" + (f"\n    {problem}" if problem else ""))
            passed += problem is None
            failed += problem is not None
    our_server.stop()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
