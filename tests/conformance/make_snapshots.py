#!/usr/bin/env python3
"""Makes the hostile snapshot sequences of tests/fixtures/vmstat.

usage: make_snapshots.py RECORDED OUT

RECORDED is a sequence that `isotach vm --save-tree` recorded on a machine under load. OUT/NAME/K/... are
the sequences: the recorded one with its uptime evened to whole seconds (vmstat divides by the nominal
delay, so that only then both divide by the same time), and others derived from its first snapshot by
changing what is to be tested. The random numbers are seeded: the same input gives the same output.
"""
import os
import random
import re
import shutil
import sys

FILES = ("meminfo", "stat", "vmstat", "uptime", "loadavg", "diskstats", "slabinfo", "swaps")
DISK_COLUMNS = 17


def read_tree(path):
    tree = {}
    for name in FILES:
        try:
            with open(f"{path}/proc/{name}") as file:
                tree[name] = file.read()
        except FileNotFoundError:
            pass
    tree["block"] = sorted(os.listdir(f"{path}/sys/block"))
    return tree


def write_tree(path, tree):
    os.makedirs(f"{path}/proc")
    for name in FILES:
        if name in tree:
            with open(f"{path}/proc/{name}", "w") as file:
                file.write(tree[name])
    for disk in tree["block"]:
        os.makedirs(f"{path}/sys/block/{disk}")


def write_sequence(out, name, trees, delay=1, partition="vda"):
    shutil.rmtree(f"{out}/{name}", ignore_errors=True)
    for number, tree in enumerate(trees):
        write_tree(f"{out}/{name}/{number}", tree)
    for key, value in (("delay", delay), ("partition", partition)):
        with open(f"{out}/{name}/{key}", "w") as file:
            file.write(f"{value}\n")


class Machine:
    """The numbers of a snapshot, to be changed and written again."""

    def __init__(self, tree):
        self.tree = dict(tree)
        self.memory = {k: int(v) for k, v in re.findall(r"^(.+?):\s+(\d+)", tree["meminfo"], re.M)}
        self.events = {k: int(v) for k, v in re.findall(r"^(\S+) (\d+)", tree["vmstat"], re.M)}
        self.cpu = [int(x) for x in re.search(r"^cpu +(.*)$", tree["stat"], re.M)[1].split()]
        self.counters = {key: int(re.search(rf"^{key} (\d+)", tree["stat"], re.M)[1])
                         for key in ("intr", "ctxt", "btime", "processes", "procs_running", "procs_blocked")}
        self.cpus = [list(self.cpu)]
        self.uptime = 5000.0
        self.disks = None

    def snapshot(self):
        tree = dict(self.tree)
        tree["meminfo"] = "".join(f"{k + ':':<16}{v:>8} kB\n" for k, v in self.memory.items())
        tree["vmstat"] = "".join(f"{k} {v}\n" for k, v in self.events.items())
        lines = ["cpu  " + " ".join(map(str, self.cpu))]
        lines += [f"cpu{i} " + " ".join(map(str, cpu)) for i, cpu in enumerate(self.cpus)]
        lines += [f"{k} {v}" + (" 0" * 40 if k == "intr" else "") for k, v in self.counters.items()]
        lines.append("softirq 0 0 0 0 0 0 0 0 0 0 0")
        tree["stat"] = "\n".join(lines) + "\n"
        tree["uptime"] = f"{self.uptime:.2f} {self.uptime:.2f}\n"
        if self.disks is not None:
            tree["diskstats"] = "".join(
                f"{major:>4} {minor:>7} {name} " + " ".join(map(str, counters)) + "\n"
                for (major, minor, name), counters in self.disks.items())
        return tree

    def live_a_second(self, rng, delay=1):
        """Plausible growth of everything."""
        for key, most in (("pgpgin", 90000), ("pgpgout", 90000), ("pswpin", 9000), ("pswpout", 9000),
                          ("pgfree", 500000)):
            if key in self.events:
                self.events[key] += rng.randrange(most * delay)
        self.counters["intr"] += rng.randrange(50000 * delay)
        self.counters["ctxt"] += rng.randrange(80000 * delay)
        self.counters["processes"] += rng.randrange(50)
        self.counters["procs_running"] = rng.randrange(1, 40)
        self.counters["procs_blocked"] = rng.randrange(9)
        total = rng.randrange(150, 250) * delay
        cuts = sorted(rng.randrange(total + 1) for _ in range(7))
        parts = [b - a for a, b in zip([0] + cuts, cuts + [total])]
        for i, part in enumerate(parts):
            self.cpu[i] += part
        guest, nice = rng.randrange(parts[0] + 1), rng.randrange(parts[1] + 1)
        self.cpu[8] += guest
        self.cpu[9] += nice
        for key in ("MemFree", "Buffers", "Cached", "SReclaimable", "Active", "Inactive", "Shmem"):
            if key in self.memory:
                self.memory[key] = max(0, self.memory[key] + rng.randrange(-200000, 200000))
        if "MemAvailable" in self.memory:
            self.memory["MemAvailable"] = rng.randrange(self.memory["MemTotal"])
        if self.memory.get("SwapTotal"):
            self.memory["SwapFree"] = rng.randrange(self.memory["SwapTotal"])
        if self.disks:
            for counters in self.disks.values():
                for i in range(DISK_COLUMNS):
                    counters[i] = rng.randrange(60) if i == 8 else counters[i] + rng.randrange(20000)
        self.uptime += delay


