"""Transfers that are slow for a known reason, for isotach doctor: each class made for real on an emulated path.

    for scenario in scenarios(seed, each): with Scenario... verdict = scenario.run()

As a program it is one end of a transfer, started on a host of the path:  doctor_scenarios.py source|sink JSON
"""
import itertools
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
DEADLINE_S = 60
WATCH_S = 5
SINK = "10.77.9.2"
# Transfers may be made at the same time: each has names of its own.
COUNTER = itertools.count()

# The sender's view alone cannot tell why the receiver does not read.
RECEIVER = ("receiver_application", "receiver_disk", "receiver_cpu")


NETWORK = ("narrow_path", "congestion", "loss", "policer", "reordering", "bufferbloat", "black_hole", "link_speed",
           "duplex_mismatch", "name_lookup")


class Disk:
    """A control group whose writes to the disk of `folder` are slow, where the kernel has those of version 1."""

    def __init__(self, folder, bytes_per_second):
        self.path = pathlib.Path(f"/sys/fs/cgroup/blkio/isotach-doctor-{os.getpid()}-{next(COUNTER)}")
        device = os.stat(folder).st_dev
        self.limit = f"{os.major(device)}:{os.minor(device)} {bytes_per_second}"

    @staticmethod
    def there():
        return os.path.exists("/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device")

    def __enter__(self):
        self.path.mkdir()
        (self.path / "blkio.throttle.write_bps_device").write_text(self.limit, encoding="ascii")
        return self

    def __exit__(self, *_):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.05)


# ---- the ends ------------------------------------------------------------------------------------------------

def set_options(sock, options):
    if "send_buffer" in options:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options["send_buffer"])
    if "receive_buffer" in options:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive_buffer"])
    if "congestion" in options:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, options["congestion"].encode())


class Work:
    """What holds an end up besides the network."""

    def __init__(self, options):
        self.options = options
        self.file = None
        if "disk_file" in options:
            self.file = os.open(options["disk_file"], os.O_WRONLY | os.O_CREAT | os.O_DSYNC, 0o600)

    def do(self, data):
        options = self.options
        now = time.monotonic()
        phase = options.get("work_from_s", 0) <= now - self.began() < options.get("work_until_s", 1e9)
        if not phase:
            return
        if self.file is not None:
            os.pwrite(self.file, data, 0)
        if "compute_s" in options:
            until = time.thread_time() + options["compute_s"]
            while time.thread_time() < until:
                pass
        if "look_up" in options:
            socket.getaddrinfo(options["look_up"], 80)
        if "pause_s" in options:
            time.sleep(options["pause_s"])

    def began(self):
        if not hasattr(self, "start"):
            self.start = time.monotonic()
        return self.start


def sink(options):
    listener = socket.socket()
    set_options(listener, options)
    listener.bind((SINK, 0))
    listener.listen(8)
    print(listener.getsockname()[1], flush=True)
    flows = [listener.accept()[0] for _ in range(options.get("flows", 1))]
    if len(flows) > 1:
        for extra in flows[1:]:
            if os.fork() == 0:
                while extra.recv(1 << 18):
                    pass
                os._exit(0)
            extra.close()
    sock = flows[0]
    work = Work(options)
    size = options.get("chunk", 1 << 18)
    reply = options.get("reply", 0)
    while data := sock.recv(size):
        work.do(data)
        if reply:
            sock.sendall(b"r" * reply)


def source(options):
    for _ in range(options.get("flows", 1) - 1):
        if os.fork() == 0:
            extra = socket.socket()
            set_options(extra, options)
            extra.connect((SINK, options["port"]))
            deadline = time.monotonic() + options["seconds"]
            while time.monotonic() < deadline:
                extra.send(b"x" * 65536)
            os._exit(0)
    sock = socket.socket()
    set_options(sock, options)
    sock.connect((SINK, options["port"]))
    print(os.getpid(), flush=True)
    if "pacing" in options:
        sock.setsockopt(socket.SOL_SOCKET, 47, options["pacing"])
    if options.get("nonblocking"):
        sock.settimeout(DEADLINE_S)
    chunk = b"x" * options.get("chunk", 1 << 16)
    work = Work(options)
    deadline = time.monotonic() + options["seconds"]
    while time.monotonic() < deadline:
        work.do(chunk)
        try:
            sock.sendall(chunk)
            if options.get("reply"):
                need = options["reply"]
                while need > 0:
                    need -= len(sock.recv(need))
        except OSError:
            break



