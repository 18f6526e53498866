#!/usr/bin/env python3
"""Every form of instruction natively and under the engine from the same random states; all results must be equal.

usage: instructions_test.py [--tool TOOL]... [--seed S] [--seconds N] [--sequences N] [--kit KIT] [--shown N]

One round takes each form once, and N (4000) sequences of up to 12 random instructions, under each tool: none,
one that calls a routine at each instruction, and one that records each access: its code destroys status flags that
the program overwrites next, so those that a handler of a fault would see are left out there. With --seconds rounds with
new seeds follow until the time is up (./dev fuzz engine).
Each difference is named: the sample, its instructions, and what differs. Ends with "N passed, N failed, N skipped".
"""
import argparse
import functools
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

RUNNER = engine.BUILD / "dbi" / "tests" / "instruction_runner"
# Runs that the engine ended are taken up behind the sample where it ended; so often at most.
RESTARTS = 40
# Their routines are written in place.
DESTROYING = ("probe:record", "probe:ins", "probe:bbl")


def digests(text):
    lines = text.decode(errors="replace").splitlines()
    return {int(words[0]): words[1] for words in map(str.split, lines[1:]) if len(words) == 2}


@functools.cache
def native(options, start, count):
    done = engine.run([RUNNER, *options, "--from", str(start), "--count", str(count)], 120)
    if done.code != 0:
        raise SystemExit(f"the native run ended otherwise: {done.describe()} {done.err[-300:]}")
    return digests(done.out)


def explain(words, options, number):
    """The instructions of a sample, and the lines in which the two runs differ."""
    shown = [*options, "--from", str(number), "--count", "1", "--show"]
    ours = engine.run([*words, RUNNER, *shown], 20)
    theirs = engine.run([RUNNER, *shown], 20)
    ours_lines, theirs_lines = (done.out.decode(errors="replace").splitlines()[2:] for done in (ours, theirs))
    code = [line.strip() for line in theirs_lines[:theirs_lines.index(" before:")]]
    if ours.code != 0:
        error = ours.err.decode(errors="replace").strip().splitlines()
        return code, [f"{ours.describe()} {' | '.join(error[-2:])}"]
    differences = []
    if len(ours_lines) == len(theirs_lines):
        differences = [f"{a.strip()} instead of {b.strip()}" for a, b in zip(ours_lines, theirs_lines) if a != b]
    if not differences:
        differences = ["only ours: " + line.strip() for line in ours_lines if line not in theirs_lines]
        differences += ["only native: " + line.strip() for line in theirs_lines if line not in ours_lines]
    return code, differences or ["no difference when it runs alone"]


def compare(name, words, options, start, count, shown):
    """One run of count samples, of whose differences some are shown; its results."""
    results = engine.Results()
    wanted = native(options, start, count)
    position, restarts, failed = start, 0, []
    while position < start + count:
        rest = start + count - position
        done = engine.run([*words, RUNNER, *options, "--from", str(position), "--count", str(rest)], 240)
        # Addresses of code depend on where a run begins.
        expected = wanted if position == start else native(options, position, rest)
        got = digests(done.out)
        failed += [number for number, digest in got.items() if expected.get(number) != digest]
        results.passed += sum(expected.get(number) == digest for number, digest in got.items())
        if done.code == 0 and len(got) == rest:
            break
        position = position + len(got)
        if position >= start + count:
            results.fail(name, f"behind the last sample: {done.describe()}")
            break
        failed.append(position)
        position += 1
        restarts += 1
        if restarts > RESTARTS:
            results.fail(name, f"the engine ended the run too often; {start + count - position} samples were not run")
            break
    for number in failed:
        results.failed += 1
        if shown <= 0:
            continue
        shown -= 1
        code, differences = explain(words, options, number)
        text = [f"FAILED {name} sample {number}  [{' '.join(options)} --from {number} --count 1 --show]"]
        text += [f"    {line}" for line in code] + [f"      {line[:260]}" for line in differences[:6]]
        print("\n".join(text), flush=True)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--sequences", type=int, default=4000)
    parser.add_argument("--kit", type=pathlib.Path)
    parser.add_argument("--shown", type=int, default=30)
    arguments = parser.parse_args()
    if arguments.kit:
        engine.use_kit(arguments.kit)
    results = engine.Results()
    reason = engine.why_not()
    if reason:
        results.skip("instructions", reason)
        return results.end()
    tools = arguments.tool or ["none", "probe:call", "probe:record"]
    first = engine.run([RUNNER, "--count", "1"], 20).out.decode()
    forms = int(first.split()[0])
    print(first.splitlines()[0])
    end = time.monotonic() + arguments.seconds
    seed = arguments.seed
    while True:
        jobs = []
        for tool in tools:
            # Only the samples are instrumented: making them takes a thousand times as many instructions.
            samples = ("-above", "0x30000000", "-below", "0x40000000") if tool.startswith("probe:") else ()
            words = engine.prefix(tool, tool_arguments=samples)
            options = ("--seed", str(seed), *(("--without-flags-of-faults",) if tool in DESTROYING else ()))
            jobs.append((tool, words, options, 0, forms, arguments.shown))
            for length in (3, 12):
                jobs.append((tool, words, (*options, "--length", str(length)), 0, arguments.sequences // 2,
                             arguments.shown))
        for _, future in engine.together(lambda job: compare(*job), jobs):
            results.add(future.result())
        seed += 1
        if time.monotonic() >= end:
            break
    return results.end()


sys.exit(main())