def sequence(base, seed, count, prepare=None, change=None, delay=1):
    """`prepare` shapes the machine before the first snapshot, `change` before each later one."""
    rng = random.Random(seed)
    machine = Machine(base)
    if prepare:
        prepare(machine, rng)
    trees = [machine.snapshot()]
    for number in range(1, count):
        machine.live_a_second(rng, delay)
        if change:
            change(machine, rng, number)
        trees.append(machine.snapshot())
    return trees


def with_swap(machine, _):
    machine.memory["SwapTotal"] = 8 << 20
    machine.memory["SwapFree"] = 5 << 20


def many_cpus(machine, rng):
    with_swap(machine, rng)
    machine.cpus = [[rng.randrange(10**9) for _ in range(10)] for _ in range(1024)]
    machine.cpu = [sum(cpu[i] for cpu in machine.cpus) for i in range(10)]
    machine.cpu[8] = machine.cpu[0] // 3
    machine.cpu[9] = machine.cpu[1] // 4


def many_disks(machine, rng):
    machine.disks = {}
    machine.tree["block"] = []
    for disk in range(400):
        name = f"sd{disk}" if disk % 7 else f"mapper-with-a-long-name-{disk}"
        machine.tree["block"].append(name)
        machine.disks[(8, disk * 16, name)] = [rng.randrange(10**rng.randrange(1, 12)) for _ in range(DISK_COLUMNS)]
        if disk % 10 == 3:
            for part in (1, 2):
                machine.disks[(8, disk * 16 + part, f"{name}p{part}")] = [
                    rng.randrange(10**6) for _ in range(DISK_COLUMNS)]


def missing_keys(machine, _):
    for key in ("MemAvailable", "SwapTotal", "SwapFree", "SReclaimable", "Shmem"):
        machine.memory.pop(key, None)
    for key in [k for k in machine.events if k.startswith("pg") or k.startswith("psw")]:
        del machine.events[key]


def backwards(machine, rng, number):
    if number % 4 == 0:
        machine.events["pgpgin"] = rng.randrange(1000)
        machine.events["pswpout"] //= 2
    if number % 5 == 0:
        machine.counters["ctxt"] = rng.randrange(10000)
        machine.counters["intr"] -= 30000000 if machine.counters["intr"] > 30000000 else 1
    if number % 6 == 0:
        machine.cpu[3] -= rng.randrange(1, 300)  # idle
    if number % 7 == 0:
        machine.cpu[4] -= rng.randrange(1, 300)  # iowait
    if number % 11 == 0:
        machine.cpu[0] -= rng.randrange(1, 1000)  # user


def idle_debt(machine, rng, number):
    machine.cpu[3] += 200
    if number % 3 == 1:
        machine.cpu[3] -= 200 + rng.randrange(1, 150)


def near_64_bits(machine, rng):
    with_swap(machine, rng)
    for key in ("pgpgin", "pgpgout", "pswpin", "pswpout"):
        machine.events[key] = 2**64 - rng.randrange(1, 200000)
    machine.counters["ctxt"] = 2**64 - 100000
    machine.counters["intr"] = 2**64 - 150000