def names(options):
    """A DNS server that answers late: every name is that of the receiver."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((SINK, 53))
    print(53, flush=True)
    while True:
        query, client = server.recvfrom(512)
        if os.fork() == 0:
            time.sleep(options["answer_s"])
            question = query[12:query.index(b"\0", 12) + 5]
            kind = struct.unpack("!H", question[-4:-2])[0]
            answer = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 0, 4, socket.inet_aton(SINK)) if kind == 1 else b""
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if answer else 0, 0, 0)
            try:
                server.sendto(head + question + answer, client)
            except OSError:
                pass  # the path is being taken down
            os._exit(0)


# ---- paths ---------------------------------------------------------------------------------------------------

def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=DEADLINE_S).stdout


class LabPath:
    """Hosts a and b of `isotach lab net`."""

    def __init__(self, name, links, seed, settings=None):
        self.name = f"{name}{os.getpid()}-{next(COUNTER)}"
        self.words = ["--seed", str(seed), "--for", "3m", *(["--taps"] if settings else [])]
        self.settings = settings  # of the interface of host a
        for link in links:
            self.words += ["--link", link]

    def __enter__(self):
        run(ISOTACH, "lab", "net", "up", self.name, *self.words)
        if self.settings:
            run(*self.on("a", sys.executable, "-c", SET_LINK, "eth0", *self.settings))
        return self

    def __exit__(self, *_):
        subprocess.run([ISOTACH, "lab", "net", "down", self.name], check=False, capture_output=True, timeout=DEADLINE_S)

    def on(self, host, *words):
        return [ISOTACH, "lab", "net", "run", self.name, host, "--", *words]


SET_LINK = """
import fcntl, socket, struct, sys
name, speed, duplex, autoneg, *masks = sys.argv[1:]
sock = socket.socket()
def call(buffer):
    import ctypes
    array = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    fcntl.ioctl(sock, 0x8946, struct.pack("16sP", name.encode(), ctypes.addressof(array)))
buffer = bytearray(48 + 3 * 127 * 4)
struct.pack_into("I", buffer, 0, 0x4C)
call(buffer)
count = -struct.unpack_from("b", buffer, 15)[0]
struct.pack_into("I", buffer, 0, 0x4C)
struct.pack_into("b", buffer, 15, count)
call(buffer)
struct.pack_into("I", buffer, 0, 0x4D)
struct.pack_into("IBBBB", buffer, 4, int(speed), int(duplex), 0, 0, int(autoneg))
for i, mask in enumerate(masks):
    struct.pack_into("I", buffer, 48 + i * count * 4, int(mask, 16))
