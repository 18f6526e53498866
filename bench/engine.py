#!/usr/bin/env python3
"""The instrumentation engine beside its peers: CPU time of programs under each, as a ratio to the native run.

usage: engine.py [--short|--fast] [--rounds N] [--modes MODE,...] [--json FILE] [PROGRAM]...

CPU time (user and system, of the whole process tree) is what is compared; the modes take turns, and the median of
N (3) rounds is printed, then the geometric mean over the programs that every mode ran. Modes: no tool, a count at
each basic block, a count at each instruction, a record of each memory access; beside them valgrind --tool=none,
qemu-x86_64, and DynamoRIO where drrun is on PATH: each of these peers runs once, so that all is done in ten minutes.
Every run must print what the native one prints; what a peer could not run is said at the end. The inputs keep most
programs busy for a quarter of a second to two seconds; with --short they take about a tenth of that, so that
translation counts for more. --fast takes short inputs and three programs. "/bin/true" is shown in milliseconds of
time, and last the cycles of one call of an analysis routine that cannot be written in place. Then each goal, with
what was measured and whether it was met.
"""
import argparse
import math
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from figures import Figures

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
KIT = pathlib.Path(os.environ.get("ISOTACH_KIT", str(BUILD / "kit")))
PIN, TOOLS, WORKLOADS = KIT / "pin", KIT / "tools", BUILD / "bench" / "engine_workloads"
PROBE = BUILD / "dbi" / "tests" / "probe.so"
LIMIT_S = 120
PEERS = ("valgrind", "qemu", "DynamoRIO")

# What the engine is to reach: mean ratios to native, ratios of single programs without a tool, and the rest.
GOALS = {"no tool": 1.35, "blocks": 1.8, "instructions": 2.5, "memory": 6.0}
PROGRAM_GOALS = {"cc1": 3.0, "signals": 2.0, "node": 4.0, "java": 6.0}
TRUE_GOAL_MS = 15.0
CALL_GOAL_CYCLES = 40.0  # and the routine


def modes():
    pin = [str(PIN)]
    every = {"native": []}
    if PIN.exists():
        every["no tool"] = [*pin, "--"]
        for name, tool, options in (("blocks", "inscount1.so", ["-o", "/dev/null"]),
                                    ("instructions", "inscount0.so", ["-o", "/dev/null"]),
                                    ("memory", "memtrace.so", ["-count", "1", "-o", "/dev/null"])):
            if (TOOLS / tool).exists():
                every[name] = [*pin, "-t", str(TOOLS / tool), *options, "--"]
    if shutil.which("valgrind"):
        every["valgrind"] = ["valgrind", "-q", "--tool=none", "--smc-check=all-non-file"]
    if shutil.which("qemu-x86_64"):
        every["qemu"] = ["qemu-x86_64"]
    if shutil.which("drrun"):
        every["DynamoRIO"] = ["drrun", "--"]
    return every


def make_inputs(folder, short):
    """Text, a program and scripts, always the same: in two lengths."""
    lines, x = [], 1
    for i in range(60000 if short else 240000):
        x = (x * 1103515245 + 12345) & 0x7fffffff
        lines.append(f"{x % 9973} line {i} of text {x >> 7}")
    (folder / "text").write_text("\n".join(lines))
    (folder / "part").write_text("\n".join(lines[:20000 if short else 120000]))
    functions = "".join(f"""
int f{i}(int *a, int n) {{ int s = {i}; for (int i = 0; i < n; i++) {{ a[i] = a[i] * {i + 3} + s; s ^= a[i] >> {i % 7};
if (s % {i + 2} == 1) {{ switch (a[i] & 7) {{ case 0: s += n; break; case 3: s -= i; break;
default: s = s * 5 + f{max(i - 1, 0)}(a, i / 2); }} }} }} return s; }}
""" for i in range(60))
    (folder / "p.c").write_text(functions)
    rows, loops = (60000, 1) if short else (600000, 10)
    (folder / "s.sql").write_text(f"""create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}) insert into t select i, hex(i * 7919) from n;
create index x on t(b); select count(*), sum(a), max(b) from t; select substr(b, 1, 1) k, count(*) from t group by k order by 2;
""")
    (folder / "b.py").write_text(f"""
import json, re
d = {{}}
for i in range({30000 * loops}): d.setdefault(str(i * 7919 % 1009), []).append(i * 3 % 7)
s = json.dumps(d); print(len(s), sum(map(int, re.findall(r'\\d+', s[:200000]))), sum(i * i % 7 for i in range({300000 * loops})))
""")
    (folder / "b.pl").write_text(
        f"my %h; for my $i (1 .. {250000 * loops})"
        " { $h{$i * 7919 % 1009} .= chr(97 + $i % 26) } my $s = join ',', "
        "map { \"$_=$h{$_}\" } sort keys %h; print length($s), ' ', ($s =~ s/[aeiou]+/_/g), \"\\n\";")
    (folder / "b.js").write_text("let rounds = %d;" % (300000 * loops) + """let m = new Map(); for (let i = 0; i < rounds;
i++) m.set('k' + i % 1000, (m.get('k' + i % 1000) || 0) + i);
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } console.log([...m.values()].reduce((a, b) => a + b), fib(26));""")
    (folder / "B.java").write_text(("""import java.util.*;
public class B { public static void main(String[] v) { Map<String, Integer> m = new TreeMap<>();
for (int i = 0; i < 200000; i++) m.merge("k" + i % 500, i % 7, Integer::sum); long s = 0; for (int i = 0; i < LOOPS;
i++) s += i ^ (s >> 3);
System.out.println(m.hashCode() + " " + s); } }""").replace("LOOPS", str(30000000 * loops)))


