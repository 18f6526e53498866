"""What the tests of the engine share: where its kit is, how a program is run under it, how runs are compared, and
the line of counts at the end.

The kit is $ISOTACH_KIT, or build/kit. Where it is not built, tests that need it are skipped and say so.
"""
import concurrent.futures
import faulthandler
import os
import pathlib
import resource
import signal
import subprocess
import time

# A test that is cut off tells where it stood: the runner's timeout sends this first.
faulthandler.register(signal.SIGTERM, chain=True)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
BUILD = ROOT / "build"
PROGRAMS = BUILD / "dbi" / "tests" / "programs"
PROBE = BUILD / "dbi" / "tests" / "probe.so"
KIT = pathlib.Path(os.environ.get("ISOTACH_KIT", str(BUILD / "kit")))
PIN = KIT / "pin"
RUNTIME = KIT / "isotach-pin-runtime"


def use_kit(folder):
    """Another kit than build/kit."""
    global KIT, PIN, RUNTIME
    KIT = pathlib.Path(folder).resolve()
    PIN = KIT / "pin"
    RUNTIME = KIT / "isotach-pin-runtime"


def why_not():
    """Why nothing can run under the engine here; None when it can."""
    for part in (PIN, RUNTIME):
        if not part.exists():
            return f"{part} is not built"
    return None


def why_not_others():
    """Why another user cannot run what was built here; None when anyone can."""
    for folder in KIT.resolve().parents:
        if not folder.stat().st_mode & 0o001:
            return f"other users may not enter {folder}"
    return None


def find_tool(name):
    """The path of a tool of the kit, by its own name or as a path; probe:WAY is the tests' own, tools/probe.cc."""
    if name.startswith("probe:"):
        return PROBE if PROBE.exists() else None
    if "/" in name:
        return pathlib.Path(name)
    for path in sorted(KIT.rglob(f"{name}.so")):
        return path
    return None


def prefix(tool="none", follow=False, pin=None, tool_arguments=()):
    """The words before a command that make it run under the engine."""
    words = [str(pin or PIN)]
    if follow:
        words.append("--follow")
    if tool != "none":
        path = find_tool(tool)
        if path is None:
            raise FileNotFoundError(f"the kit has no tool {tool}")
        if tool.startswith("probe:"):
            tool_arguments = ("-way", tool.partition(":")[2], *tool_arguments)
        words += ["-t", str(path), *tool_arguments]
    return [*words, "--"]


class Outcome:
    """How a run ended: code is the exit code, negative for a signal, None when its time was up."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def describe(self):
        if self.code is None:
            return "no end within its time"
        if self.code < 0:
            return f"ended by signal {-self.code}: {signal.strsignal(-self.code)}"
        return f"exit code {self.code}"


def run(words, limit_s=30, cwd=None, environment=None, given=b"", memory_bytes=None):
    """Runs words in a session of its own, with all it started killed at the end of its time."""

    def limits():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))

    process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd=cwd, env=environment, start_new_session=True,
                               preexec_fn=limits)
    try:
        out, err = process.communicate(given, timeout=limit_s)
        return Outcome(process.returncode, out, err)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        try:
            out, err = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            out, err = b"", b""
        return Outcome(None, out, err)


class Results:
    """Counts, and prints each failure as soon as it is known."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.start = time.monotonic()

    def ok(self, _name=""):
        self.passed += 1

    def fail(self, name, reason):
        self.failed += 1
        print(f"FAILED {name}: {reason}", flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skip {name}: {reason}", flush=True)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def end(self):
        """Prints the counting line; the value is the program's exit code."""
        print(f"{time.monotonic() - self.start:.1f} s")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


def together(work, items, workers=None):
    """Yields (item, result or exception) as they are done, some at a time."""
    with concurrent.futures.ThreadPoolExecutor(workers or os.cpu_count() or 2) as pool:
        futures = {pool.submit(work, item): item for item in items}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future
