#!/usr/bin/env python3
"""A running program with many threads is taken over and let go again: nothing of what it does is disturbed, and
nothing is left in it.

usage: attach_test.py [--rounds N] [NAME]...

The target (attach_target.cc) says itself what is wrong. Ends with the line "N passed, N failed, N skipped".
"""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

TESTS = engine.BUILD / "dbi" / "tests"
TARGET = TESTS / "launcher" / "attach_target"
NATIVE_PIN = TESTS / "native_kit" / "pin"
PROBE = TESTS / "probe.so"
DETACH_TOOL = TESTS / "detach_tool.so"
NOBODY = 65534

results = engine.Results()
rounds = 25


def check(name, condition, reason=""):
    if condition:
        results.ok(name)
    else:
        results.fail(name, reason)


class Target:
    """The program; counts() are of what each of its threads has done. `words` stand before it."""

    def __init__(self, *words):
        self.words = [str(word) for word in words]
        self.err = tempfile.TemporaryFile("w+")

    def __enter__(self):
        self.process = subprocess.Popen([*self.words, TARGET], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.err, text=True)
        assert self.process.stdout.readline().startswith("ready")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def counts(self):
        return [int(word) for word in self.ask("p").split()]

    def goes_on(self, name):
        """Every thread does its work: each count grows, by any amount, within the deadline."""
        before = self.counts()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            after = self.counts()
            if all(new > old for new, old in zip(after, before)):
                return True
        check(name, False, f"a thread stands still: {before} {after}")
        return False

    def ends_well(self, name):
        try:
            out = self.process.communicate("q\n", timeout=30)[0]
        except subprocess.TimeoutExpired:
            out = "no end"
        check(name, self.process.returncode == 0 and out.endswith("good\n"), f"{self.process.returncode} {out}")

    def maps(self):
        return pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()

    def descriptors(self):
        return sorted(os.listdir(f"/proc/{self.process.pid}/fd"), key=int)

    def status(self, name):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return re.search(rf"^{name}:\s*(.*)$", text, re.MULTILINE).group(1)