def programs(folder, fast, short):
    """(name, command, fast set) of those that this machine has."""
    text = "part" if fast else "text"
    times = 1 if short else 4
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=False).stdout.strip()
    every = [
        ("ls", ["ls", "-lR", "/usr/include" if fast else "/usr/share"], False),
        ("gzip", ["gzip", "-9", "-c", text], True),
        ("xz", ["xz", "-4", "-c", text if short else "part"], False),
        ("bzip2", ["bzip2", "-c", *[text] * times], False),
        ("python3", ["/usr/bin/python3", "b.py"], True),
        ("sqlite3", ["sqlite3", "-init", "s.sql", ":memory:", ""], False),
        ("openssl", ["openssl", "dgst", "-sha3-512", *[text] * 8], False),
        ("cc1", [cc1, "-quiet", "-O2", "p.c", "-o", "/dev/null"], False),
        ("perl", ["perl", "b.pl"], False),
        ("pigz-p2", ["pigz", "-p", "2", "-c", *[text] * (1 if short else 2)], False),
        ("calls", [str(WORKLOADS), "calls", "3000000" if fast else str(20000000 * times)], True),
        ("threads", [str(WORKLOADS), "threads", str(10000000 * times)], False),
        ("signals", [str(WORKLOADS), "signals", str(50000 * (times + 1))], False),
        ("node", ["node", "b.js"], False),
        ("java", ["java", "-cp", ".", "B"], False),
    ]
    found = []
    for name, command, in_fast in every:
        if shutil.which(command[0]) is None or (fast and not in_fast):
            continue
        if name == "java":
            made = subprocess.run(["javac", "B.java"], cwd=folder, check=False) if shutil.which("javac") else None
            if made is None or made.returncode != 0:
                continue
        found.append((name, command))
    return found


