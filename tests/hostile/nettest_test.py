#!/usr/bin/env python3
"""isotach nettest among bad peers: a server that nobody can keep busy, a client that no server can hold.

usage: nettest_test.py

Each bad client keeps its connection open while a good one is served: a server that reads it in turn would let the
good one wait for as long. Ends with the line "N passed, N failed, N skipped".
"""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
LIMIT_S = 30
# The bad peers below hold a server that waits for them for at least 10 s.
SERVED_WITHIN_S = 5
IDLE_CONNECTIONS = 2000

COOKIE = b"abcdefghijklmnopqrstuvwxyz234567abcd\0"


def framed(text):
    return struct.pack(">I", len(text)) + text


def cookie(name):
    return (name.encode() + COOKIE)[:36] + b"\0"


PARAMETERS = b'{"tcp":true,"omit":0,"time":1,"num":0,"blockcount":0,"parallel":1,"len":1000}'
UDP = b'{"udp":true,"omit":0,"time":1,"num":0,"blockcount":0,"parallel":1,"len":1000}'

# What each sends at once, before it falls silent with its connection open.
BAD_CLIENTS = {
    "nothing": b"",
    "a byte": b"x",
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS hello": bytes.fromhex("160301020001000201fc0303") + bytes(range(256)) * 2,
    "random bytes": os.urandom(4096),
    "a cookie": cookie("b1"),
    "a length of 0": cookie("b2") + struct.pack(">I", 0),
    "a length of 4 GiB": cookie("b3") + b"\xff\xff\xff\xff",
    "a length of 9000": cookie("b4") + struct.pack(">I", 9000),
    "one byte of 8000": cookie("b5") + struct.pack(">I", 8000) + b"{",
    "broken JSON": cookie("b6") + framed(b'{"tcp":tru'),
    "deep JSON": cookie("b7") + framed(b"[" * 4000),
    "keys of wrong types": cookie("b8") + framed(b'{"tcp":1,"parallel":"x","time":[],"len":{},"title":7}'),
    "no stream": cookie("b9") + framed(PARAMETERS),
    "no stream, reverse": cookie("c1") + framed(PARAMETERS[:-1] + b',"reverse":true}'),
    "no datagram": cookie("c2") + framed(UDP),
    "an empty object": cookie("c3") + framed(b"{}"),
    "an unknown state": cookie("c4") + framed(PARAMETERS) + b"\x63",
    "a test end before the test": cookie("c5") + framed(PARAMETERS) + b"\x04",
    "256 streams": cookie("c6") + framed(PARAMETERS.replace(b'"parallel":1', b'"parallel":256')),
}


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


class Server:
    def __init__(self):
        self.process = subprocess.Popen([ISOTACH, "nettest", "-s", "-4", "-p", "0", "--json-stream"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.port = int(json.loads(self.process.stdout.readline())["data"][0].rsplit(":", 1)[1])
        threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True).start()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), LIMIT_S)

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(LIMIT_S) == 0, "the server should end with 0")