call(buffer)
"""


# ---- the classes ---------------------------------------------------------------------------------------------

# Speed, duplex, autonegotiation; the modes that are supported, advertised and offered by the partner, in the bits of
# ethtool: 62ef has all up to 1 Gbit/s, 6203 only those of 10 Mbit/s.
SLOWER_THAN_BOTH_COULD = ("10", "1", "1", "62ef", "62ef", "62ef")
HALF_AGAINST_FULL = ("100", "0", "0", "62ef", "62ef", "62ef")
ALL_THAT_IT_CAN = ("10", "1", "1", "6203", "6203", "6203")


def ccs(rng):
    return rng.choice(("cubic", "reno", "bbr"))


def bed(rng, rates=(10, 20, 50, 100), delays=(2, 5, 10, 20, 40), queue_ms=None):
    rate, delay = rng.choice(rates), rng.choice(delays)
    queue = queue_ms or max(10, min(60, 2 * delay))
    return rate, delay, f"2 both rate={rate}mbit delay={delay}ms queue={queue}ms"


class Scenario:
    def __init__(self, kind, number, rng):
        self.kind, self.number, self.seed = kind, number, rng.randrange(1 << 30)
        self.links, self.source, self.sink = [], {}, {}
        self.interface = None
        self.disk = None
        self.names = None
        self.warm_s = 1.0
        self.accept = (kind,)
        self.accept_alone = None
        getattr(self, "make_" + kind)(rng)
        if self.accept_alone is None:
            self.accept_alone = self.accept

    def __str__(self):
        return f"{self.kind} {self.number}: {self.links} {self.source} {self.sink}"

    def make_narrow_path(self, rng):
        self.links = [bed(rng)[2]]
        self.source = {"congestion": ccs(rng)}
        self.warm_s = 2

    def make_congestion(self, rng):
        rate, _, words = bed(rng, rates=(20, 50, 100))
        model = rng.choice(("poisson", "pareto"))
        share = rng.choice((0.5, 0.6, 0.7))
        self.links = [words, f"2 ab cross={model} cross-rate={rate * share:.0f}mbit"]
        self.source = {"congestion": rng.choice(("cubic", "reno"))}

    def make_loss(self, rng):
        _, _, words = bed(rng, rates=(50, 100, 200), delays=(10, 20, 40))
        self.links = [words, f"2 ab loss={rng.choice((0.5, 1, 2))}%"]
        self.source = {"congestion": rng.choice(("cubic", "reno"))}

    def make_reordering(self, rng):
        self.rate_mbit, _, words = bed(rng, rates=(50, 100), delays=(5, 10, 20))
        self.links = [words, f"2 ab reorder={rng.choice((5, 10, 20))}% reorder-by={rng.choice((5, 10, 20))}ms"]
        self.source = {"congestion": rng.choice(("cubic", "reno"))}

    def make_policer(self, rng):
        rate = rng.choice((5, 10, 20))
        delay = rng.choice((5, 10, 20))
        self.links = [f"2 both rate=200mbit delay={delay}ms queue=100ms",
                      f"2 ab police={rate}mbit police-burst={rng.choice((64, 128))}k"]
        self.source = {"congestion": rng.choice(("cubic", "reno"))}
        self.warm_s = 2

    def make_bufferbloat(self, rng):
        self.links = [bed(rng, rates=(5, 10), delays=(5, 10, 20), queue_ms=rng.choice((400, 600, 800)))[2]]
        self.source = {"congestion": "reno"}
        self.warm_s = 3

    def make_black_hole(self, rng):
        _, _, words = bed(rng, delays=(2, 5, 10))
        self.links = [words, f"2 both mtu={rng.choice((1280, 1400, 1450))} blackhole=on"]
        self.source = {"congestion": ccs(rng)}

    def make_receive_window(self, rng):
        _, _, words = bed(rng, rates=(100, 200), delays=(10, 20, 40))
        self.links = [words]
        self.sink = {"receive_buffer": rng.choice((8192, 16384, 32768))}
        self.source = {"congestion": ccs(rng)}

    def make_receiver_application(self, rng):
        _, _, words = bed(rng, rates=(50, 100), delays=(2, 5, 10))
        self.links = [words]
        self.sink = {"chunk": rng.choice((8192, 16384)), "pause_s": rng.choice((0.01, 0.02))}
        self.source = {"congestion": ccs(rng)}
        self.warm_s = 2
        self.accept_alone = RECEIVER

    def make_receiver_cpu(self, rng):
        _, _, words = bed(rng, rates=(100, 200), delays=(2, 5))
        self.links = [words]
        self.sink = {"chunk": rng.choice((8192, 16384)), "compute_s": 0.005}
        self.source = {"congestion": ccs(rng)}
        self.warm_s = 2
        self.accept_alone = RECEIVER

    def make_receiver_disk(self, rng):
        _, _, words = bed(rng, rates=(100, 200), delays=(2, 5))
        self.links = [words]
        self.disk = rng.choice((500_000, 1_000_000, 2_000_000))
        self.sink = {"chunk": 16384, "disk": True}
        self.source = {"congestion": ccs(rng)}
        self.warm_s = 2
        self.accept_alone = RECEIVER

    def make_send_buffer(self, rng):
        _, _, words = bed(rng, rates=(100, 200), delays=(10, 20, 40))
        self.links = [words]
        self.source = {"congestion": rng.choice(("cubic", "reno")), "send_buffer": rng.choice((8192, 16384)),
                       "nonblocking": rng.choice((0, 1))}

    def make_sender_application(self, rng):
        _, _, words = bed(rng, rates=(50, 100), delays=(2, 5, 10))
        self.links = [words]
        self.source = {"congestion": ccs(rng), "chunk": rng.choice((8192, 16384, 65536)),
                       "pause_s": rng.choice((0.02, 0.05, 0.2))}

    def make_sender_cpu(self, rng):
        _, _, words = bed(rng, rates=(100, 200), delays=(2, 5))
        self.links = [words]
        self.source = {"congestion": ccs(rng), "chunk": rng.choice((8192, 16384)), "compute_s": 0.01}

    def make_sender_disk(self, rng):
        _, _, words = bed(rng, rates=(100, 200), delays=(2, 5))
        self.links = [words]
        self.disk = rng.choice((500_000, 1_000_000, 2_000_000))
        self.source = {"congestion": ccs(rng), "chunk": 16384, "disk": True}

    def make_name_lookup(self, rng):
        _, _, words = bed(rng, rates=(50, 100), delays=(2, 5, 10))
        self.links = [words]
        self.names = {"answer_s": rng.choice((0.2, 0.5, 1.0))}
        self.source = {"congestion": ccs(rng), "chunk": rng.choice((16384, 65536)), "look_up": "receiver.example"}

    def make_link_speed(self, rng):
        self.links = [f"2 both rate=10mbit queue=40000 delay={rng.choice((1, 3, 5))}ms"]
        self.interface = SLOWER_THAN_BOTH_COULD
        self.source = {"congestion": ccs(rng)}

    def make_duplex_mismatch(self, rng):
        self.links = [f"1 both rate=100mbit queue=100000 delay={rng.choice((1, 3, 5))}ms duplex-mismatch=on"]
        self.interface = HALF_AGAINST_FULL
        self.source = {"congestion": rng.choice(("cubic", "reno"))}

    def make_none(self, rng):
        self.links = [f"2 both rate={rng.choice((9.5, 9.8))}mbit queue=20000 delay={rng.choice((1, 3, 5))}ms"]
        self.interface = ALL_THAT_IT_CAN
        self.source = {"congestion": ccs(rng)}

    # -- running

    def path(self):
        return LabPath("dr", self.links, self.seed, self.interface)

    def observe(self, views=("both", "alone"), seconds=WATCH_S):
        """One report for each view, of the same transfer at the same time."""
        with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
            if self.disk is None:
                return self.observe_in(folder, None, views, seconds)
            with Disk(folder, self.disk) as disk:
                return self.observe_in(folder, disk, views, seconds)

    def observe_in(self, folder, disk, views, seconds):
        source, sink_options = dict(self.source), dict(self.sink)
        for options, name in ((source, "out"), (sink_options, "in")):
            if options.pop("disk", False):
                options["disk_file"] = f"{folder}/{name}"

        def slow_down(process, options):
            # From here: what runs on a path has a /sys of its own.
            if "disk_file" in options:
                (disk.path / "cgroup.procs").write_text(str(process.pid), encoding="ascii")

        source["seconds"] = self.warm_s + seconds + 20
        with self.path() as path:
            def end(host, role, options):
                words = [sys.executable, __file__, role, json.dumps(options)]
                if self.names and role == "source":
                    words = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"',
                             f"{folder}/resolv.conf", *words]
                return subprocess.Popen(path.on(host, *words), stdout=subprocess.PIPE, text=True)
            with end("b", "sink", sink_options) as receiver:
                sender = server = None
                if self.names:
                    pathlib.Path(folder, "resolv.conf").write_text(f"nameserver {SINK}\n", encoding="ascii")
                    server = end("b", "names", self.names)
                    server.stdout.readline()
                try:
                    source["port"] = int(receiver.stdout.readline())
                    slow_down(receiver, sink_options)
                    sender = end("a", "source", source)
                    pid = sender.stdout.readline().strip()
                    self.began_s = time.monotonic()
                    slow_down(sender, source)
                    time.sleep(self.warm_s)
                    doctors = {}
                    for view in views:
                        words = [ISOTACH, "doctor", "--pid", pid, "--for", str(seconds), "--json"]
                        words += ["--one-end"] if view == "alone" else []
                        doctors[view] = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
                    reports = {view: json.loads(doctor.communicate(timeout=DEADLINE_S)[0])
                               for view, doctor in doctors.items()}
                    self.ended_s = time.monotonic()
                    return reports
                finally:
                    for one in (sender, server, receiver):
                        if one:
                            one.kill()
                    if server:
                        server.wait()
                    if sender:
                        sender.wait()

    def accepts(self, report, alone):
        """Is that what holds it up? A sender that learns to bear with reordering fills the path in the end."""
        verdict = self.verdict(report)
        if self.kind == "reordering" and verdict == "narrow_path":
            return report["connections"][0]["rate_bits_per_second"] >= 0.85e6 * self.rate_mbit
        return verdict in (self.accept_alone if alone else self.accept)

    def verdict(self, report):
        if any(one["id"] == "name-lookup-slow" for one in report["findings"]) and "DNS" in report["answer"]:
            return "name_lookup"
        connections = report["connections"]
        return connections[0]["cause"] if connections else "nothing"


class Mixture(Scenario):
    """Two causes, one after the other: the first for a known part of the time that is watched."""

    def __init__(self, first, second, number, rng, watch_s=WATCH_S):
        # pylint: disable=super-init-not-called,too-many-arguments
        self.kind, self.number, self.seed = f"{first} then {second}", number, rng.randrange(1 << 30)
        self.interface = self.disk = self.names = None
        self.warm_s = 1.0
        part = rng.choice((0.3, 0.5, 0.7))
        self.turn_s = self.warm_s + watch_s * part
        self.source, self.sink = {"congestion": rng.choice(("cubic", "reno"))}, {}
        rates, delays = ((10, 20), (5, 10, 20)) if "narrow_path" in (first, second) else ((100, 200), (10, 20))
        self.links = [bed(rng, rates=rates, delays=delays)[2]]
        for cause, times in ((first, {"work_until_s": self.turn_s}), (second, {"work_from_s": self.turn_s})):
            getattr(self, "mix_" + cause)(times)
        self.causes = (first, second)
        self.truth = {first: part, second: 1 - part}

    def observe(self, views=("both",), seconds=WATCH_S):
        """On a busy machine the doctor begins later than it was asked to: what is true of the time that it watched."""
        reports = super().observe(views, seconds)
        watched_s = reports[views[0]]["watched_seconds"]
        before_s = self.ended_s - watched_s - self.began_s
        part = min(1, max(0, (self.turn_s - before_s) / watched_s))
        self.truth = dict(zip(self.causes, (part, 1 - part)))
        return reports

    def mix_narrow_path(self, times):
        """What is left where no end holds the other up."""

    def mix_receive_window(self, times):
        self.sink["receive_buffer"] = 16384

    def mix_sender_application(self, times):
        # At once, and for the rest of the time that is watched; or little by little, less than a window each.
        self.source.update(times, pause_s=1000 if "work_from_s" in times else 0.1, chunk=4096)

    def mix_receiver_application(self, times):
        self.sink.update(times, chunk=8192, pause_s=0.02)


MIXTURES = (("narrow_path", "sender_application"), ("receive_window", "sender_application"),
            ("sender_application", "receive_window"), ("receiver_application", "narrow_path"))


def mixtures(seed, each):
    for number in range(each):
        for first, second in MIXTURES:
            yield Mixture(first, second, number, random.Random(f"{seed}/{first}/{second}/{number}"))


KINDS = [name[5:] for name in dir(Scenario) if name.startswith("make_")]


def scenarios(seed, each, kinds=None):
    for kind in kinds or KINDS:
        for number in range(each):
            yield Scenario(kind, number, random.Random(f"{seed}/{kind}/{number}"))


if __name__ == "__main__":
    {"source": source, "sink": sink, "names": names}[sys.argv[1]](json.loads(sys.argv[2]))
