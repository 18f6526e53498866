#!/usr/bin/env python3
"""isotach inspect on real programs: every access with its values as a single-stepper tells them, choices, threads,
children, programs that are killed.

usage: inspect_test.py [NAME]...

Ends with the line "N passed, N failed, N skipped".
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

ISOTACH = os.environ.get("ISOTACH", str(engine.BUILD / "isotach"))
PYTHON = "/usr/bin/python3"
HERE = engine.BUILD / "dbi" / "tests"
LINE = re.compile(r"([irw]) \d+ .*? (0x[0-9a-f]+)  .*?(?:  \[(0x[0-9a-f]+)\] (\d+) = (.*))?$")


def inspect(*words, limit_s=60, environment=None):
    return engine.run([ISOTACH, "inspect", *words], limit_s=limit_s,
                      environment={**os.environ, "ISOTACH_KIT": str(engine.KIT), **(environment or {})})


def need(condition, text):
    if not condition:
        raise AssertionError(text)


def well(outcome, code=0):
    need(outcome.code == code, f"{outcome.describe()}: {outcome.err.decode(errors='replace')[-400:]}")
    return outcome


def events_of(text):
    """Lines of --text as the stepper writes them."""
    events = []
    for line in text.splitlines():
        match = LINE.match(line)
        need(match is not None, f"no line of an event: {line}")
        kind, pc, address, size, data = match.groups()
        if kind == "i":
            events.append(f"i {int(pc, 16):#x}")
        else:
            need(address is not None, f"no address: {line}")
            events.append(f"{kind} {int(pc, 16):#x} {address} {size} {data.replace(' -> ', ' ')}")
    return events


def every_value_is_that_of_a_stepper(folder):
    program = HERE / "access_program"
    # The same surroundings, so that the stack begins at the same address.
    surroundings = {"A": "b"}
    stepped = engine.run([HERE / "access_stepper", program], environment=surroundings)
    need(stepped.code == 7, stepped.describe())
    expected = stepped.out.decode().splitlines()
    lines = folder / "lines"
    words = ["setarch", "-R", "env", "-i", f"ISOTACH_KIT={engine.KIT}", "A=b", ISOTACH, "inspect", "-i", program.name,
             "--text", "-o", lines, "--", program]
    well(engine.run(words))
    found = events_of(lines.read_text())
    # The environment of the two differs by ISOTACH_KIT: addresses of the stack by a constant.
    def stack_shift():
        for a, b in zip(expected, found):
            if a[0] == "w" and b[0] == "w":
                return int(b.split()[2], 16) - int(a.split()[2], 16)
        return 0
    shift = stack_shift()

    def moved(event):
        parts = event.split()
        if len(parts) > 2 and int(parts[2], 16) > 0x7ff000000000:
            parts[2] = f"{int(parts[2], 16) + shift:#x}"
        return parts

    need(len(found) == len(expected), f"{len(found)} events, the stepper has {len(expected)}")
    for number, (a, b) in enumerate(zip(expected, found)):
        a, b = moved(a), b.split()
        if a == b:
            continue
        # Values may be addresses of the stack themselves.
        same = a[:4] == b[:4] and len(a) == len(b)
        for x, y in zip(a[4:], b[4:]):
            if x != y:
                difference = int.from_bytes(bytes.fromhex(y), "little") - int.from_bytes(bytes.fromhex(x), "little")
                same = same and len(x) == len(y) and difference == shift
        need(same, f"event {number}: {' '.join(b)}; the stepper has {' '.join(a)}")


def a_program_behaves_as_it_does_alone(folder):
    alone = engine.run(["ls", "-l", "/etc"])
    inspected = well(inspect("-o", folder / "records", "-i", "ls", "--report", folder / "r.html", "--", "ls", "-l", "/etc"))
    need(inspected.out.startswith(alone.out), "its output is another")
    need(b"/ls" in inspected.out[len(alone.out):] and b"reads of" in inspected.out[len(alone.out):], "no summary")
    need(inspected.err == b"", inspected.err.decode())
    need("Accesses over address and time" in (folder / "r.html").read_text(), "no map in the report")


def json_goes_alone(folder):
    result = json.loads(well(inspect("--json", "--", "sh", "-c", "echo hello; exit 3")).out)
    need(result["exit_code"] == 3 and result["complete"], str(result)[:300])
    need(result["instructions"] > 10000 and result["reads"] > 1000 and result["writes"] > 1000, str(result)[:300])
    names = [image["name"] for image in result["images"]]
    need(any("libc.so" in name for name in names) and any("ld-linux" in name for name in names), str(names))


def only_named_images(folder):
    result = json.loads(well(inspect("--json", "-i", "libc.so.6", "--", "ls", "/")).out)
    need([pathlib.Path(image["name"]).name for image in result["images"]] == ["libc.so.6"], str(result["images"]))
    both = json.loads(well(inspect("--json", "-i", "ls", "-i", "libc.so", "--", "ls", "/")).out)
    names = {pathlib.Path(image["name"]).name for image in both["images"]}
    need(names == {"ls", "libc.so.6"}, str(names))


def records_are_the_run(folder):
    """What is read again is what was shown at once; packed or not."""
    for name in ("plain", "packed.zst"):
        first = json.loads(well(inspect("--json", "-i", "true", "-o", folder / name, "--", "true")).out)
        again = json.loads(well(inspect("--json", "--read", folder / name)).out)
        need(first == again, f"{name}: {first} {again}"[:600])


def routines_and_stretches(folder):
    result = json.loads(well(inspect("--json", "-i", "libc.so.6", "--routine", "getenv", "--", "ls", "/")).out)
    need([routine["name"] for routine in result["routines"]] == ["getenv"], str(result["routines"])[:300])
    limited = json.loads(well(inspect("--json", "--limit", "100", "--", "ls", "/")).out)
    need(limited["instructions"] + limited["reads"] + limited["writes"] == 100, str(limited)[:300])
    whole = json.loads(well(inspect("--json", "--", "ls", "/")).out)
    started = json.loads(well(inspect("--json", "--start", "__libc_start_main", "--", "ls", "/")).out)
    need(0 < started["instructions"] < whole["instructions"], f"{started['instructions']} {whole['instructions']}")
    sampled = json.loads(well(inspect("--json", "--sample", "10", "--", "ls", "/")).out)
    ratio = sampled["instructions"] / whole["instructions"]
    need(0.05 < ratio < 0.2, f"{ratio} of the instructions")


def threads_and_children(folder):
    code = ("import threading, subprocess\n"
            "all_here = threading.Barrier(4)\n"
            "ts = [threading.Thread(target=all_here.wait) for _ in range(4)]\n"
            "[t.start() for t in ts]; [t.join() for t in ts]\n"
            "print(subprocess.run(['echo', 'child'], capture_output=True).stdout)\n")
    outcome = well(inspect("--writes", "-i", "libc.so.6", "-o", folder / "r.zst", "--", PYTHON, "-c", code, limit_s=120))
    need(outcome.out.startswith(b"b'child\\n'"), outcome.out[:200].decode())
    well(inspect("--read", folder / "r.zst", "--text", "-o", folder / "lines", limit_s=120))
    with open(folder / "lines", encoding="utf-8", errors="replace") as lines:
        threads = {line.split()[1] for line in lines}
    need(len(threads) == 5, f"threads {threads}")


def a_killed_program_leaves_what_it_did(folder):
    outcome = inspect("-o", folder / "r", "--", "sh", "-c", "echo x; kill -9 $$")
    need(outcome.code == 1, outcome.describe())
    need(b"by signal 9" in outcome.out and b"killed" in outcome.out, outcome.out.decode()[-400:])


def a_fault_is_the_programs_own(folder):
    alone = engine.run([PYTHON, "-c", "import ctypes; ctypes.string_at(8)"])
    outcome = inspect("--json", "-i", "libc.so.6", "--", PYTHON, "-c", "import ctypes; ctypes.string_at(8)")
    need(alone.code == -signal.SIGSEGV, alone.describe())
    result = json.loads(well(outcome).out)
    need(result["signal"] == signal.SIGSEGV and b"tool" not in outcome.err, str(result)[:300] + outcome.err.decode()[-300:])


def a_reader_that_leaves_ends_it(folder):
    words = f"'{ISOTACH}' inspect --text -- ls -lR /usr/share/doc 2>/dev/null | head -3"
    result = subprocess.run(["bash", "-c", words], stdout=subprocess.PIPE, timeout=60, check=False)
    need(len(result.stdout.splitlines()) == 3, str(result.stdout[:300]))


def main():
    results = engine.Results()
    tests = [every_value_is_that_of_a_stepper, a_program_behaves_as_it_does_alone, json_goes_alone, only_named_images,
             records_are_the_run, routines_and_stretches, threads_and_children, a_killed_program_leaves_what_it_did,
             a_fault_is_the_programs_own, a_reader_that_leaves_ends_it]
    wanted = sys.argv[1:]
    reason = engine.why_not() or (None if engine.find_tool("inspect") else "the kit has no tool inspect")
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        if reason:
            results.skip(test.__name__, reason)
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
                results.ok(test.__name__)
            except (AssertionError, OSError, ValueError, subprocess.TimeoutExpired) as error:
                results.fail(test.__name__, str(error)[:1000])
    sys.exit(results.end())


main()
