#!/usr/bin/env python3
"""A UDP test begins although three of ten datagrams of its set-up are lost, in each direction.

usage: nettest_udp_setup_test.py [ROUNDS]

Between client and server stands a relay that loses hellos and their answers by chance (of a fixed seed). The client
repeats its hello for five seconds; a round passes when the test has begun within them and both ends agree on what
was sent. The program is $ISOTACH, or build/isotach. Ends with the line "N passed, N failed, N skipped".
"""
import concurrent.futures
import json
import os
import pathlib
import random
import selectors
import socket
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
LOSS = 0.3
TOGETHER = 4
LIMIT_S = 60


class Relay:
    """TCP and UDP of one port, on to those of the server."""

    def __init__(self, server_port):
        self.server = ("127.0.0.1", server_port)
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.chance = random.Random(6)
        self.lost = 0
        self.poller = selectors.DefaultSelector()
        self.poller.register(self.tcp, selectors.EVENT_READ, self.accept)
        self.poller.register(self.udp, selectors.EVENT_READ, self.from_client)
        self.beyond = {}  # client's address: our socket towards the server
        self.over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            for key, _ in self.poller.select(0.2):
                try:
                    key.data(key.fileobj)
                except OSError:
                    pass

    def accept(self, _):
        near, _ = self.tcp.accept()
        far = socket.create_connection(self.server)
        for one, other in ((near, far), (far, near)):
            self.poller.register(one, selectors.EVENT_READ, lambda source, target=other: self.copy(source, target))

    def copy(self, source, target):
        data = b""
        try:
            data = source.recv(65536)
            if data:
                target.sendall(data)
        except OSError:
            data = b""
        if data:
            return
        for end in (source, target):
            try:
                self.poller.unregister(end)
            except (KeyError, ValueError):
                pass
            end.close()

    def is_lost(self, datagram):
        if datagram[:4] not in (b"9876", b"6789") or self.chance.random() >= LOSS:
            return False
        self.lost += 1
        return True

    def from_client(self, _):
        data, client = self.udp.recvfrom(65536)
        if self.is_lost(data):
            return
        far = self.beyond.get(client)
        if far is None:
            far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            far.connect(self.server)
            self.beyond[client] = far
            self.poller.register(far, selectors.EVENT_READ, lambda source: self.from_server(source, client))
        far.send(data)

    def from_server(self, far, client):
        data = far.recv(65536)
        if not self.is_lost(data):
            self.udp.sendto(data, client)


def one_round(port, options):
    words = [ISOTACH, "nettest", "-c", "127.0.0.1", "-p", str(port), "-u", "-l", "200", "-b", "1M", "-n", "2000",
             "--json", *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        return done.stderr.strip() or f"exit code {done.returncode}"
    end = json.loads(done.stdout)["end"]
    return None if end["complete"] else "the ends did not exchange their results"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    server = subprocess.Popen([ISOTACH, "nettest", "-s", "-4", "-p", "0"], stderr=subprocess.PIPE, text=True,
                              stdout=subprocess.DEVNULL)
    try:
        line = server.stderr.readline()
        relay = Relay(int(line.split("127.0.0.1:")[1].split(";")[0]))
        ways = ([], ["-P", "3"], ["-R"], ["--bidir"])
        with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
            problems = list(pool.map(lambda i: one_round(relay.port, ways[i % len(ways)]), range(rounds)))
        failed = [problem for problem in problems if problem]
        for problem in failed:
            print("not ok", problem)
        print(f"{relay.lost} datagrams of the set-up were lost")
        relay.over = True
        relay.thread.join()
    finally:
        server.kill()
        server.wait()
    print(f"{rounds - len(failed)} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
