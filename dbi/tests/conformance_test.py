#!/usr/bin/env python3
"""Real programs natively and under the engine: output, errors, exit code and the files they leave must be equal.

usage: conformance_test.py [--all] [--engine PIN] [--tool TOOL]... [--list] [NAME]...

Without names the quick cases run, with --all every one (conformance/cases.py); a name runs all cases that begin with
it. TOOL is none, a tool of the kit, or probe:WAY, see tools/probe.cc; without --tool: none.
Ends with the line "N passed, N failed, N skipped".
"""
import argparse
import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "support"), str(HERE / "conformance")]
import engine  # noqa: E402
import servers  # noqa: E402
from cases import CASES  # noqa: E402

PATH = f"{os.path.expanduser('~')}/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(folder):
    kept = {name: os.environ[name] for name in ("RUSTUP_HOME", "CARGO_HOME") if name in os.environ}
    kept.setdefault("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
    return {"PATH": PATH, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "COLUMNS": "80", **kept}


def tree_of(folder):
    """What lies in a folder: for each name its kind, mode and contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name, status = str(path.relative_to(folder)), path.lstat()
        if stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            # Databases and archives hold times; their size says enough.
            if path.suffix in (".db", ".db-wal", ".db-shm", ".gz", ".pid"):
                content = "a file"
            found[name] = f"{stat.filemode(status.st_mode)} {content}"
        elif stat.S_ISLNK(status.st_mode):
            found[name] = f"-> {os.readlink(path)}"
        else:
            found[name] = stat.filemode(status.st_mode)
    return found


def without(text, pattern):
    if not pattern:
        return text
    return b"".join(line for line in text.splitlines(keepends=True) if not re.search(pattern.encode(), line))


def run_once(case, folder, words):
    """One run in a fresh folder of always the same name; what was seen as {part: value}."""
    work = folder / "W"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "prepared", work, symlinks=True)
    if case.serve:
        try:
            return {"seen": getattr(servers, case.serve)(words, str(work))}
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            return {"seen": f"{type(error).__name__}: {error}"}
    command = case.command if isinstance(case.command, list) else ["bash", "-c", case.command]
    done = engine.run([*words, *command], case.limit_s, work, environment(work), case.given)
    return {"end": done.describe(), "stdout": without(done.out, case.drop), "stderr": without(done.err, case.drop),
            "files": tree_of(work)}


def difference(wanted, got):
    for part, value in wanted.items():
        other = got.get(part)
        if value == other:
            continue
        if part == "files":
            names = [name for name in sorted({*value, *other}) if value.get(name) != other.get(name)]
            return f"files differ: {', '.join(names[:5])}: {other.get(names[0])} instead of {value.get(names[0])}"
        extra = got.get("stderr", b"")
        more = f" | errors: {extra.decode(errors='replace')[-300:].strip()}" if part != "stderr" and extra else ""
        if isinstance(value, bytes):
            a, b = value.decode(errors="replace").splitlines(), other.decode(errors="replace").splitlines()
            for number, (x, y) in enumerate(zip(a, b), 1):
                if x != y:
                    return f"{part} line {number}: {y[:160]!r} instead of {x[:160]!r}{more}"
            return f"{part}: {len(b)} lines instead of {len(a)}; the next is {[*a, *b][min(len(a), len(b)):][:1]}{more}"
        return f"{part}: {str(other)[:300]!r} instead of {str(value)[:300]!r}{more}"
    return None


def run_case(job):
    case, runs = job
    for program in case.needs:
        if shutil.which(program, path=PATH) is None:
            return "skip", f"{program} is not installed"
    with tempfile.TemporaryDirectory(prefix="isotach-conformance-") as name:
        folder = pathlib.Path(name)
        (folder / "prepared").mkdir()
        if case.prepare:
            made = engine.run(["bash", "-c", case.prepare], 120, folder / "prepared", environment(folder / "prepared"))
            if made.code != 0:
                return "skip", f"cannot be prepared here: {made.err.decode(errors='replace')[-200:]}"
        wanted = run_once(case, folder, [])
        failures = []
        for tool, words in runs:
            text = difference(wanted, run_once(case, folder, words(case)))
            if text:
                # A program that is not the same twice natively cannot be judged.
                again = difference(wanted, run_once(case, folder, []))
                if again:
                    return "skip", f"differs from run to run natively: {again[:160]}"
                failures.append((tool, text))
        return "done", failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--engine", type=pathlib.Path)
    parser.add_argument("--tool", action="append")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--together", type=int, default=os.cpu_count())
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.engine:
        engine.use_kit(arguments.engine.resolve().parent)
    wanted = [case for case in CASES if (arguments.all or case.quick) and not arguments.names
              or any(case.name.startswith(name) for name in arguments.names)]
    if arguments.list:
        for case in wanted:
            print(case.name)
        return 0
    results = engine.Results()
    reason = engine.why_not()
    if reason:
        results.skip("conformance", reason)
        return results.end()
    runs = [(tool, lambda case, tool=tool: engine.prefix(tool, follow=case.follow)) for tool in arguments.tool or ["none"]]
    # The slowest first.
    jobs = [(case, runs) for case in sorted(wanted, key=lambda case: -case.limit_s)]
    for (case, _), future in engine.together(run_case, jobs, arguments.together):
        kind, value = future.result()
        if kind == "skip":
            results.skip(case.name, value)
            continue
        failed = dict(value)
        for tool, _ in runs:
            if tool in failed:
                results.fail(f"{case.name} ({tool})", failed[tool])
            else:
                results.ok()
    return results.end()


sys.exit(main())
