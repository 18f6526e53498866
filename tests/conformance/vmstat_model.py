"""What vmstat and free should print for a snapshot, in exact whole numbers, and where 4.0.6 is wrong.

Written from the definitions in docs/vmstat.md and independent of the C++ code. Each expected field is a
pair: the right text, and the name of the fault that explains another text by vmstat (or None).
"""
import re
import struct

FIRST_CS = "first line: cs divided by all CPU ticks instead of the uptime"
MISSING = "what the kernel does not tell printed as 0"
NO_UPTIME = "first line: an uptime of 0 taken as 1 second"
BACKWARDS = "a counter that went backwards printed as a huge number"
DROPPED = "a CPU time that runs backwards makes the whole interval 100 % idle"
OWED = "idle time that ran backwards is not taken from the next interval"
NO_TICKS = "no CPU time between two samples printed as 100 % idle"
WIDTH = "more than 32 bits cut off"
ELAPSED = "rates divided by the delay instead of the time that passed"
CUR = "requests in flight divided by 1000"
MILLI = "seconds printed under the name milli"
AVAILABLE_0 = "an available memory of 0 replaced by the free memory"
PRECISION = "amounts over 2^53 rounded to a double"
FLOATING = "first line: an exact quotient rounded below itself"

REASONS = (FIRST_CS, MISSING, NO_UPTIME, BACKWARDS, DROPPED, OWED, NO_TICKS, WIDTH, ELAPSED, CUR, MILLI,
           AVAILABLE_0)

UNITS = {"B": 1, "b": 1, "k": 1000, "K": 1024, "m": 10**6, "M": 2**20}
U64 = 2**64
IDLE, IOWAIT = 3, 4  # columns of a cpu line, which the kernel lets run backwards


class Tree:
    def __init__(self, path):
        def read(name):
            file = path / "proc" / name
            return file.read_text() if file.exists() else ""

        self.memory = {k: int(v) for k, v in re.findall(r"^(.+?):\s+(\d+)", read("meminfo"), re.M)}
        self.events = {k: int(v) for k, v in re.findall(r"^(\S+) (\d+)", read("vmstat"), re.M)}
        stat = read("stat")
        self.cpu = [int(x) for x in re.search(r"^cpu +(.*)$", stat, re.M)[1].split()]
        numbers = re.findall(r"^(intr|ctxt|btime|processes|procs_\w+) (\d+)", stat, re.M)
        self.stat = {k: int(v) for k, v in numbers}
        seconds, hundredths = re.match(r"(\d+)\.(\d\d)", read("uptime")).groups()
        self.uptime_cs = int(seconds) * 100 + int(hundredths)
        self.disks = [(words[2], [int(x) for x in words[3:]])
                      for words in (line.split() for line in read("diskstats").splitlines())]
        self.block = {entry.name for entry in (path / "sys" / "block").iterdir()}
        self.slabs = sorted((line.split() for line in read("slabinfo").splitlines()[2:]), key=lambda w: w[0])


class Sequence:
    def __init__(self, folder):
        count = sum(1 for entry in folder.iterdir() if entry.name.isdigit())
        self.trees = [Tree(folder / str(number)) for number in range(count)]
        self.delay = int((folder / "delay").read_text())
        self.partition = (folder / "partition").read_text().strip()

    def heads_may_differ(self, words):
        # vmstat counts partitions, which it does not print, when it repeats the head of -d.
        return "-d" in words.split() and len(self.trees[0].disks) > 21


def number_places(our_words, expected):
    """Positions of the numbers in a line: the last ones in tables, the first one in lists."""
    if len(expected) == 1:
        return [0]
    return range(len(our_words) - len(expected), len(our_words))


def text(number, reason=None):
    return ("-" if number is None else str(number)), (reason or (MISSING if number is None else None))


# --- amounts of memory -------------------------------------------------------------------------------


def difference(whole, part):
    return None if whole is None or part is None else max(whole - part, 0)


def swap_used(memory):
    return difference(memory.get("SwapTotal"), memory.get("SwapFree"))


def cache(memory):
    return memory["Cached"] + memory.get("SReclaimable", 0)


def available(memory):
    value = memory.get("MemAvailable")
    return memory["MemFree"] if value is not None and value > memory["MemTotal"] else value


def used(memory):
    value = available(memory)
    return difference(memory["MemTotal"], memory["MemFree"] if value is None else value)


