#!/usr/bin/env python3
"""What `isotach swap advise` says of known memory, and what a zram device then takes for it.

usage: zram_workloads.py ALGORITHM WORKLOAD...     needs root; prints one line of JSON for each
       zram_workloads.py --list                    the workloads
       zram_workloads.py --offers ALGORITHM        ends with 0 when zram offers it

Makes a zram device of its own, swaps on it with the highest priority, lets a process page its memory out
(MADV_PAGEOUT), reads the device's mm_stat, and takes everything apart again, whatever happens.
"""
import ctypes
import json
import mmap
import os
import pathlib
import random
import select
import signal
import subprocess
import sys
import time

PAGE = mmap.PAGESIZE
PAGES = 24000
MADV_NOHUGEPAGE, MADV_PAGEOUT = 15, 21
PR_SET_PDEATHSIG = 1
SYS_PROCESS_MADVISE = 440
CONTROL = pathlib.Path("/sys/class/zram-control")
DEADLINE_S = 40


def words_of_text(generator, count):
    vocabulary = ["memory", "page", "swap", "kernel", "process", "of", "the", "and", "interval", "count", "=", "("]
    return " ".join(generator.choice(vocabulary) + str(generator.randrange(90)) for _ in range(count))


def page_of(kind, i, generator, text):
    if kind == "text":
        start = generator.randrange(len(text) - PAGE)
        return text[start:start + PAGE]
    if kind == "random":
        return generator.randbytes(PAGE)
    if kind == "pointers":
        page = bytearray(PAGE)
        for byte in range(3):
            page[byte::8] = generator.randbytes(PAGE // 8)
        page[5::8] = b"\x7f" * (PAGE // 8)
        return bytes(page)
    if kind == "sparse":
        return generator.randbytes(200) + bytes(PAGE - 200)
    if kind == "same":
        return generator.randrange(256).to_bytes(1, "little") * PAGE
    # A mixture as programs have it.
    return page_of(["text", "pointers", "sparse", "same", "random", "text", "pointers"][i % 7], i, generator, text)


WORKLOADS = ["mixed", "text", "pointers", "sparse"]


class Range(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def page_out(pid):
    """All of the private memory of a process: process_madvise(MADV_PAGEOUT)."""
    library = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights = line.split()[:2]
        start, end = (int(number, 16) for number in span.split("-"))
        if rights[3] != "p" or "[v" in line:
            continue
        part = Range(start, end - start)
        library.syscall(SYS_PROCESS_MADVISE, process, ctypes.byref(part), ctypes.c_size_t(1), MADV_PAGEOUT, 0)
    os.close(process)


def hold(kind):
    """Runs in a process of its own: has the memory, and waits to be killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    generator = random.Random(11)
    text = words_of_text(generator, 40000).encode()
    memory = mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(MADV_NOHUGEPAGE)
    for i in range(PAGES):
        memory[i * PAGE:(i + 1) * PAGE] = page_of(kind, i, generator, text)
    print("ready", flush=True)
    while memory:
        signal.pause()


class Holder:
    def __init__(self, kind):
        self.process = subprocess.Popen([sys.executable, __file__, "--hold", kind], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.expect("ready")

    def expect(self, word):
        readable, _, _ = select.select([self.process.stdout], [], [], DEADLINE_S)
        line = self.process.stdout.readline().strip() if readable else ""
        if line != word:
            raise RuntimeError(f"the process said '{line}', not '{word}'")

    def swapped_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmSwap:")).split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Zram:
    """A device of our own, in use as swap."""

    def __init__(self, algorithm):
        self.number = int((CONTROL / "hot_add").read_text())
        self.folder = pathlib.Path(f"/sys/block/zram{self.number}")
        self.device = f"/dev/zram{self.number}"
        self.algorithm = algorithm
        self.swapped_on = False
        if "ZRAM_NOTE" in os.environ:
            pathlib.Path(os.environ["ZRAM_NOTE"]).write_text(str(self.number))

    def __enter__(self):
        (self.folder / "comp_algorithm").write_text(self.algorithm)
        (self.folder / "disksize").write_text(str(4 * PAGES * PAGE))
        subprocess.run(["mkswap", self.device], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["swapon", "--priority", "32767", self.device], check=True)
        self.swapped_on = True
        return self

    def statistics(self):
        return [int(word) for word in (self.folder / "mm_stat").read_text().split()]

    def __exit__(self, *_):
        if self.swapped_on:
            subprocess.run(["swapoff", self.device], check=True)
        (self.folder / "reset").write_text("1")
        (CONTROL / "hot_remove").write_text(str(self.number))


def settled(holder, zram):
    """Until nearly all is on the device and no more comes."""
    deadline = time.monotonic() + DEADLINE_S
    seen = None
    while True:
        now = zram.statistics()[0]
        if now == seen and holder.swapped_kib() > 0.97 * PAGES * PAGE / 1024:
            return
        seen = now
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {holder.swapped_kib()} KiB went to swap")
        page_out(holder.process.pid)


def advise(pid):
    words = [os.environ.get("ISOTACH", "isotach"), "swap", "advise", "--json", "--pid", str(pid)]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)


def measure(algorithm, kind):
    with Holder(kind) as holder:
        advice = advise(holder.process.pid)
        predicted = next(row for row in advice["algorithms"] if row["name"] == algorithm)
        with Zram(algorithm) as zram:
            before = zram.statistics()
            settled(holder, zram)
            after = zram.statistics()
            # Freed with the process, so that swapoff has nothing to bring back.
            holder.__exit__()
    original, data, used = (after[i] - before[i] for i in range(3))
    part = original / advice["anonymous_bytes"]
    expected = predicted["pool_bytes"] * part
    return {
        "algorithm": algorithm,
        "workload": kind,
        "sample_pages": advice["sample_pages"],
        "cpu_seconds": advice["cpu_seconds"],
        "anonymous_bytes": advice["anonymous_bytes"],
        "swapped_part": part,
        "predicted_bytes": expected,
        "predicted_ratio": original / expected,
        "low_bytes": predicted["pool_low_bytes"] * part,
        "high_bytes": predicted["pool_high_bytes"] * part,
        "used_bytes": used,
        "data_bytes": data,
        "predicted_data_bytes": predicted["data_bytes"] * part,
        "ratio": original / used,
        "error_percent": 100 * abs(expected - used) / used,
    }


def main():
    words = sys.argv[1:]
    if words[:1] == ["--hold"]:
        hold(words[1])
        return
    if words == ["--list"]:
        print("\n".join(WORKLOADS))
        return
    if words[:1] == ["--offers"]:
        offered = pathlib.Path("/sys/block/zram0/comp_algorithm")
        sys.exit(0 if offered.exists() and words[1] in offered.read_text().replace("[", "").replace("]", "").split()
                 else 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for kind in words[1:]:
        print(json.dumps(measure(words[0], kind)), flush=True)


if __name__ == "__main__":
    main()