def read(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        check(more, "the other end closed the connection")
        data += more
    return data


def good_test(server, name, udp=False):
    """A whole test as a stock client does it; returns how long it took to be served."""
    mine = cookie(name)
    begin = time.monotonic()
    with server.connect() as control:
        control.sendall(mine)
        check(read(control, 1) == b"\x09", "parameters should be asked for")
        control.sendall(framed(UDP if udp else PARAMETERS))
        check(read(control, 1) == b"\x0a", "streams should be asked for")
        if udp:
            stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            stream.settimeout(LIMIT_S)
            stream.connect(("127.0.0.1", server.port))
            stream.send(b"9876")
            check(stream.recv(100) == b"6789", "the hello should be answered")
        else:
            stream = server.connect()
            stream.sendall(mine)
        check(read(control, 2) == b"\x01\x02", "the test should start")
        served = time.monotonic() - begin
        stream.send(struct.pack(">III", 0, 0, 1) + bytes(988))
        control.sendall(b"\x04")
        check(read(control, 1) == b"\x0d", "results should be asked for")
        results = {"cpu_util_total": 0, "cpu_util_user": 0, "cpu_util_system": 0, "sender_has_retransmits": 0,
                   "streams": [{"id": 1, "bytes": 1000, "retransmits": 0, "jitter": 0, "errors": 0, "packets": 1}]}
        control.sendall(framed(json.dumps(results).encode()))
        told = json.loads(read(control, struct.unpack(">I", read(control, 4))[0]))
        check(told["streams"][0]["bytes"] == 1000, f"1000 bytes should have arrived: {told}")
        check(read(control, 1) == b"\x0e", "results should be shown")
        control.sendall(b"\x10")
        stream.close()
    return served


def bad_client(name, data):
    def test():
        server = Server()
        bad = server.connect()
        try:
            bad.sendall(data)
        except OSError:
            pass  # it may be refused already
        times = [good_test(server, f"g{i}", udp) for i, udp in enumerate((False, True, False))]
        check(max(times) < SERVED_WITHIN_S, f"a good client was served after {max(times):.1f} s only")
        bad.close()
        server.stop()
    return f"server: a good client beside one that sends {name}", test


def idle_connections():
    server = Server()
    good_test(server, "first")
    before = server.resident_kib()
    idle = [server.connect() for _ in range(IDLE_CONNECTIONS)]
    served = good_test(server, "second")
    check(served < SERVED_WITHIN_S, f"a good client was served after {served:.1f} s only")
    grown = server.resident_kib() - before
    check(grown < 64 * IDLE_CONNECTIONS, f"{grown} KiB for {IDLE_CONNECTIONS} idle connections")
    for connection in idle:
        connection.close()
    server.stop()


def huge_results():
    server = Server()
    mine = cookie("huge")
    before = server.resident_kib()
    with server.connect() as control:
        control.sendall(mine + framed(PARAMETERS))
        read(control, 2)
        with server.connect() as stream:
            stream.sendall(mine)
            read(control, 2)
            control.sendall(b"\x04")
            read(control, 1)
            try:
                control.sendall(struct.pack(">I", 0x7FFFFFFF) + b" " * 30_000_000)
            except OSError:
                pass
    check(server.resident_kib() - before < 20_000, f"grew by {server.resident_kib() - before} KiB")
    good_test(server, "after")
    server.stop()


def many_tests():
    """Tests that run at once, from one host."""
    server = Server()
    problems = []

    def run(number):
        try:
            good_test(server, f"m{number}x", udp=number % 2 == 1)
        except (Failed, OSError) as problem:
            problems.append(f"{number}: {problem}")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    check(not problems, "; ".join(problems[:3]))
    server.stop()


def client_against(behave, wanted_code, wanted_text, seconds=20, words=()):
    """Runs our client against a server that is `behave(connection)`."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(LIMIT_S)

    def serve():
        connection, _ = listener.accept()
        connection.settimeout(LIMIT_S)
        try:
            behave(connection, listener)
        except (OSError, Failed, struct.error):
            pass
        connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    done = subprocess.run([ISOTACH, "nettest", "-c", "127.0.0.1", "-p", str(port), "-t", str(seconds), *words],
                          capture_output=True, text=True, timeout=LIMIT_S)
    thread.join(LIMIT_S)
    listener.close()
    check(done.returncode == wanted_code, f"ended with {done.returncode}: {done.stderr}")
    check(wanted_text in done.stderr, f"should say '{wanted_text}': {done.stderr}")
    return done


def until_running(connection, listener):
    read(connection, 37)
    connection.sendall(b"\x09")
    read(connection, struct.unpack(">I", read(connection, 4))[0])
    connection.sendall(b"\x0a")
    stream, _ = listener.accept()
    read(stream, 37)
    connection.sendall(b"\x01\x02")
    return stream


def server_dies(connection, listener):
    stream = until_running(connection, listener)
    read(stream, 1_000_000)
    stream.close()


def server_with_huge_results(connection, listener):
    stream = until_running(connection, listener)
    threading.Thread(target=lambda: [None for _ in iter(lambda: stream.recv(65536), b"")], daemon=True).start()
    read(connection, 1)
    connection.sendall(b"\x0d")
    read(connection, struct.unpack(">I", read(connection, 4))[0])
    connection.sendall(b"\xff\xff\xff\xff")


def dying_server():
    done = client_against(server_dies, 1, "", words=["--json"])
    document = json.loads(done.stdout)
    check(document["end"]["sum_sent"]["bytes"] >= 1_000_000, "the partial result should stand there")
    check(document["error"], "the error should stand there")
    check(document["end"]["complete"] is False, "it is not complete")


def refusals():
    def say(data):
        def behave(connection, _listener):
            read(connection, 37)
            connection.sendall(data)
        return behave
    client_against(say(b"\xff"), 1, "busy with another test")
    client_against(say(b"\xfe" + struct.pack(">II", 6, 0)), 1, "too many parallel streams")
    client_against(say(b"\x0b"), 1, "was ended")
    client_against(say(b"H"), 1, "speaks no protocol of iperf3")
    client_against(say(b""), 1, "closed the control connection")
    client_against(server_with_huge_results, 1, "impossible length", 1)


def cases():
    for name, data in BAD_CLIENTS.items():
        yield bad_client(name, data)
    yield f"server: a good client beside {IDLE_CONNECTIONS} idle connections", idle_connections
    yield "server: results of 2 GiB are refused", huge_results
    yield "server: 40 tests at once", many_tests
    yield "client: a server that dies leaves the partial result", dying_server
    yield "client: refusals and nonsense are told", refusals


def main():
    passed = failed = 0
    for name, test in cases():
        try:
            test()
            print(f"ok {name}")
            passed += 1
        except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as problem:
            print(f"not ok {name}\n    {type(problem).__name__}: {problem}")
            failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
