#!/usr/bin/env python3
"""Functions of the program that a tool replaces and calls, in both modes, with signals coming in between:
calls_tool.cc on calls_program.cc.

Ends with the line "N passed, N failed, N skipped".
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

HERE = engine.BUILD / "dbi" / "tests"
# mixed: 5 + 1 + 4 + 5 + 6 + 700 + 8000 of the original, and 100000; plain: (2 * 41 + 1) * 10; recursive: six calls.
OUTPUT = "108721 3.0 830 605 1\n"


def main():
    results = engine.Results()
    reason = engine.why_not() or (None if (HERE / "calls_tool.so").exists() else "calls_tool.so is not built")
    if reason:
        results.skip("calls", reason)
        sys.exit(results.end())
    for mode in (0, 1):
        tool = str(HERE / "calls_tool.so")
        outcome = engine.run([*engine.prefix(tool, tool_arguments=["-probed", str(mode)]), HERE / "calls_program"])
        told = f"probed {mode} entered 2 left 1 faults 2\n"
        if outcome.code == 0 and outcome.out.decode() == OUTPUT + told:
            results.ok()
        else:
            results.fail(f"probed {mode}", f"{outcome.describe()}: {outcome.out.decode()} {outcome.err.decode()[-400:]}")
    sys.exit(results.end())


main()
