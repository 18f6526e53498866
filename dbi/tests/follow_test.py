#!/usr/bin/env python3
"""Programs that execute others, natively and under the engine with --follow: the same output and errors, and the
executed programs are under the engine again.

Ends with the line "N passed, N failed, N skipped".
"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

DRIVER = engine.BUILD / "dbi" / "tests" / "launcher" / "exec_driver"
PROBE = engine.BUILD / "dbi" / "tests" / "launcher" / "probe_pie"
CASES = ("words", "by-descriptor", "failures", "inherited", "spawn", "in-thread", "many")


def make_folder(folder):
    def text(name, content, mode=0o755):
        (folder / name).write_text(content)
        (folder / name).chmod(mode)

    shutil.copy(PROBE, folder / "probe")
    text("script", f"#!{folder}/probe of-script\n")
    text("script-of-script", f"#!{folder}/script\n")
    text("not-executable", "#!/bin/sh\n", 0o644)
    text("plain-text", "echo this is for shells only\n")
    text("empty", "")
    text("no-interpreter", "#!/nonexistent/interpreter\n")
    text("script-loop", f"#!{folder}/script-loop\n")
    os.symlink("probe", folder / "link")
    os.symlink("loop", folder / "loop")
    program = bytearray(PROBE.read_bytes())
    (folder / "cut-short").write_bytes(program[:64])
    (folder / "bad-loader").write_bytes(program.replace(b"/lib64/ld-linux-x86-64.so.2\0",
                                                        b"/lib64/no-linux-x86-64.so.2\0", 1))
    program[18:20] = struct.pack("<H", 183)
    (folder / "other-machine").write_bytes(program)
    for name in ("cut-short", "bad-loader", "other-machine"):
        (folder / name).chmod(0o755)


def comparable(text):
    """Without what the engine is known to show (its own handlers of faults in /proc; system calls show the
    program's), and what belongs to the user and not to the process."""
    text = re.sub(r"^(SigQ|SigCgt|SigIgn|SigBlk):.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^under the engine.*\n", "", text, flags=re.MULTILINE)


def run(words, folder, environment=None):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False, cwd=folder, env=environment)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def main():
    results = engine.Results()
    reason = engine.why_not()
    if reason or not DRIVER.exists():
        results.skip("follow", reason or f"{DRIVER} is not built")
        return results.end()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="follow-"))
    try:
        make_folder(folder)
        for case in CASES:
            if len(sys.argv) > 1 and case not in sys.argv[1:]:
                continue
            native = run([DRIVER, case, folder], folder)
            under = run([engine.PIN, "--follow", "--", DRIVER, case, folder], folder)
            ours, theirs = comparable(under[1]).splitlines(), comparable(native[1]).splitlines()
            if (native[0], theirs, native[2]) == (under[0], ours, under[2]):
                results.ok(case)
            else:
                at = next((i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]),
                          min(len(ours), len(theirs)))
                results.fail(case, f"{native[0]} and {under[0]}; line {at}: native {theirs[at:at + 3]}, "
                                   f"followed {ours[at:at + 3]}; {under[2][:600]}")
            probes = re.findall(r"^under the engine (\d)", under[1], flags=re.MULTILINE)
            if not probes or set(probes) == {"1"}:
                results.ok(case)
            else:
                results.fail(case, f"under the engine: {probes}")
        under = run([engine.PIN, "--", DRIVER, "words", folder], folder)
        if set(re.findall(r"^under the engine (\d)", under[1], flags=re.MULTILINE)) == {"0"}:
            results.ok("not followed without --follow")
        else:
            results.fail("not followed without --follow", under[1][-300:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return results.end()


sys.exit(main())
