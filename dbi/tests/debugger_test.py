#!/usr/bin/env python3
"""A debugger that is connected to a program under the engine: by the remote protocol itself, and, where there is one,
by gdb. debugger_tool.cc on debugger_program.cc.

Ends with the line "N passed, N failed, N skipped".
"""
import os
import pathlib
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

HERE = engine.BUILD / "dbi" / "tests"
PROGRAM, TOOL = HERE / "debugger_program", HERE / "debugger_tool.so"
LIMIT_S = 60
started = []
RIP, RDI = 16, 5
OUTPUT = "total 38\ncalls 6\n"  # (0 + 1 + 2 + 3 + 4) * 2 + 10, and 8 that the debugger adds


class Client:
    """Each answer must come within LIMIT_S."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self.bytes = b""
        self.last = "connecting"

    def send(self, text):
        self.last = text
        self.socket.sendall(b"$%s#%02x" % (text.encode(), sum(text.encode()) & 255))

    def receive(self):
        while True:
            found = re.match(rb"\+*\$([^#]*)#..", self.bytes, re.DOTALL)
            if found:
                self.bytes = self.bytes[found.end():]
                self.socket.sendall(b"+")
                return found.group(1).decode("latin-1")
            try:
                got = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"no answer to '{self.last}' within {LIMIT_S} s") from None
            assert got, f"the server has closed the connection after '{self.last}'"
            self.bytes += got

    def ask(self, text):
        self.send(text)
        return self.receive()

    def registers(self):
        return struct.unpack("<17Q", bytes.fromhex(self.ask("g"))[:136])

    def monitor(self, command):
        return bytes.fromhex(self.ask(f"qRcmd,{command.encode().hex()}")).decode()


def start(*options):
    process = subprocess.Popen([str(engine.PIN), *options, "-t", str(TOOL), "--", str(PROGRAM)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    started.append(process)
    said, deadline = b"", time.monotonic() + LIMIT_S
    while not (found := re.search(rb"target remote :(\d+)\n", said)):
        ready, _, _ = select.select([process.stderr], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"pin does not say its port within {LIMIT_S} s, only {said!r}"
        got = os.read(process.stderr.fileno(), 4096)
        assert got, f"pin ended with {process.wait(LIMIT_S)} and said {said!r}"
        said += got
    return process, int(found.group(1))


def end_of(process):
    """Its output and exit code."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the program did not end within {LIMIT_S} s; it said {out!r} {err!r}") from None
    return out.decode(), process.returncode


def interrupted(client):
    client.send("vCont;c")
    client.last += " and an interruption"
    client.socket.sendall(b"\x03")
    reply = client.receive()
    assert reply.startswith("T02thread:"), reply


def symbols():
    listed = subprocess.run(["nm", str(PROGRAM)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1]: int(line.split()[0], 16) for line in listed.splitlines() if len(line.split()) == 3}


def wanted(what, got, right):
    assert got == right, f"{what}: {got!r}, not {right!r}"