def in_unit(kib, unit, reason=None):
    if kib is None:
        return text(None)
    number = kib * 1024 // unit
    return text(number, reason or (PRECISION if number > 2**53 else None))


# --- rows ---------------------------------------------------------------------------------------------


def growth(before, now):
    """None where a counter was reset; a step back of more than half the range is a wrap."""
    if now >= before:
        return now - before
    wrapped = (now - before) % U64
    return wrapped if wrapped < U64 // 2 else None


def shares(ticks, reason=None):
    user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice = ticks
    parts = [user + nice, system + irq + softirq, idle, iowait, steal]
    total = sum(parts)
    if total == 0:
        return [text(None, NO_TICKS)] * 6
    guests = guest + guest_nice
    parts[0] = max(parts[0] - guests, 0)
    return [text((100 * part + total // 2) // total, reason) for part in parts + [guests]]


def cpu_columns(trees, number, debts):
    now = trees[number].cpu
    if number == 0:
        return shares(now)
    before = trees[number - 1].cpu
    ticks = []
    reset = False
    reason = None
    for field, (earlier, later) in enumerate(zip(before, now)):
        if later < earlier:
            reason = DROPPED
        if field not in debts:
            grown = growth(earlier, later)
            reset = reset or grown is None
            ticks.append(grown or 0)
            continue
        owed = debts[field]
        debts[field] = max(earlier - later, 0)
        ticks.append(max(later - earlier - owed, 0) if later >= earlier else 0)
        if owed:
            reason = reason or OWED
    if reset:
        debts.update({IDLE: 0, IOWAIT: 0})
        return [text(None, DROPPED)] * 6
    return shares(ticks, reason)


def rate_columns(trees, number, delay, unit):
    now, before = trees[number], trees[number - 1] if number else None
    page_kib = 4
    columns = []
    sources = [("pswpin", "events", page_kib, unit), ("pswpout", "events", page_kib, unit),
               ("pgpgin", "events", 1, None), ("pgpgout", "events", 1, None),
               ("intr", "stat", 1, None), ("ctxt", "stat", 1, None)]
    for key, kind, scale, own_unit in sources:
        value = getattr(now, kind).get(key)
        if value is None:
            columns.append(text(None))
            continue
        if number == 0:
            if now.uptime_cs == 0:
                columns.append(text(None, NO_UPTIME))
                continue
            amount, per = min(value * scale, U64 - 1), now.uptime_cs
        else:
            amount = growth(getattr(before, kind)[key], value)
            if amount is None:
                columns.append(text(None, BACKWARDS))
                continue
            amount *= scale
            step = now.uptime_cs - before.uptime_cs
            per = step if step > 0 and before.uptime_cs and now.uptime_cs else delay * 100
        whole = amount * 1024 // own_unit if own_unit else amount
        exact = whole * 100
        right = exact // per if number == 0 else (exact + per // 2) // per
        reason = None
        if number == 0 and key == "ctxt":
            reason = FIRST_CS
        elif right >= 2**32 or (number and key in ("intr", "ctxt") and amount >= 2**31) or (
                number and whole >= 2**32):
            reason = WIDTH
        elif number == 0 and exact % per == 0:
            reason = FLOATING
        elif number and per != delay * 100:
            reason = ELAPSED
        columns.append(text(right, reason))
    return columns


def rows(sequence, words):
    unit = UNITS[words[words.index("-S") + 1]] if "-S" in words else 1024
    lines = []
    debts = {IDLE: 0, IOWAIT: 0}
    for number, tree in enumerate(sequence.trees):
        memory = tree.memory
        pair = ("Inactive", "Active") if "-a" in words else ("Buffers", None)
        line = [text(max(tree.stat["procs_running"] - 1, 0)), text(tree.stat["procs_blocked"]),
                in_unit(swap_used(memory), unit), in_unit(memory["MemFree"], unit),
                in_unit(memory[pair[0]], unit),
                in_unit(memory[pair[1]] if pair[1] else cache(memory), unit)]
        line += rate_columns(sequence.trees, number, sequence.delay, unit)
        line += cpu_columns(sequence.trees, number, debts)
        lines.append(line)
    if "-y" in words:
        del lines[0]
    return lines[:1] if words[-1] == "1" else lines


# --- the other modes -----------------------------------------------------------------------------------


def available_reason(memory):
    return AVAILABLE_0 if memory.get("MemAvailable") == 0 else None


def stats(sequence, words):
    tree = sequence.trees[0]
    memory = tree.memory
    unit = UNITS[words[words.index("-S") + 1]] if "-S" in words else 1024
    values = [in_unit(memory["MemTotal"], unit), in_unit(used(memory), unit, available_reason(memory)),
              in_unit(memory["Active"], unit), in_unit(memory["Inactive"], unit),
              in_unit(memory["MemFree"], unit), in_unit(memory["Buffers"], unit),
              in_unit(cache(memory), unit),
              in_unit(memory.get("SwapTotal"), unit), in_unit(swap_used(memory), unit),
              in_unit(memory.get("SwapFree"), unit)]
    values += [text(ticks) for ticks in tree.cpu]
    values += [text(tree.events.get(key)) for key in ("pgpgin", "pgpgout", "pswpin", "pswpout")]
    no_zone = 0 if "pgfree" in tree.events else None
    values += [text(tree.events.get(f"pgalloc_{zone}", no_zone))
               for zone in ("dma", "dma32", "high", "movable", "normal")]
    values += [text(tree.events.get("pgfree"))]
    values += [text(tree.stat[key]) for key in ("intr", "ctxt", "btime", "processes")]
    return [[value] for value in values]


def disk_rows(sequence, words):
    count = min(len(sequence.trees), 3) if "SOME" in words else 1
    lines = []
    for tree in sequence.trees[:count]:
        for name, counters in tree.disks:
            if name in tree.block:
                lines.append([text(value) for value in counters[:8]] +
                             [text(counters[8], CUR), text(counters[9] // 1000)])
    return lines


def disk_sum(sequence):
    tree = sequence.trees[0]
    whole = [counters for name, counters in tree.disks if name in tree.block]
    sums = [sum(counters[column] for counters in whole) for column in range(11)]
    values = [text(len(whole)), text(len(tree.disks) - len(whole))] + [text(value) for value in sums[:8]]
    values += [text(sums[8], CUR), text(sums[9], MILLI), text(sums[10], MILLI)]
    return [[value] for value in values]


def partition(sequence):
    name = sequence.partition.removeprefix("/dev/")
    return [[text(dict(tree.disks)[name][column]) for column in (0, 2, 4, 6)] for tree in sequence.trees[:3]]


def slabs(sequence, words):
    count = min(len(sequence.trees), 3) if "SOME" in words else 1
    return [[text(int(value)) for value in words_of[1:5]]
            for tree in sequence.trees[:count] for words_of in tree.slabs]


def human(kib, si):
    if kib is None:
        return "-"
    size = kib * 1024
    if len(f"{size}B") <= 4:
        return f"{size}B"
    step, tail, room = (1000.0, "", 4) if si else (1024.0, "i", 5)
    for power, suffix in enumerate("KMGTP", 1):
        value = size / step**power
        single = struct.unpack("f", struct.pack("f", value))[0]
        for shown in (f"{single:.1f}{suffix}{tail}", f"{int(value)}{suffix}{tail}"):
            if len(shown) <= room:
                return shown
    return shown


def free(sequence, words):
    memory = sequence.trees[0].memory
    reason = available_reason(memory)

    def shown(kib, why=None):
        if "-h" in words:
            number = human(kib, "--si" in words)
            return number, why or (MISSING if kib is None else None)
        return in_unit(kib, UNITS[words[words.index("-S") + 1]] if "-S" in words else 1024, why)

    line = [shown(memory["MemTotal"]), shown(used(memory), reason), shown(memory["MemFree"]),
            shown(memory.get("Shmem"))]
    if "-w" in words:
        line += [shown(memory["Buffers"]), shown(cache(memory))]
    else:
        line += [shown(memory["Buffers"] + cache(memory))]
    line += [shown(available(memory), reason)]
    return [line, [shown(memory.get("SwapTotal")), shown(swap_used(memory)), shown(memory.get("SwapFree"))]]


def expected_lines(sequence, command):
    words = command.split()
    if "--free" in words:
        return free(sequence, words)
    if "-s" in words:
        return stats(sequence, words)
    if "-d" in words:
        return disk_rows(sequence, words)
    if "-D" in words:
        return disk_sum(sequence)
    if "-p" in words:
        return partition(sequence)
    if "-m" in words:
        return slabs(sequence, words)
    if "-f" in words:
        return [[text(sequence.trees[0].stat["processes"])]]
    return rows(sequence, words)