def run(words, folder):
    """(CPU seconds, seconds, output), or in words why there is none."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        out = process.communicate(timeout=LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return f"took more than {LIMIT_S} s"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        return f"exit code {process.returncode}" if process.returncode > 0 else f"died of signal {-process.returncode}"
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - start, out


def measure(command, ways, rounds, folder):
    """{mode: median CPU seconds, or None} and {mode: why it has none}; native comes first in every round."""
    times, failed, wanted = {mode: [] for mode in ways}, {}, None
    run(command, folder)  # files come from memory from now on
    for number in range(rounds):
        for mode, prefix in ways.items():
            if mode in failed or (mode in PEERS and number > 0):
                continue
            path = shutil.which(command[0]) if mode == "qemu" else command[0]
            got = run([*prefix, path, *command[1:]], folder)
            if mode == "native":
                wanted = None if isinstance(got, str) else got[2]
            if isinstance(got, str):
                failed[mode] = got
            elif got[2] != wanted:
                failed[mode] = "printed something else"
            else:
                times[mode].append(got[0])
    return {mode: statistics.median(values) if mode not in failed else None for mode, values in times.items()}, failed


def time_true(ways, rounds, folder):
    row = {}
    for mode, prefix in ways.items():
        path = shutil.which("true") if mode == "qemu" else "true"
        got = [run([*prefix, path], folder) for _ in range(max(rounds * 3, 5))]
        is_good = not any(isinstance(one, str) for one in got)
        row[mode] = statistics.median(one[1] for one in got) * 1000 if is_good else None
    return row


def cycles_of_a_call(folder):
    """Of probe.so -way call, whose routine counts and rarely does more."""
    count = folder / "count"
    command = [str(WORKLOADS), "calls", "2000000"]
    with open("/proc/cpuinfo", encoding="ascii") as file:
        mhz = max(float(line.split(":")[1]) for line in file if line.startswith("cpu MHz"))
    probe = [str(PIN), "-t", str(PROBE), "-o", str(count)]
    plain, called = run([str(PIN), "--", *command], folder), run([*probe, "-way", "call", "--", *command], folder)
    if isinstance(plain, str) or isinstance(called, str):
        return None
    return (called[0] - plain[0]) / int(count.read_text().split()[1]) * mhz * 1e6


def mean_ratio(rows, mode):
    return math.exp(statistics.fmean(math.log(row[mode] / row["native"]) for row in rows))


def judge(figures, table, true_ms, call_cycles):
    """Each goal that something was measured for."""
    found = []
    for mode, goal in GOALS.items():
        rows = [row for row in table.values() if row.get(mode)]
        if rows:
            found.append((f"{mode}, mean of {len(rows)} programs", mean_ratio(rows, mode), goal, "times native"))
    for program, goal in PROGRAM_GOALS.items():
        row = table.get(program, {})
        if row.get("no tool"):
            found.append((f"{program}, no tool", row["no tool"] / row["native"], goal, "times native"))
    for peer in PEERS:
        slower = [(row["no tool"] / row[peer], program) for program, row in table.items() if row.get("no tool") and row.get(peer)]
        if slower:
            worst, program = max(slower)
            found.append((f"no tool beside {peer}, at worst ({program})", worst, 1.0, f"times {peer}"))
    if true_ms:
        found.append(("true, no tool", true_ms, TRUE_GOAL_MS, "ms"))
    if call_cycles:
        found.append(("a call that is not written in place", call_cycles, CALL_GOAL_CYCLES, "cycles with its routine"))
    for what, measured, goal, unit in found:
        figures.goal(what, f"{measured:.2f} {unit}", f"at most {goal:g}", measured <= goal)


def main():
    figures = Figures("Programs under the instrumentation engine, beside valgrind, qemu and DynamoRIO")
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    short = arguments.short or arguments.fast
    ways = modes()
    if arguments.modes:
        ways = {mode: prefix for mode, prefix in ways.items() if mode == "native" or mode in arguments.modes.split(",")}
    if "no tool" not in ways:
        print(f"{PIN} is not built: ninja -C build engine", file=sys.stderr)
    for mode, program in (("valgrind", "valgrind"), ("qemu", "qemu-x86_64"), ("DynamoRIO", "drrun")):
        if mode in ways:
            figures.peer(program)
    others = [mode for mode in ways if mode != "native"]
    shown = figures.table(f"CPU time of programs, {'short' if short else 'long'} inputs, as times of the native run; "
                          f"medians of {arguments.rounds} rounds", ("program", None), ("native, s", 3),
                          *((mode, 2) for mode in others))
    table, reasons, true_ms, call_cycles = {}, [], None, None
    with tempfile.TemporaryDirectory(prefix="isotach-bench-") as name:
        folder = pathlib.Path(name)
        make_inputs(folder, short)
        for program, command in programs(folder, arguments.fast, short):
            if arguments.names and program not in arguments.names:
                continue
            row, failed = measure(command, ways, arguments.rounds, folder)
            if not row["native"]:
                figures.remark(f"{program} fails natively here: {failed.get('native', 'it takes no time')}")
                continue
            reasons += [f"{mode} could not run {program}: {why}" for mode, why in failed.items()]
            table[program] = row
            shown.row(program, row["native"], *(row[mode] / row["native"] if row[mode] else None for mode in others))
        common = [row for row in table.values() if all(row.values())]
        if common:
            shown.row(f"mean of {len(common)}", None, *(mean_ratio(common, mode) for mode in others))
        if not arguments.names:
            row = time_true(ways, arguments.rounds, folder)
            figures.table("/bin/true, ms of time", ("", None), *((mode, 1) for mode in ways)).row("", *row.values())
            if "no tool" in ways and PROBE.exists():
                call_cycles = cycles_of_a_call(folder)
            true_ms = row.get("no tool")
    judge(figures, table, true_ms, call_cycles)
    for reason in reasons:
        figures.remark(reason)
    figures.finish()


main()