def test_protocol():
    process, port = start("-appdebug")
    client = Client(port)
    names = symbols()
    assert "swbreak+" in client.ask("qSupported:swbreak+")
    assert client.ask("?").startswith("T05thread:")
    wanted("an unknown packet", client.ask("vMustReplyEmpty"), "")
    # AT_ENTRY tells where the program lies.
    auxv = client.ask("qXfer:auxv:read::0,1000").encode("latin-1")[1:]
    auxv = re.sub(rb"}(.)", lambda m: bytes([m.group(1)[0] ^ 0x20]), auxv, flags=re.DOTALL)
    entry = dict(struct.iter_unpack("<QQ", auxv[:len(auxv) // 16 * 16]))[9]
    moved = entry - names["_start"]
    add, total, spin, last = (names[name] + moved for name in ("add", "total", "spin", "last"))
    wanted("a breakpoint", client.ask(f"Z0,{add:x},1"), "OK")
    for i in range(3):
        assert client.ask("vCont;c").startswith("T05swbreak:;")
        registers = client.registers()
        wanted("rip", registers[RIP], add)
        wanted("the argument", registers[RDI], i)
    wanted("monitor", client.monitor("calls"), "calls 2 debugger 1 stopped 1\n")
    wanted("another monitor", client.monitor("x"), "The tool has no command 'x'.\n")
    before = struct.unpack("<i", bytes.fromhex(client.ask(f"m{total:x},4")))[0]
    wanted("total", before, 2)
    wanted("writing memory", client.ask(f"M{total:x},4:{struct.pack('<i', before + 8).hex()}"), "OK")
    # A step is one instruction of the program; the tool's call before it is made once.
    assert re.fullmatch("T05thread:[0-9a-f]+;", client.ask("vCont;s"))
    assert 0 < client.registers()[RIP] - add <= 15
    wanted("monitor behind a step", client.monitor("calls"), "calls 3 debugger 1 stopped 1\n")
    wanted("memory of nobody", client.ask("m8,4"), "E0e")
    # The breakpoint and the tool's own are at the same place: first the one, then the other.
    assert client.ask("vCont;c").startswith("T05swbreak:;")
    wanted("the tool's message", client.ask("vCont;c"), "O" + b"three is here\n".hex())
    assert client.receive().startswith("T05thread:")
    wanted("rip", client.registers()[RIP], add)
    wanted("no breakpoint", client.ask(f"z0,{add:x},1"), "OK")
    # However quick the debugger is, the program goes on in between.
    for _ in range(20):
        interrupted(client)
    if not spin <= client.registers()[RIP] < last:
        wanted("a breakpoint in the loop", client.ask(f"Z0,{spin:x},1"), "OK")
        assert client.ask("vCont;c").startswith("T05swbreak:;")
        wanted("no breakpoint", client.ask(f"z0,{spin:x},1"), "OK")
        interrupted(client)
    assert spin <= client.registers()[RIP] < last, f"{client.registers()[RIP]:x} is not in {spin:x} to {last:x}"
    wanted("setting the flag", client.ask(f"M{names['is_done'] + moved:x},1:01"), "OK")
    # The fault is told, and given to the program.
    reply = client.ask("vCont;c")
    assert reply.startswith("T0bthread:"), reply
    wanted("another breakpoint", client.ask(f"Z0,{last:x},1"), "OK")
    assert client.ask("vCont;C0b").startswith("T05swbreak:;")
    wanted("rip", client.registers()[RIP], last)
    wanted("the end", client.ask("vCont;c"), "W05")
    wanted("the output", end_of(process), (OUTPUT, 5))


def test_debugger_that_goes():
    """Without a stop at the start; it comes while the program spins, and goes; another one comes."""
    process, port = start("-appdebug_enable")
    names = symbols()
    for is_last in (False, True):
        client = Client(port)
        reply = client.ask("?")
        assert reply.startswith("T"), reply
        if is_last:
            auxv = re.sub(rb"}(.)", lambda m: bytes([m.group(1)[0] ^ 0x20]),
                          client.ask("qXfer:auxv:read::0,1000").encode("latin-1")[1:], flags=re.DOTALL)
            moved = dict(struct.iter_unpack("<QQ", auxv[:len(auxv) // 16 * 16]))[9] - names["_start"]
            wanted("setting the flag", client.ask(f"M{names['is_done'] + moved:x},1:01"), "OK")
            wanted("detaching", client.ask("D"), "OK")
        client.socket.close()
    wanted("the output", end_of(process), ("total 30\ncalls 6\n", 5))


def test_gdb():
    if shutil.which("gdb") is None:
        return "there is no gdb"
    process, port = start("-appdebug")
    commands = [f"target remote :{port}", "break add if a == 10", "continue", "info threads", "print b", "monitor calls",
                "finish", "set var is_done = 1", "handle SIGSEGV nostop noprint pass", "continue"]
    words = ["gdb", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set sysroot /"]
    for command in commands:
        words += ["-ex", command]
    # It asks no server for debug information.
    done = engine.run([*words, str(PROGRAM)], LIMIT_S, environment={**os.environ, "DEBUGINFOD_URLS": ""})
    said = (done.out + done.err).decode(errors="replace")
    assert done.code is not None, f"gdb did not end within {LIMIT_S} s: {said[-2000:]}"
    for part in ("$1 = 1", "calls 5 debugger 1", "Value returned is $2 = 30", "exited with code 05", "* 2 "):
        assert part in said, f"no '{part}' in: {said[-2000:]}"
    wanted("the output", end_of(process), ("total 30\ncalls 6\n", 5))
    return None


def main():
    results = engine.Results()
    reason = engine.why_not() or (None if TOOL.exists() else f"{TOOL.name} is not built")
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        if reason:
            results.skip(name, reason)
            continue
        try:
            skipped = test()
            results.skip(name, skipped) if skipped else results.ok()
        except Exception as error:  # whatever it is, the other tests are run
            where = traceback.extract_tb(error.__traceback__)[1].lineno
            results.fail(name, f"line {where}: {type(error).__name__}: {error}")
        finally:
            while started:
                started[0].kill()
                started.pop(0).wait()
    sys.exit(results.end())


main()
