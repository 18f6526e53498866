#!/usr/bin/env python3
"""A tool that stops the program's threads, looks at them, changes one, and lets them go on: stop_tool.cc on
stop_program.cc.

Ends with the line "N passed, N failed, N skipped".
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

HERE = engine.BUILD / "dbi" / "tests"
PROGRAM = "moved 0 interrupted 0 failed 0 written 1\n"
# Five threads besides the one that asks, six for a thread of the tool.
TOOL = "stops 150 refused 0 moved 0 without context 0 most 6\n"


def main():
    results = engine.Results()
    reason = engine.why_not() or (None if (HERE / "stop_tool.so").exists() else "stop_tool.so is not built")
    if reason:
        results.skip("stop", reason)
        sys.exit(results.end())
    outcome = engine.run([*engine.prefix(str(HERE / "stop_tool.so")), HERE / "stop_program"])
    if outcome.code == 0 and outcome.out.decode() == PROGRAM + TOOL:
        results.ok()
    else:
        results.fail("stop", f"{outcome.describe()}: {outcome.out.decode()} {outcome.err.decode()[-400:]}")
    sys.exit(results.end())


main()
