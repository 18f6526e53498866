#!/usr/bin/env python3
"""Memory whose contents are known, what `isotach ksm predict` says of it, and what the kernel makes of it.

usage: ksm_workloads.py WORKLOAD...     needs root; prints one line of JSON for each
       ksm_workloads.py --list

Each workload starts its own processes, asks for the prediction while KSM is off, then switches ksmd on,
waits until nothing more is merged, and compares the kernel's counters with the prediction. The settings of
KSM are as before when it ends, whatever happens.
"""
import ctypes
import json
import mmap
import os
import pathlib
import select
import signal
import struct
import subprocess
import sys
import time

KSM = pathlib.Path("/sys/kernel/mm/ksm")
PAGE = mmap.PAGESIZE
MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE = 14, 15, 12
PR_SET_PDEATHSIG, PR_SET_MEMORY_MERGE = 1, 67
SETTINGS = ["pages_to_scan", "sleep_millisecs", "max_page_sharing", "use_zero_pages", "smart_scan"]
PAGES = int(os.environ.get("KSM_WORKLOAD_PAGES", 8192))
DEADLINE_S = 40


def read_ksm(name):
    return int((KSM / name).read_text())


def write_ksm(name, value):
    (KSM / name).write_text(str(value))


class KsmSettings:
    """Puts everything back that it was told to change."""

    def __enter__(self):
        self.before = {name: (KSM / name).read_text() for name in SETTINGS if (KSM / name).exists()}
        self.run = (KSM / "run").read_text()
        write_ksm("run", 2)
        return self

    def __exit__(self, *_):
        write_ksm("run", 2)
        for name, value in self.before.items():
            write_ksm(name, value)
        write_ksm("run", self.run)


