#!/usr/bin/env python3
"""isotach nettest and Debian's iperf (version 2), at each end: both must agree on bytes and datagrams.

usage: iperf2_test.py

The program is $ISOTACH, or build/isotach. Everything runs over loopback, by amounts rather than times. Ends with the
line "N passed, N failed, N skipped".
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
LIMIT_S = 40
AMOUNT = 3_000_000
LENGTH = 1000
COUNT = 400


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class OurServer:
    def __init__(self):
        self.process = subprocess.Popen([ISOTACH, "nettest", "-s", "-4", "-p", "0", "--json-stream"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.port = int(json.loads(self.process.stdout.readline())["data"][0].rsplit(":", 1)[1])
        self.ends = []
        self.arrived = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "end":
                with self.arrived:
                    self.ends.append(event["data"])
                    self.arrived.notify_all()

    def take(self, count):
        with self.arrived:
            check(self.arrived.wait_for(lambda: len(self.ends) >= count, LIMIT_S), "the server did not tell the end")
            ends, self.ends = self.ends, []
            return ends

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)


class StockServer:
    """iperf -s, which prints each line as it comes."""

    def __init__(self, udp):
        self.port = free_port(socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        words = ["iperf", "-s", "-p", str(self.port), "-B", "127.0.0.1", "-f", "b"] + (["-u"] if udp else [])
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.text = ""
        self.arrived = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        table = "/proc/net/udp" if udp else "/proc/net/tcp"
        deadline = time.monotonic() + LIMIT_S
        while f":{self.port:04X} 00000000:0000 {'07' if udp else '0A'}" not in pathlib.Path(table).read_text():
            check(self.process.poll() is None and time.monotonic() < deadline, f"iperf does not listen: {self.text}")
            time.sleep(0.01)

    def read(self):
        for line in self.process.stdout:
            with self.arrived:
                self.text += line
                self.arrived.notify_all()

    def wait_for(self, pattern):
        with self.arrived:
            check(self.arrived.wait_for(lambda: re.search(pattern, self.text), LIMIT_S), f"no /{pattern}/ in: {self.text}")
            return re.search(pattern, self.text)

    def stop(self):
        self.process.kill()
        self.process.wait(LIMIT_S)


def stock_client(server, words):
    done = subprocess.run(["iperf", "-c", "127.0.0.1", "-p", str(server.port), "-f", "b"] + words, capture_output=True, text=True,
                          timeout=LIMIT_S)
    check(done.returncode == 0, f"iperf ended with {done.returncode}: {done.stdout} {done.stderr}")
    return done.stdout


def our_client(port, words):
    done = subprocess.run([ISOTACH, "nettest", "-c", "127.0.0.1", "--iperf2", "-p", str(port), "--json"] + words,
                          capture_output=True, text=True, timeout=LIMIT_S)
    check(done.returncode == 0, f"ended with {done.returncode}: {done.stdout[-400:]} {done.stderr}")
    return json.loads(done.stdout)["end"]


def tcp_to_us(server):
    stock_client(server, ["-n", str(AMOUNT)])
    end, = server.take(1)
    check(end["sum_received"]["bytes"] == AMOUNT, f"{end['sum_received']['bytes']} bytes of {AMOUNT}")
    check(end["peer"] == "iperf2", f"the peer is {end['peer']}")


def streams_to_us(server):
    stock_client(server, ["-n", str(AMOUNT), "-P", "3"])
    ends = server.take(3)
    for end in ends:
        check(end["sum_received"]["bytes"] == AMOUNT, f"{end['sum_received']['bytes']} bytes of {AMOUNT}")


def tcp_from_us(server):
    text = stock_client(server, ["-t", "1", "-R"])
    end, = server.take(1)
    sent = end["sum_sent"]["bytes"]
    received = int(re.findall(r"sec\s+(\d+) Bytes", text)[-1])
    # What is in flight when its time is over, the client does not read any more.
    check(0 < received <= sent, f"the client received {received} of {sent}")


def udp_to_us(server):
    text = stock_client(server, ["-u", "-n", str(LENGTH * COUNT), "-l", str(LENGTH), "-b", "20m"])
    sent = int(re.search(r"Sent (\d+) datagrams", text)[1])
    check("Server Report" in text, f"the client should show our report: {text}")
    lost, whole = map(int, re.findall(r"(\d+)/(\d+) \(", text)[-1])
    end, = server.take(1)
    told = end["sum"]
    check((told["lost_packets"], told["packets"]) == (lost, whole), f"{told}, but the client says {lost}/{whole}")
    check(whole in (sent, sent - 1), f"{whole} datagrams of {sent}")
    check(end["sum_received"]["bytes"] == (whole - lost) * LENGTH, f"{end['sum_received']['bytes']} bytes")


def tcp_to_stock(_server):
    stock = StockServer(False)
    try:
        end = our_client(stock.port, ["-n", str(AMOUNT)])
        check(end["sum_sent"]["bytes"] == AMOUNT, f"sent {end['sum_sent']['bytes']}")
        check("sum_received" not in end, "nobody told what was received")
        received = int(stock.wait_for(r"sec\s+(\d+) Bytes")[1])
        check(received == AMOUNT, f"iperf received {received}")
    finally:
        stock.stop()


def tcp_from_stock(_server):
    stock = StockServer(False)
    try:
        end = our_client(stock.port, ["-t", "0.5", "-R"])
        sent = int(stock.wait_for(r"sec\s+(\d+) Bytes")[1])
        received = end["sum_received"]["bytes"]
        check(0 < received <= sent, f"received {received} of {sent}")
    finally:
        stock.stop()


def udp_to_stock(_server):
    stock = StockServer(True)
    try:
        end = our_client(stock.port, ["-u", "-n", str(LENGTH * COUNT), "-l", str(LENGTH), "-b", "20M"])
        found = stock.wait_for(r"sec\s+(\d+) Bytes.*?(\d+)/\s*(\d+) \(")
        bytes_received, lost, whole = map(int, found.groups())
        check(whole == COUNT + 1 == end["sum_sent"]["packets"], f"{end['sum_sent']}, but iperf says {whole}")
        check(end["sum"]["lost_packets"] == lost, f"{end['sum']['lost_packets']} lost, but iperf says {lost}")
        check(end["sum_received"]["bytes"] == bytes_received, f"{end['sum_received']['bytes']}, but iperf says {bytes_received}")
    finally:
        stock.stop()


def both_ours(server):
    end = our_client(server.port, ["-u", "-n", str(LENGTH * COUNT), "-l", str(LENGTH), "-b", "20M"])
    there, = server.take(1)
    for key in ("packets", "lost_packets"):
        check(end["sum"][key] == there["sum"][key], f"{key}: {end['sum'][key]} here, {there['sum'][key]} there")
    check(end["sum"]["packets"] == COUNT + 1, f"{end['sum']['packets']} datagrams")


def refused(server):
    """The server would have to connect to the client, which gets its answer at once."""
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as connection:
        connection.sendall(bytes.fromhex("c001007800000001000017 0d000003e8".replace(" ", "")) + bytes(44))
        check(connection.recv(1) == b"", "the connection should be closed")


CASES = {"iperf client, our server: TCP": tcp_to_us, "iperf client, our server: three streams": streams_to_us,
         "iperf client, our server: TCP in reverse": tcp_from_us, "iperf client, our server: UDP": udp_to_us,
         "our client, iperf server: TCP": tcp_to_stock, "our client, iperf server: TCP in reverse": tcp_from_stock,
         "our client, iperf server: UDP": udp_to_stock, "both ours: UDP": both_ours,
         "our server: what it cannot do is refused": refused}


def main():
    if shutil.which("iperf") is None:
        print("skip: iperf is not installed\n0 passed, 0 failed, 1 skipped")
        return 0
    server = OurServer()
    passed = failed = 0
    for name, test in CASES.items():
        try:
            test(server)
            print(f"ok {name}")
            passed += 1
        except (Failed, OSError, subprocess.TimeoutExpired, KeyError, ValueError, TypeError) as problem:
            print(f"not ok {name}\n    {type(problem).__name__}: {problem}")
            failed += 1
    server.stop()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
