"""Two network namespaces, a and b, with path_emulator between them, and TCP transfers from a to b.

As a program it is the end of a transfer, started inside a namespace:  emulated_path.py source|sink JSON
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
EMULATOR = os.environ.get("PATH_EMULATOR", str(pathlib.Path(ISOTACH).parent / "tests" / "path_emulator"))
# Sizes of buffers above the limits of the machine; the socket module does not name these.
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
DEADLINE_S = 30
TOTAL_RETRANSMITTED = 100  # offset in struct tcp_info


def run_before_others(pid, priority):
    """A path and its ends that wait for a processor are others than those that are asked for. They mostly sleep."""
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(priority))
    except PermissionError:
        pass


def run(*words):
    subprocess.run(words, check=True, capture_output=True, timeout=DEADLINE_S)


class Path:
    """with Path("name", folder, loss_ppm=1000) as path: path.transfer(...)"""

    def __init__(self, name, folder, v6=False, capture=True, **settings):
        name = f"{name}{os.getpid() % 10000}"
        self.spaces = [f"{name}-a", f"{name}-b"]
        self.taps = [f"{name}a"[:15], f"{name}b"[:15]]
        self.captures = [str(folder / f"{name}_{end}.pcap") for end in "ab"]
        self.addresses = ["fd00:77::1", "fd00:77::2"] if v6 else ["10.177.0.1", "10.177.0.2"]
        self.settings = settings
        self.capture = capture
        self.seen = None
        self.emulator = None
        self.counts = None

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.remove()
            raise
        return self

    def set_up(self):
        words = [f"{key}={value}" for key, value in self.settings.items()]
        if self.capture:
            words += [f"capture_a={self.captures[0]}", f"capture_b={self.captures[1]}"]
        # pylint: disable-next=consider-using-with
        self.emulator = subprocess.Popen([EMULATOR, *self.taps, *words], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        run_before_others(self.emulator.pid, 2)
        if self.emulator.stdout.readline().strip() != "ready":
            raise RuntimeError("path_emulator did not start")
        for space, tap, address in zip(self.spaces, self.taps, self.addresses):
            run("ip", "netns", "add", space)
            run("ip", "link", "set", tap, "netns", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
            length = "64" if ":" in address else "24"
            nodad = ["nodad"] if ":" in address else []
            run("ip", "-n", space, "address", "add", f"{address}/{length}", "dev", tap, *nodad)
            run("ip", "-n", space, "link", "set", tap, "txqueuelen", "10000", "up")

    def remove(self):
        if self.emulator:
            try:
                text, _ = self.emulator.communicate(timeout=DEADLINE_S)
                self.counts = json.loads(text) if text.strip() else None
            except subprocess.TimeoutExpired:
                self.emulator.kill()
                self.emulator.wait()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)

    def __exit__(self, *_):
        self.remove()

    def wait_for_connection(self, port):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            done = subprocess.run(["ip", "netns", "exec", self.spaces[0], "cat", "/proc/net/tcp"], check=True,
                                  capture_output=True, text=True)
            if f":{port:04X} 01 " in done.stdout:
                return
            time.sleep(0.02)

    def end(self, which, role, options):
        words = ["ip", "netns", "exec", self.spaces[which], sys.executable, __file__, role, json.dumps(options)]
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
