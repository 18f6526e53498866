"""Hosts a and b of a path of isotach lab net, and TCP transfers from a to b.

As a program it is the end of a transfer, started on a host:  emulated_path.py source|sink JSON
"""
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
# Sizes of buffers above the limits of the machine; the socket module does not name these.
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
DEADLINE_S = 30
TOTAL_RETRANSMITTED = 100  # offset in struct tcp_info


def run_before_others(pid, priority):
    """Ends that wait for a processor are others than those that are asked for. They mostly sleep."""
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(priority))
    except PermissionError:
        pass


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=DEADLINE_S).stdout


class Path:
    """with Path("name", folder, "1 both delay=10ms", "1 ab loss=1%") as path: path.transfer(...)

    One link between the hosts, whose frames are captured at both ends; words as isotach lab net takes them."""

    def __init__(self, name, folder, *links, v6=False, seed=1):
        self.name = f"{name}-{os.getpid()}"
        self.folder = folder / name
        self.captures = [str(self.folder / f"{end}.pcap") for end in "ab"]
        self.addresses = ["fd77::2", "fd77::9:2"] if v6 else ["10.77.0.2", "10.77.9.2"]
        self.words = ["--links", "1", "--seed", str(seed), "--for", "10m", "--capture", str(self.folder)]
        self.words += [word for link in links for word in ("--link", link)]
        self.seen = None
        self.counts = None

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        run(ISOTACH, "lab", "net", "up", self.name, *self.words)
        return self

    def __exit__(self, *_):
        if self.counts is None:
            self.count()
        run(ISOTACH, "lab", "net", "down", self.name)

    def count(self):
        """What the path did to packets from a to b, and how late at most it carried any."""
        shown = json.loads(run(ISOTACH, "lab", "net", "show", self.name, "--json"))
        self.counts = {**shown["links"][0], "late_us_most": shown["lateness_ns"]["max"] / 1000,
                       "capture_lost": sum(port["capture_lost"] for port in shown["ports"])}

    def on(self, host, *words):
        return [ISOTACH, "lab", "net", "run", self.name, host, "--", *words]

    def wait_for_connection(self, port):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            if f":{port:04X} 01 " in run(*self.on("a", "cat", "/proc/net/tcp")):
                return
            time.sleep(0.02)

    def end(self, which, role, options):
        words = self.on("ab"[which], sys.executable, __file__, role, json.dumps(options))
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def transfer(self, source=None, sink=None, during=None):
        """One run from a to b; gives what the source says at the end: retransmissions, by the kernel's count.
        `during` is called once the connection is there, and its result kept as self.seen."""
        source, sink = dict(source or {}), dict(sink or {})
        sink["address"] = source["address"] = self.addresses[1]
        with self.end(1, "sink", {"flows": source.get("flows", 1), **sink}) as receiver:
            try:
                source["port"] = int(receiver.stdout.readline())
                with self.end(0, "source", source) as sender:
                    if during:
                        self.wait_for_connection(source["port"])
                        self.seen = during()
                    text, _ = sender.communicate(timeout=DEADLINE_S)
                receiver.communicate(timeout=DEADLINE_S)
            finally:
                receiver.kill()
        return json.loads(text)


def set_options(sock, options):
    if "send_buffer" in options:
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, options["send_buffer"])
    if "receive_buffer" in options:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, options["receive_buffer"])
    if "congestion" in options:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, options["congestion"].encode())


def family_of(options):
    return socket.AF_INET6 if ":" in options["address"] else socket.AF_INET


def sink(options):
    """Reads until all flows end: `read_bytes` every `read_every_s` where given, else as fast as it can."""
    listener = socket.socket(family_of(options))
    set_options(listener, options)
    listener.bind((options["address"], 0))
    listener.listen(64)
    listener.settimeout(DEADLINE_S)
    print(listener.getsockname()[1], flush=True)
    socks = [listener.accept()[0] for _ in range(options["flows"])]
    pids = []
    for sock in socks:
        pid = os.fork()
        if pid == 0:
            sock.settimeout(DEADLINE_S)
            while data := sock.recv(options.get("read_bytes", 1 << 18)):
                if "reply" in options:
                    sock.sendall(b"r" * options["reply"])
                if "read_every_s" in options:
                    time.sleep(options["read_every_s"])
                del data
            os._exit(0)
        pids.append(pid)
        sock.close()
    for pid in pids:
        os.waitpid(pid, 0)


def send_all(sock, options):
    deadline = time.monotonic() + options.get("seconds", DEADLINE_S)
    left = options.get("bytes", 1 << 40)
    chunk = b"x" * options.get("write_bytes", 1 << 16)
    while left > 0 and time.monotonic() < deadline:
        sock.sendall(chunk[:left])
        left -= len(chunk)
        if "reply" in options:
            need = options["reply"]
            while need > 0:
                need -= len(sock.recv(need))
        if "write_every_s" in options:
            time.sleep(options["write_every_s"])


def source(options):
    """`bytes`, or for `seconds`, on each of `flows` connections; then prints what the kernel counted."""
    results = []
    for _ in range(options.get("flows", 1)):
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            sock = socket.socket(family_of(options))
            set_options(sock, options)
            sock.settimeout(DEADLINE_S)
            sock.connect((options["address"], options["port"]))
            port = sock.getsockname()[1]
            send_all(sock, options)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)  # the other side has all, and closes
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            count = struct.unpack_from("I", info, TOTAL_RETRANSMITTED)[0]
            os.write(theirs, json.dumps({"port": port, "retransmitted": count}).encode())
            os._exit(0)
        os.close(theirs)
        results.append((pid, ours))
    flows = []
    for pid, ours in results:
        text = os.read(ours, 4096)
        os.waitpid(pid, 0)
        flows.append(json.loads(text) if text else None)
    print(json.dumps(flows))


if __name__ == "__main__":
    run_before_others(0, 1)
    {"source": source, "sink": sink}[sys.argv[1]](json.loads(sys.argv[2]))
