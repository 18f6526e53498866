#!/usr/bin/env python3
"""What the API tells of images, sections, symbols and routines, and what it does to routines: routine_tool.cc on
routine_program.cc, line by line.

Ends with the line "N passed, N failed, N skipped".
"""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

HERE = engine.BUILD / "dbi" / "tests"
OUTPUT = """\
area 12 -1
replaced 40
with_signature 1003
many 36
ceil 1.0
"""
# In this order; lines of other images may come between.
LINES = """\
load routine_program main
chains routine_program many sections many routines many symbols, 0 wrong
main entry _start low 1 high 1 type 1 static 0
area whole 1 1 returns tail 1
source routine_program.cc line
load ld-linux-x86-64.so.2
chains ld-linux-x86-64.so.2 many sections many routines many symbols, 0 wrong
load libc.so.6
chains libc.so.6 many sections many routines many symbols, 0 wrong
enter area -1 9 at _ZN6shapes4areaEii
leave area -1
enter area 3 4 at _ZN6shapes4areaEii
leave area 12
instead of replaced 10 4
other signature 3 1 thread 0 original with_signature
many 1 6 7 8 from main
load libm.so.6
chains libm.so.6 many sections many routines many symbols, 0 wrong
unload libm.so.6
unload routine_program
unload ld-linux-x86-64.so.2
unload libc.so.6
routine main 1
routine many 1
routine _ZN6shapes4areaEii 1
routine printf@plt 1
routine never 0
counted 1
end 0
"""
OTHER = ("load [vdso]", "chains [vdso]", "unload [vdso]", "load linux-vdso", "chains linux-vdso")


# access_program.cc: three rounds, in each of which recurse() calls itself ten times.
CALLS = """\
calls 30 recurse -> recurse
calls 3 _start -> forms
calls 3 _start -> recurse
calls 3 _start -> strings
calls 3 _start -> sum
calls 1 _start -> segment
"""


def call_graph(results, folder):
    tool = engine.find_tool("callgraph")
    if tool is None:
        results.skip("callgraph", "the kit has no tool callgraph")
        return
    lines, dot = folder / "calls", folder / "calls.dot"
    outcome = engine.run([*engine.prefix("callgraph", tool_arguments=["-o", lines, "-dot", dot]),
                          HERE / "access_program"])
    text = lines.read_text().replace("access_program:", "").replace("(anonymous namespace)::", "")
    found = "".join(line + "\n" for line in text.splitlines() if line.startswith("calls"))
    if outcome.code == 7 and found == CALLS and '-> "access_program:' in dot.read_text():
        results.ok("callgraph")
    else:
        results.fail("callgraph", f"{outcome.describe()}: {found}")


def main():
    results = engine.Results()
    reason = engine.why_not() or (None if (HERE / "routine_tool.so").exists() else "routine_tool.so is not built")
    if reason:
        results.skip("routines", reason)
        sys.exit(results.end())
    with tempfile.TemporaryDirectory() as folder:
        lines = pathlib.Path(folder) / "lines"
        tool = str(HERE / "routine_tool.so")
        outcome = engine.run([*engine.prefix(tool, tool_arguments=["-o", lines]), HERE / "routine_program"])
        if outcome.code == 0 and outcome.out.decode() == OUTPUT:
            results.ok("program")
        else:
            results.fail("program", f"{outcome.describe()}: {outcome.out.decode()} {outcome.err.decode()[-400:]}")
        found = lines.read_text().splitlines() if lines.exists() else []
        found = [line for line in found if not line.startswith(OTHER)]
        expected = LINES.splitlines()
        for number, line in enumerate(expected):
            if number < len(found) and found[number] == line:
                results.ok(line)
                continue
            results.fail(f"line {number + 1}", f"'{found[number] if number < len(found) else ''}', not '{line}'")
            break
        if len(found) != len(expected):
            results.fail("lines", f"{len(found)}, not {len(expected)}")
        call_graph(results, pathlib.Path(folder))
    sys.exit(results.end())


main()
