"""Two network namespaces with a veth pair between them, frames sent over it, and a probe that counts them: for the
tests and the benchmark of isotach traffic."""
import json
import os
import pathlib
import subprocess
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOLS = pathlib.Path(os.environ.get("ISOTACH", ROOT / "build/isotach")).parent / "tests"
PROBE, FRAMES = str(TOOLS / "traffic_probe"), str(TOOLS / "traffic_frames")


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60, **options).stdout


class Pair:
    """Two namespaces, `left` in one and `right` in the other."""

    def __init__(self):
        tag = uuid.uuid4().hex[:6]
        self.a, self.b = f"isotach-ta{tag}", f"isotach-tb{tag}"

    def __enter__(self):
        for space in (self.a, self.b):
            run("ip", "netns", "add", space)
            # Nothing but the test sends: no router solicitations, no reports of groups.
            run("ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "-n", self.a, "link", "add", "left", "type", "veth", "peer", "name", "right", "netns", self.b)
        for space, link, address in ((self.a, "left", "10.99.0.1/24"), (self.b, "right", "10.99.0.2/24")):
            run("ip", "-n", space, "address", "add", address, "dev", link)
            # GRO lets a veth take frames that the kernel makes.
            run("ip", "netns", "exec", space, "ethtool", "-K", link, "gro", "on")
            run("ip", "-n", space, "link", "set", "lo", "up")
        # In this order, so that the kernel knows when `left` goes up that `right` takes its frames.
        for space, link in ((self.b, "right"), (self.a, "left")):
            run("ip", "-n", space, "link", "set", link, "up")
        return self

    def __exit__(self, *_):
        for space in (self.a, self.b):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)

    def send(self, *words):
        frames, size = run("ip", "netns", "exec", self.a, FRAMES, "left", *map(str, words)).split()
        return int(frames), int(size)


class Probe:
    def __init__(self, space, *words, before=()):
        self.process = subprocess.Popen(["ip", "netns", "exec", space, *before, PROBE, *words], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stdout.readline().split()
        if not line:
            self.process.wait(timeout=10)
            self.error = self.process.stderr.read()
            self.method = None
        else:
            self.method = line[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process.stderr.close()

    def read(self, flows=False):
        self.process.stdin.write("flows\n" if flows else "read\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def settled(self, frames, name="right", way="in", flows=False):
        """Reads until so many packets came in, or two seconds have passed: a ring tells them a little later."""
        deadline = time.monotonic() + 2
        while True:
            found = self.read(flows)
            row = interface(found, name)
            if row["counted"][way][0] >= frames or time.monotonic() > deadline:
                return found


def interface(found, name):
    return next(row for row in found["interfaces"] if row["name"] == name)
