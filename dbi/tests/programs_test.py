#!/usr/bin/env python3
"""The programs of programs/ natively and under the engine: each case in a process of its own.

usage: programs_test.py [--tool TOOL]... [--kit KIT] [--limit SECONDS] [--list] [PROGRAM[:CASE]]...

TOOL is none, a tool of the kit, or probe:WAY, see tools/probe.cc; without --tool: none, and for the programs that look
at single instructions probe:call and probe:record.
Ends with the line "N passed, N failed, N skipped".
"""
import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402


# Programs that are short enough to be run with a call at each instruction every time.
WITH_CALLS = ("branches", "contexts", "faults", "interrupts", "segments", "strings", "traps", "vectors")


def cases_of(program):
    return engine.run([program, "--list"]).out.decode().split()


def check(outcome, case):
    """None when the case passed, a reason to skip it as ("skip", text), else ("failed", text)."""
    lines = outcome.out.decode(errors="replace").splitlines()
    for line in lines:
        if line.startswith(f"skip {case}: "):
            return "skip", line.split(": ", 1)[1]
    if outcome.code == 0 and lines and lines[-1] == f"ok {case}":
        return None
    details = " | ".join(line.strip() for line in lines[:6])
    errors = outcome.err.decode(errors="replace").strip().splitlines()
    return "failed", " | ".join(part for part in (outcome.describe(), details, " | ".join(errors[-4:])) if part)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", action="append")
    parser.add_argument("--kit", type=pathlib.Path)
    parser.add_argument("--limit", type=float, default=20)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.kit:
        engine.use_kit(arguments.kit)
    results = engine.Results()
    programs = sorted(path for path in engine.PROGRAMS.iterdir() if os.access(path, os.X_OK))
    jobs = []
    for program in programs:
        for case in cases_of(program):
            wanted = not arguments.names
            for name in arguments.names:
                part, _, one = name.partition(":")
                wanted = wanted or (program.name == part and one in ("", case))
            if wanted:
                jobs.append((program, case))
    if arguments.list:
        for program, case in jobs:
            print(f"{program.name}:{case}")
        return 0
    reason = engine.why_not()
    tools = arguments.tool or ["none", "probe:call", "probe:record"]
    short = not arguments.tool and not arguments.names
    runs = [("native", [])]
    if reason:
        results.skip("engine", reason)
    else:
        runs += [(tool, engine.prefix(tool)) for tool in tools]
    work = [(mode, words, program, case) for program, case in jobs for mode, words in runs
            if not (short and mode.startswith("probe:") and program.name not in WITH_CALLS)]

    def one(job):
        _, words, program, case = job
        return check(engine.run([*words, program, case], arguments.limit), case)

    for (mode, _, program, case), future in engine.together(one, work):
        name = f"{program.name}:{case} ({mode})"
        verdict = future.result()
        if verdict is None:
            results.ok()
        elif verdict[0] == "skip":
            results.skip(name, verdict[1])
        else:
            results.fail(name, verdict[1])
    return results.end()


sys.exit(main())