def pin(target, *words, kit=None, **options):
    done = subprocess.run([str(kit or engine.PIN), "--pid", str(target.process.pid), *map(str, words)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False, **options)
    return done.returncode, done.stdout


def test_attached_until_its_end():
    with Target() as target:
        got = pin(target)
        check("attach", got == (0, ""), str(got))
        check("it is under the engine", "isotach-pin-runtime" in target.maps())
        target.goes_on("attached")
        again = pin(target)
        check("a second time is refused", again[0] == 1 and "under the engine already" in again[1], str(again))
        target.ends_well("attached until its end")


def test_rounds():
    with Target() as target:
        target.goes_on("at first")
        threads, handled = target.status("Threads"), target.status("SigCgt")
        descriptors, mappings = target.descriptors(), target.maps().count("\n")
        for turn in range(rounds):
            got = pin(target, "--detach-after", "20ms")
            if got != (0, ""):
                check("attach and detach", False, f"round {turn}: {got}")
                break
        target.goes_on("let go")
        check("nothing of the engine is left", "isotach" not in target.maps() and "libmimalloc" not in target.maps(),
              target.maps())
        check("its handlers and threads are its own", target.status("SigCgt") == handled and
              abs(int(target.status("Threads")) - int(threads)) <= 1, f"{handled} {target.status('SigCgt')}")
        check("its descriptors too", target.descriptors() == descriptors, str(target.descriptors()))
        check("memory does not grow with each round", target.maps().count("\n") <= mappings + 8,
              f"{target.maps().count(chr(10))} mappings after {mappings}")
        target.ends_well(f"{rounds} rounds")


def test_with_tools():
    if not PROBE.exists():
        return results.skip("tools", f"{PROBE} is not built")
    with tempfile.TemporaryDirectory() as folder, Target() as target:
        for way in ("ins", "call", "memory"):
            out = pathlib.Path(folder) / way
            got = pin(target, "--detach-after", "100ms", "-t", PROBE, "-way", way, "-o", out)
            check(f"attach with a tool: {way}", got == (0, "") and out.exists() and out.stat().st_size > 0,
                  f"{got} {out.exists()}")
        target.goes_on("after tools")
        target.ends_well("with tools")
    return None


def test_a_tool_asks():
    if not DETACH_TOOL.exists():
        return results.skip("a tool that asks", f"{DETACH_TOOL} is not built")
    with Target(engine.PIN, "-t", DETACH_TOOL, "--") as target:
        deadline = time.monotonic() + 20
        while "isotach" in target.maps() and time.monotonic() < deadline:
            os.sched_yield()
        check("a tool asks to be let go", "isotach" not in target.maps())
        target.goes_on("let go by the tool")
        target.ends_well("let go by the tool")
        target.err.seek(0)
        check("the tool is told once", target.err.read() == "detached\n")
    return None


def test_a_thread_that_cannot_leave():
    """One is in the tool and does not come back: the others wait for it, and run on when the launcher gives up."""
    if not DETACH_TOOL.exists():
        return results.skip("a thread that cannot leave", f"{DETACH_TOOL} is not built")
    with tempfile.TemporaryDirectory() as folder, Target() as target:
        pipe = os.path.join(folder, "pipe")
        os.mkfifo(pipe)
        got = pin(target, "--detach-after", "100ms", "--detach-within", "1", "-t", DETACH_TOOL, "-traces", "1000000000",
                  "-hold", pipe)
        check("a thread that cannot leave", got[0] == 1 and "stays under the engine" in got[1], str(got))
        os.close(os.open(pipe, os.O_WRONLY))
        target.goes_on("after it was given up")
        check("it is still under the engine", "isotach-pin-runtime" in target.maps())
        target.ends_well("after it was given up")
    return None


def test_memory_is_given_back():
    """The same memory is mapped afterwards as before, to the page."""
    with subprocess.Popen(["sleep", "60"]) as process:
        maps = pathlib.Path(f"/proc/{process.pid}/maps")
        while "libc" not in maps.read_text() or pathlib.Path(f"/proc/{process.pid}/wchan").read_text() in ("0", ""):
            os.sched_yield()
        before = maps.read_text()
        for _ in range(2):
            subprocess.run([engine.PIN, "--pid", str(process.pid), "--detach-after", "20ms"], check=True, timeout=60)
        after = maps.read_text()
        process.kill()
        check("its memory is as it was", after == before, f"{before}\n{after}")


def test_interrupted():
    with Target() as target:
        process = subprocess.Popen([engine.PIN, "--pid", str(target.process.pid), "--detach-after", "1h"])
        deadline = time.monotonic() + 20
        while "isotach-pin-runtime" not in target.maps() and time.monotonic() < deadline:
            os.sched_yield()
        target.goes_on("while it is held")
        process.send_signal(signal.SIGINT)
        check("Ctrl-C lets it go", process.wait(30) == 0 and "isotach" not in target.maps())
        target.ends_well("interrupted")


def test_stopped_process():
    with Target() as target:
        os.kill(target.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, target.process.pid, os.WSTOPPED)
        got = pin(target)
        check("a stopped process is left alone", got[0] == 1 and "kill -CONT" in got[1] and
              target.status("State").startswith("T"), f"{got} {target.status('State')}")
        os.kill(target.process.pid, signal.SIGCONT)
        target.goes_on("continued")
        target.ends_well("stopped and continued")


def test_broken_runtimes():
    for option, message in (("-crash", "crashed: Segmentation fault"), ("-fail", "exit code 3"),
                            ("-hesitate", "exit code 0")):
        with Target() as target:
            got = pin(target, option, kit=NATIVE_PIN)
            check(option, got[0] == 1 and message in got[1] and "goes on as before" in got[1], str(got))
            target.goes_on(option)
            target.ends_well(option)


def test_killed_launcher():
    with Target() as target:
        for turn in range(20):
            process = subprocess.Popen([NATIVE_PIN, "--pid", str(target.process.pid), "-hesitate"],
                                       stderr=subprocess.DEVNULL)
            time.sleep(0.02 + turn * 0.0001)  # the moment of the signal, not a wait
            process.terminate()
            process.wait(30)
        target.goes_on("asked to end")
        target.ends_well("launchers that are asked to end")


# A program that computes, with SIGTRAP blocked, and perhaps one pending; tells what became of it.
BLOCKED = """\
import signal, sys, threading
hits = []
signal.signal(signal.SIGTRAP, lambda *_: hits.append(1))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTRAP])
go_on = []
signal.signal(signal.SIGUSR1, lambda *_: go_on.append(1))
if sys.argv[1] == "pending": signal.pthread_kill(threading.get_ident(), signal.SIGTRAP)
print("ready", flush=True)
while not go_on: sum(range(100))
pending = signal.SIGTRAP in signal.sigpending()
before = len(hits)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTRAP])
print(pending, before, len(hits))
"""


def test_blocked_trap():
    """The engine's own use of SIGTRAP is not seen by a program that blocks it, nor does it stand in the engine's way."""
    for how, told in (("none", "False 0 0"), ("pending", "True 0 1")):
        with subprocess.Popen([os.path.realpath("/usr/bin/python3"), "-c", BLOCKED, how], stdout=subprocess.PIPE,
                              text=True) as process:
            process.stdout.readline()
            for turn in range(2):
                got = subprocess.run([engine.PIN, "--pid", str(process.pid), "--detach-after", "30ms"], check=False,
                                     capture_output=True, text=True, timeout=60)
                check(f"SIGTRAP blocked, {how} pending, round {turn}", got.returncode == 0, str(got))
            process.send_signal(signal.SIGUSR1)
            try:
                out = process.communicate(timeout=30)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                out = "no end"
            check(f"SIGTRAP blocked, {how} pending", out == told + "\n", out)


def test_refused():
    with Target() as target:
        pid = str(target.process.pid)
        cases = [(["--pid", "999999999"], 1, "there is no process"), (["--pid", "2"], 1, "is a thread of the kernel"),
                 (["--pid", pid, "-t", "/nowhere.so"], 2, "No such file")]
        for words, code, message in cases:
            got = subprocess.run([engine.PIN, *words], capture_output=True, text=True, timeout=30, check=False)
            check(str(words), got.returncode == code and message in got.stderr, str(got))
        if reason := engine.why_not_others():
            results.skip("of another user", reason)
        else:
            got = subprocess.run(["setpriv", "--reuid", str(NOBODY), "--clear-groups", engine.PIN, "--pid", pid],
                                 capture_output=True, text=True, timeout=30, check=False)
            check("of another user", got.returncode == 4 and "run as root" in got.stderr, str(got))
        target.ends_well("refused")


def main():
    global rounds
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    reason = engine.why_not()
    if reason or not TARGET.exists():
        results.skip("attach", reason or f"{TARGET} is not built")
        return results.end()
    for name, test in list(globals().items()):
        if name.startswith("test_") and (not arguments.names or any(word in name for word in arguments.names)):
            test()
    return results.end()


sys.exit(main())