def wrap_64_bits(machine, rng, number):
    for values in (machine.events, machine.counters):
        for key in values:
            values[key] %= 2**64


def near_32_bits(machine, rng):
    with_swap(machine, rng)
    for key in ("pgpgin", "pgpgout", "pswpin", "pswpout"):
        machine.events[key] = 2**32 - rng.randrange(1, 100000)
    machine.counters["ctxt"] = 2**32 - 100000
    machine.counters["intr"] = 2**31 - 90000


def large_steps(machine, rng, number):
    if number % 3 == 0:
        machine.counters["ctxt"] += rng.randrange(2**31, 2**34)
        machine.counters["intr"] += rng.randrange(2**31, 2**34)
        machine.events["pgpgin"] += rng.randrange(2**32, 2**36)


def more_guest_than_user(machine, rng, number):
    machine.cpu[8] += rng.randrange(300)


def no_ticks(machine, rng, number):
    if number % 2:
        machine.cpu = list(no_ticks.cpu)
    no_ticks.cpu = list(machine.cpu)


def large_memory(machine, rng):
    machine.memory["MemTotal"] = 64 * 2**30 + 12345  # KiB: 64 TiB
    machine.memory["MemFree"] = 17 * 2**30 + 7
    machine.memory["MemAvailable"] = 60 * 2**30 + 1
    machine.memory["Cached"] = 11 * 2**30 + 3
    machine.memory["SwapTotal"] = 16 * 2**30 + 5
    machine.memory["SwapFree"] = 15 * 2**30 + 3
    machine.memory["Active"] = 33 * 2**20 + 1
    machine.memory["Inactive"] = 17 * 2**20 + 3


def plain_disks(machine, rng):
    with_swap(machine, rng)
    machine.tree["block"] = ["sda", "vda", "nvme0n1"]
    machine.disks = {}
    for number, name in enumerate(("vda", "vda1", "sda", "sda1", "sda2", "nvme0n1", "nvme0n1p1")):
        machine.disks[(8, number, name)] = [rng.randrange(10**7) for _ in range(DISK_COLUMNS)]


def available(value):
    def prepare(machine, rng):
        with_swap(machine, rng)
        machine.memory["MemAvailable"] = value if value is not None else machine.memory["MemTotal"] + 1
        machine.memory["SwapFree"] = machine.memory["SwapTotal"] + 7  # read at different moments
    return prepare


def uneven_time(machine, rng, number):
    # A stopped vmstat: seconds pass that the delay does not know of.
    machine.uptime += rng.choice((0.0, 0.37, 2.0, 9.99))


def main():
    recorded, out = sys.argv[1:]
    trees = [read_tree(f"{recorded}/{k}") for k in range(len(os.listdir(recorded)))]
    for number, tree in enumerate(trees):
        tree["uptime"] = f"{5000 + number}.00 9000.00\n"
    write_sequence(out, "recorded", trees)
    base = trees[0]

    def save(name, *args, partition="vda", delay=1, **kwargs):
        write_sequence(out, name, sequence(base, name, *args, delay=delay, **kwargs), delay, partition)

    save("plain", 60, plain_disks, partition="/dev/sda1")
    save("delay2", 40, plain_disks, delay=2)
    save("delay3", 40, plain_disks, delay=3)
    save("cpus1024", 20, many_cpus)
    save("disks400", 4, many_disks, partition="mapper-with-a-long-name-63p2")
    save("missing", 12, missing_keys)
    save("backwards", 45, with_swap, backwards)
    save("idle_debt", 24, with_swap, idle_debt)
    save("wrap64", 24, near_64_bits, wrap_64_bits)
    save("wrap32", 24, near_32_bits, large_steps)
    save("guest", 24, with_swap, more_guest_than_user)
    no_ticks.cpu = Machine(base).cpu
    save("no_ticks", 12, with_swap, no_ticks)
    save("large_memory", 24, large_memory)
    save("available_0", 2, available(0))
    save("available_over_total", 2, available(None))
    save("available_huge", 2, available(2**62))
    save("uneven_time", 24, with_swap, uneven_time)
    zero = sequence(base, "zero_uptime", 4, with_swap)
    for tree in zero:
        tree["uptime"] = "0.00 0.00\n"
    write_sequence(out, "zero_uptime", zero)


if __name__ == "__main__":
    main()
