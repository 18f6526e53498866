#!/usr/bin/env python3
"""The lab's tool in its five stages (labs/pin/), built by its own makefile against the kit: what each prints of a
small program is compared with a single-stepper, value by value.

Ends with the line "N passed, N failed, N skipped".
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

HERE = engine.BUILD / "dbi" / "tests"
PROGRAM = HERE / "access_program"
STAGES = ("a-setup", "b-instructions", "c-reads", "d-writes", "e-images")
LINE = re.compile(r"(0x[0-9a-f]+)  (.*?) +([RW]) (0x[0-9a-f]+): ([0-9a-f ]*?) ?(?:-> ([0-9a-f ]*?) ?)?$")
# The same surroundings and no random places: the stack is where the stepper's is.
SURROUNDINGS = {"A": "b"}


def need(condition, text):
    if not condition:
        raise AssertionError(text)


def run_stage(folder, stage, program, *options):
    tool = folder / "obj-intel64" / f"{stage}.so"
    words = ["setarch", "-R", "env", "-i", "A=b", engine.PIN, "-t", tool, *options, "--", *program]
    outcome = engine.run(words, limit_s=60)
    return outcome


def stepper_events():
    outcome = engine.run([HERE / "access_stepper", PROGRAM], environment=SURROUNDINGS, limit_s=60)
    need(outcome.code == 7, f"the stepper: {outcome.describe()}")
    return [line.split() for line in outcome.out.decode().splitlines()]


def accesses_of(text):
    """[kind, pc, address, bytes...] of each line of stages C to E, and its disassembly apart."""
    events, texts = [], []
    for line in text.splitlines():
        match = LINE.match(line)
        need(match is not None, f"no line of an access: {line}")
        pc, disassembly, kind, address, first, second = match.groups()
        event = [kind.lower(), pc, address, first.replace(" ", "")]
        if second is not None:
            event.append(second.replace(" ", ""))
        events.append(event)
        texts.append(disassembly)
    return events, texts


def compare(found, expected, texts):
    for number, (a, b) in enumerate(zip(found, expected)):
        need(a == b, f"access {number}: {' '.join(a)} ({texts[number]}); the stepper has {' '.join(b)}")
    need(len(found) == len(expected), f"{len(found)} accesses, the stepper has {len(expected)}")


def stage_a(folder, _events):
    outcome = run_stage(folder, "a-setup", [PROGRAM])
    need(outcome.code == 7 and outcome.err == b"", outcome.describe() + outcome.err.decode())


def stage_b(folder, events):
    outcome = run_stage(folder, "b-instructions", [PROGRAM])
    need(outcome.code == 7, outcome.describe())
    lines = [line.split(maxsplit=4) for line in outcome.err.decode().splitlines()]
    found = {line[3] for line in lines}
    expected = {event[1] for event in events if event[0] == "i"}
    need(found == expected, f"{len(found)} addresses, the stepper has {len(expected)}: {sorted(found ^ expected)[:9]}")
    need(all(line[0] == str(PROGRAM) and line[1] == ".text" for line in lines), "image or section is another")
    routines = {line[2] for line in lines}
    need(any("recurse" in name for name in routines) and "_start" in routines, str(routines))


def stage_c(folder, events):
    outcome = run_stage(folder, "c-reads", [PROGRAM])
    need(outcome.code == 7, outcome.describe())
    found, texts = accesses_of(outcome.err.decode())
    compare(found, [[e[0], e[1], e[2], e[4]] for e in events if e[0] == "r"], texts)


def reads_and_writes(events, calls):
    return [[e[0], e[1], e[2], *e[4:]] for e in events if e[0] == "r" or (e[0] == "w" and e[1] not in calls)]


def calls_of(program):
    """Addresses of call instructions, after which nothing can be called."""
    text = subprocess.run(["objdump", "-d", program], capture_output=True, text=True, check=True).stdout
    return {f"0x{int(match.group(1), 16):x}" for match in re.finditer(r"^ +([0-9a-f]+):.*\tcall", text, re.M)}


def stage_d(folder, events):
    outcome = run_stage(folder, "d-writes", [PROGRAM])
    need(outcome.code == 7, outcome.describe())
    found, texts = accesses_of(outcome.err.decode())
    compare(found, reads_and_writes(events, calls_of(PROGRAM)), texts)


def stage_e(folder, events):
    outcome = run_stage(folder, "e-images", [PROGRAM], "-i", "no.such.image", "-i", PROGRAM.name, "-o", folder / "log")
    need(outcome.code == 7 and outcome.err == b"", outcome.describe() + outcome.err.decode()[:300])
    found, texts = accesses_of((folder / "log").read_text())
    compare(found, reads_and_writes(events, calls_of(PROGRAM)), texts)
    outcome = run_stage(folder, "e-images", ["/bin/ls", "/"], "-i", "ls", "-o", folder / "log")
    need(outcome.code == 0 and outcome.out == engine.run(["/bin/ls", "/"]).out, outcome.describe())
    need(len((folder / "log").read_text().splitlines()) > 5000, "too few accesses of ls")
    wrong = run_stage(folder, "e-images", ["/bin/true"], "-nosuch", "1")
    need(wrong.code not in (0, None) and b"-i" in wrong.err, f"a wrong switch: {wrong.describe()} {wrong.err[:200]}")


def main():
    results = engine.Results()
    tests = (stage_a, stage_b, stage_c, stage_d, stage_e)
    makefile = engine.KIT / "source" / "tools" / "Config" / "makefile.config"
    reason = engine.why_not() or (None if makefile.exists() else f"{makefile} is not built")
    if reason:
        for test in tests:
            results.skip(test.__name__, reason)
        sys.exit(results.end())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for path in (engine.ROOT / "labs" / "pin").iterdir():
            if path.is_file():
                shutil.copy(path, folder)
        made = engine.run(["make", "-C", folder, f"PIN_ROOT={engine.KIT.resolve()}"], limit_s=200)
        if made.code != 0:
            results.fail("make", made.err.decode()[-800:])
            sys.exit(results.end())
        events = stepper_events()
        for test in tests:
            try:
                test(folder, events)
                results.ok(test.__name__)
            except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
                results.fail(test.__name__, str(error)[:1000])
    sys.exit(results.end())


main()
