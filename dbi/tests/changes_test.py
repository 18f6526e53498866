#!/usr/bin/env python3
"""Instructions that a tool deletes, redirects, and whose operands it rewrites: changes_tool.cc changes programs
in ways that make no difference, and their output says so.

Ends with the line "N passed, N failed, N skipped".
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

TOOL = engine.BUILD / "dbi" / "tests" / "changes_tool.so"
PROGRAM = ["/usr/bin/sha1sum", __file__]
# What each way does to at least a hundred places, and is called for a hundred times.
WAYS = ("after", "loads", "rewrite", "jumps", "calls", "selectors", "registers", "vectors", "forms")
FEW_PLACES = {"selectors"}


def main():
    results = engine.Results()
    reason = engine.why_not() or (None if TOOL.exists() else f"{TOOL.name} is not built")
    if reason:
        results.skip("changes", reason)
        sys.exit(results.end())
    native = subprocess.run(PROGRAM, capture_output=True, check=True).stdout
    for way in WAYS:
        outcome = engine.run([*engine.prefix(str(TOOL), tool_arguments=["-way", way]), *PROGRAM])
        told = outcome.err.decode().strip()
        places = "[01]" if way in FEW_PLACES else "1"
        wanted = [f"places {p} calls 1 wrong 0" for p in ("0", "1") if p in places]
        if outcome.code == 0 and outcome.out == native and told in wanted:
            results.ok()
        else:
            results.fail(way, f"{outcome.describe()}: {outcome.out.decode(errors='replace')[-200:]} {told[-400:]}")
    sys.exit(results.end())


main()
