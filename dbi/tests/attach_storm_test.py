#!/usr/bin/env python3
"""Attach and detach, many times, to a program of eight threads under load that checks all it does.

usage: attach_storm_test.py [--rounds N] [--tool TOOL] [--after TIME] [--kit KIT]

N (4) rounds of `pin --pid P --detach-after TIME`. In each round pin must end well, the program must go on in every
thread, and no tracer may stay; at the end the program must have seen nothing wrong: no call interrupted, no message,
wake-up or signal lost or doubled. Then a program that detaches in the middle of system calls that wait for long, one
that ends while it is attached to, and processes that cannot be attached to. Ends with "N passed, N failed, N skipped".
"""
import argparse
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

TARGET = engine.BUILD / "dbi" / "tests" / "attach_storm"
# Longer than the launcher itself waits on a machine that has no processor for it, so that it tells what is wrong.
LIMIT_S = 150
THREADS = 7


class Target:
    """The program, and the rounds of its threads."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "rounds")
        self.process = subprocess.Popen([str(TARGET), self.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + LIMIT_S
        while not (os.path.exists(self.path) and len(self.rounds()) > 8 and self.rounds()[8] == 1):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("the program did not start")
            time.sleep(0.01)

    def rounds(self):
        with open(self.path, "rb") as file:
            data = file.read(72)
        return struct.unpack("<9Q", data) if len(data) == 72 else ()

    def wait_for_progress(self):
        """None when every thread goes on, else what stands still."""
        before, deadline = self.rounds(), time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            standing = [number for number in range(THREADS) if self.rounds()[number] == before[number]]
            if not standing:
                return None
            if self.process.poll() is not None:
                return f"the program ended with {self.process.returncode}: {self.process.stderr.read()[-500:]}"
            time.sleep(0.005)
        return f"threads {standing} stand still"

    def how_it_ended(self):
        """For a failure's message; nothing goes on afterwards."""
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
        err = self.process.communicate()[1]
        return f"; the program ended with {self.process.returncode}: {err[-500:]}"

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            out, err = self.process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return "it does not end"
        return None if self.process.returncode == 0 else f"ended with {self.process.returncode}: {out} {err[-500:]}"


def attach(process, tool, after):
    words = engine.prefix(tool)[:-1]
    return engine.run([words[0], "--pid", str(process), *(["--detach-after", after] if after else []), *words[1:]], LIMIT_S)


def tracer_of(process):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("TracerPid:"):
            return int(line.split()[1])
    return 0


def storm(arguments, results):
    name = f"storm ({arguments.tool})"
    with tempfile.TemporaryDirectory() as folder:
        target = Target(folder)
        try:
            for number in range(arguments.rounds):
                done = attach(target.process.pid, arguments.tool, arguments.after)
                text = None
                if done.code != 0:
                    text = f"pin: {done.describe()} {done.err.decode(errors='replace')[-300:]}"
                elif target.process.poll() is None and tracer_of(target.process.pid) != 0:
                    text = "it is still traced"
                text = text or target.wait_for_progress()
                if text:
                    results.fail(name, f"round {number}: {text}{target.how_it_ended()}")
                    return
                results.ok()
            text = target.end()
            if text:
                results.fail(name, text)
            else:
                results.ok()
        finally:
            if target.process.poll() is None:
                target.process.kill()
            target.process.wait()


def waiting_program(results):
    """A system call that waits goes on waiting: it is not interrupted, and ends as it would have."""
    for name, command, wake in (
            ("sleep", ["sleep", "1.5"], None),
            ("cat", ["cat"], b"text"),
            ("wait", ["sh", "-c", "sleep 1.5; exit 7"], None)):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(0.1)  # into its call; too early is no less a test
        start = time.monotonic()
        done = attach(process.pid, "none", "100ms")
        try:
            out, _ = process.communicate(wake, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
        expected = 7 if name == "wait" else 0
        if done.code != 0 or process.returncode != expected or out != (wake or b"") or time.monotonic() - start > LIMIT_S / 2:
            results.fail(f"in {name}", f"pin: {done.describe()} {done.err.decode(errors='replace')[-300:]}; "
                         f"the program: {process.returncode} {out!r}")
        else:
            results.ok()


def ending_program(results):
    """The program's exit ends pin too, with or without a time to detach after."""
    process = subprocess.Popen(["sh", "-c", "read line; exit 9"], stdin=subprocess.PIPE)
    pin = subprocess.Popen([str(engine.PIN), "--pid", str(process.pid)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + LIMIT_S
    while "isotach-pin-runtime" not in pathlib.Path(f"/proc/{process.pid}/maps").read_text():
        if time.monotonic() > deadline or pin.poll() is not None:
            break
        time.sleep(0.01)
    process.communicate(b"go\n")
    try:
        pin.wait(LIMIT_S)
        ended = True
    except subprocess.TimeoutExpired:
        pin.kill()
        ended = False
    error = pin.communicate()[1].decode(errors="replace")
    if process.returncode != 9 or not ended:
        results.fail("a program that ends", f"program {process.returncode}, pin {pin.returncode} {error[-300:]}")
    else:
        results.ok()


def refusals(results):
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name, process in (("a process that is not there", ended.pid), ("a kernel thread", 2), ("init's parent", 0)):
        done = attach(process, "none", "10ms")
        if done.code in (None, 0) or done.code < 0 or not done.err.strip():
            results.fail(name, f"{done.describe()} {done.err!r}")
        else:
            results.ok()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--tool", default="none")
    parser.add_argument("--after", default="20ms")
    parser.add_argument("--kit", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.kit:
        engine.use_kit(arguments.kit)
    results = engine.Results()
    # The program itself, natively.
    with tempfile.TemporaryDirectory() as folder:
        target = Target(folder)
        text = target.wait_for_progress() or target.end()
        if text:
            results.fail("natively", text)
        else:
            results.ok()
    reason = engine.why_not()
    if reason:
        results.skip("attach", reason)
        return results.end()
    storm(arguments, results)
    waiting_program(results)
    ending_program(results)
    refusals(results)
    return results.end()


sys.exit(main())