def content(number):
    """A page that no other number has, and that is no zeros."""
    return struct.pack("<QQ", number + 1, 0x5eed) * (PAGE // 16)


# What is in the pages of each workload: the number of the content of page i, or None for zeros.
LAYOUTS = {
    "equal": lambda i, seed: 0,
    "unique": lambda i, seed: i,
    "half": lambda i, seed: 0 if i % 2 else i,
    "groups": lambda i, seed: i % 1000,
    "pairs": lambda i, seed: i // 2,
    "zeros": lambda i, seed: None,
    "mixed": lambda i, seed: None if i % 3 == 0 else i // 7,
    # Half of it is the same in every process, the rest nowhere else.
    "common": lambda i, seed: i if i % 2 else (seed + 1) * 10_000_000 + i,
}


def fill(layout, seed, huge):
    length = PAGES * PAGE
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(MADV_HUGEPAGE if huge else MADV_NOHUGEPAGE)
    zeros = bytes(PAGE)
    for i in range(PAGES):
        number = LAYOUTS[layout](i, seed)
        memory[i * PAGE:(i + 1) * PAGE] = zeros if number is None else content(number)
    memory.madvise(MADV_MERGEABLE)
    return memory


def hold(layout, seed, huge, forks):
    """Runs in a process of its own: has the memory, says so, and waits to be killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    memory = fill(layout, seed, huge)
    for _ in range(forks):
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            while True:
                signal.pause()
        print(child, flush=True)
    print("ready", flush=True)
    while memory:
        signal.pause()


# A program that knows nothing of KSM.
PROGRAM = """
import signal
words = ["some object number %d " % (i % 3000) * 40 for i in range(20000)]
table = {i: str(i) * 20 for i in range(20000)}
print("ready", flush=True)
signal.pause()
"""


class Processes:
    """Those of a workload; killed at the end."""

    def __init__(self):
        self.started = []
        self.pids = []

    def start(self, words, before=None):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, preexec_fn=before)
        self.started.append(process)
        self.pids.append(process.pid)
        # Not by readline(): lines that come together would wait in its buffer, where select() sees none.
        text = ""
        while not text.endswith("ready\n"):
            readable, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
            piece = os.read(process.stdout.fileno(), 4096).decode() if readable else ""
            if not piece:
                raise RuntimeError(f"{words} did not get ready")
            text += piece
        self.pids.extend(int(line) for line in text.split()[:-1])

    def hold(self, layout, seed=0, huge=False, forks=0):
        self.start([sys.executable, __file__, "--hold", layout, str(seed), str(int(huge)), str(forks)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            process.kill()
            process.wait()


def merge_any():
    if ctypes.CDLL(None).prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) != 0:
        os._exit(77)


def program_pair(processes):
    for _ in range(2):
        processes.start([sys.executable, "-c", PROGRAM], merge_any)


WORKLOADS = {
    "equal": (lambda p: p.hold("equal"), {}),
    "unique": (lambda p: p.hold("unique"), {}),
    "half": (lambda p: p.hold("half"), {}),
    "groups": (lambda p: p.hold("groups"), {}),
    "pairs": (lambda p: p.hold("pairs"), {}),
    "zeros": (lambda p: p.hold("zeros"), {"use_zero_pages": 0}),
    "zeros-to-zero-page": (lambda p: p.hold("zeros"), {"use_zero_pages": 1}),
    "mixed-to-zero-page": (lambda p: p.hold("mixed"), {"use_zero_pages": 1}),
    "few-places-a-page": (lambda p: p.hold("groups"), {"max_page_sharing": 4}),
    "two-processes": (lambda p: [p.hold("common", seed) for seed in range(2)], {}),
    "forked": (lambda p: p.hold("mixed", forks=2), {}),
    "huge-pages": (lambda p: p.hold("groups", huge=True), {}),
    "python": (program_pair, {}),
}


def predict(pids):
    words = [os.environ.get("ISOTACH", "isotach"), "ksm", "predict", "--mergeable", "--json", "--rows", "0",
             "--pid", ",".join(map(str, pids))]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)


def kernel_counters():
    names = ["pages_shared", "pages_sharing", "pages_unshared", "ksm_zero_pages", "general_profit"]
    return {name: read_ksm(name) for name in names if (KSM / name).exists()}


def settle():
    """Until two whole scans have changed nothing, after at least three."""
    write_ksm("run", 1)
    deadline = time.monotonic() + DEADLINE_S
    seen = None
    since = read_ksm("full_scans")
    first = since
    while True:
        scans = read_ksm("full_scans")
        now = [read_ksm("pages_shared"), read_ksm("pages_sharing"), kernel_counters().get("ksm_zero_pages")]
        if now != seen:
            seen, since = now, scans
        if scans - since >= 2 and scans - first >= 4:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing settled within {DEADLINE_S} s; counters {now}")
        # The counters can only be polled; each scan of these pages takes ksmd some 10 ms.
        select.select([], [], [], 0.005)


def merging_pages(pid):
    return int(pathlib.Path(f"/proc/{pid}/ksm_merging_pages").read_text())


def measure(name):
    start, settings = WORKLOADS[name]
    with KsmSettings(), Processes() as processes:
        for setting, value in {"max_page_sharing": 256, "use_zero_pages": 0, **settings}.items():
            write_ksm(setting, value)
        write_ksm("smart_scan", 0)
        write_ksm("pages_to_scan", 4000)
        write_ksm("sleep_millisecs", 0)
        start(processes)
        started = kernel_counters()
        predicted = predict(processes.pids)
        settle()
        real = kernel_counters()
        by_process = {pid: merging_pages(pid) for pid in processes.pids}
        # Asked again, it must see that nothing is left to gain, and must not take apart what is merged.
        again = predict(processes.pids)["prediction"]
        after = kernel_counters()
    expected = predicted["prediction"]
    merged = real["pages_sharing"] + real["ksm_zero_pages"] - started["ksm_zero_pages"]
    predicted_merged = expected["pages_sharing"] + expected["ksm_zero_pages"]
    return {
        "workload": name,
        "pages": predicted["scanned"]["pages"],
        "predicted": {key: expected[key] for key in
                      ["pages_shared", "pages_sharing", "pages_unshared", "ksm_zero_pages"]},
        "kernel": real,
        "error_percent": 100 * abs(predicted_merged - merged) / max(merged, 1000),
        "predicted_profit": expected["general_profit_bytes"],
        "again": {"freed_bytes": again["freed_bytes"], "pages_sharing": again["pages_sharing"],
                  "kernel_pages_sharing": after["pages_sharing"]},
        "processes": {str(p["pid"]): {"predicted": p["merging_pages"], "kernel": by_process[p["pid"]]}
                      for p in predicted["processes"]},
    }


def main():
    words = sys.argv[1:]
    if words[:1] == ["--hold"]:
        hold(words[1], int(words[2]), words[3] == "1", int(words[4]))
    if words == ["--list"]:
        print("\n".join(WORKLOADS))
        return
    # A signal ends it through the cleanup.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in words:
        print(json.dumps(measure(name)), flush=True)


if __name__ == "__main__":
    main()
