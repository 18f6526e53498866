#!/usr/bin/env python3
"""isotach nettest among bad peers: a server that nobody can keep busy, a client that no server can hold.

usage: nettest_test.py

Each bad client keeps its connection open while a good one is served: a server that reads it in turn would let the
good one wait for as long. Ends with the line "N passed, N failed, N skipped".
"""
import json
import os
import pathlib
import re
import resource
import select
import shutil
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
COOKIE_LIMIT_S = 10  # who says nothing for so long is dropped
IDLE_CONNECTIONS = 10_000
MORE_THAN_BUFFERS = 64 * 2**20  # of two sockets hold
TESTS_AT_ONCE = 256
# What a connection may cost the server.
CONNECTION_KIB = 64

COOKIE = b"abcdefghijklmnopqrstuvwxyz234567abcd\0"


def framed(text):
    return struct.pack(">I", len(text)) + text


def cookie(name):
    return (name.encode() + COOKIE)[:36] + b"\0"


PARAMETERS = b'{"tcp":true,"omit":0,"time":60,"num":0,"blockcount":0,"parallel":1,"len":1000}'
UDP = b'{"udp":true,"omit":0,"time":60,"num":0,"blockcount":0,"parallel":1,"len":1000}'

def iperf2_words(reverse):
    flags, upper = (0x44010078, 0x04000000) if reverse else (0x40010078, 0)
    return struct.pack(">9I", flags, 1, 5001, 1000, 0, 0xFFFFFF9C, 0, 0, upper) + bytes(24)


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
    "half of the words of iperf2": iperf2_words(False)[:40],
    "the words of iperf2": iperf2_words(False),
    "the words of iperf2, and reads nothing": iperf2_words(True),
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
        self.ended = threading.Event()  # a test has
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if json.loads(line)["event"] == "end":
                self.ended.set()

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


def good_test(server, name, udp=False, strangers=(), running=lambda: None):
    """A whole test as a stock client does it; returns how long it took to be served. The strangers connect when its
    streams are due, and running() is called when it runs."""
    mine = cookie(name)
    begin = time.monotonic()
    with server.connect() as control:
        control.sendall(mine)
        check(read(control, 1) == b"\x09", "parameters should be asked for")
        control.sendall(framed(UDP if udp else PARAMETERS))
        check(read(control, 1) == b"\x0a", "streams should be asked for")
        between = [server.connect() for _ in strangers]
        for stranger, data in zip(between, strangers):
            stranger.sendall(data)
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
        running()
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
        for stranger in between:
            stranger.close()
    return served


def served_beside(data):
    """How long good clients are served beside a connection that began with `data`."""
    server = Server()
    bad = server.connect()
    try:
        bad.sendall(data)
    except OSError:
        pass  # it may be refused already
    times = [good_test(server, f"g{i}", udp) for i, udp in enumerate((False, True, False))]
    bad.close()
    server.stop()
    return times


def bad_client(name, data):
    def test():
        times = served_beside(data)
        check(max(times) < SERVED_WITHIN_S, f"a good client was served after {max(times):.1f} s only")
    return f"server: a good client beside one that sends {name}", test


def dribbled_cookie():
    server = Server()
    with server.connect() as bad:
        for i, byte in enumerate(cookie("dribble")[:8]):
            bad.sendall(bytes([byte]))
            served = good_test(server, f"d{i}", i % 2 == 1)
            check(served < SERVED_WITHIN_S, f"a good client was served after {served:.1f} s only")
    server.stop()


def strangers():
    """Whoever connects while a test waits for its streams."""
    server = Server()
    for udp in (False, True):
        # Of names of their own: a server may not have seen the end of a test yet whose cookie comes again.
        others = (b"", b"x", b"GET / HTTP/1.1\r\n\r\n" * 4, cookie(f"other{udp}"))
        served = good_test(server, f"alone{udp}", udp, others)
        check(served < SERVED_WITHIN_S, f"the client was served after {served:.1f} s only")
    server.stop()


def idle_count():
    """As many connections as this process may open, and the server, which keeps 4096 of its descriptors for tests."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        hard = max(hard, 3 * IDLE_CONNECTIONS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # only root may
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(IDLE_CONNECTIONS, max(1, hard * 3 // 4 - 500))


def kernel_kib():
    """What the kernel holds for its objects and for the data in TCP's buffers, of the whole machine."""
    meminfo = pathlib.Path("/proc/meminfo").read_text()
    pages = re.search(r"^TCP: .* mem (\d+)$", pathlib.Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    return int(meminfo.split("Slab:")[1].split()[0]) + int(pages[1]) * (resource.getpagesize() // 1024)


def served_beside_idle():
    """The longest that a good client waits, in seconds, and KiB for each connection: what the server grew by, and what
    the kernel did for both ends of it."""
    count = idle_count()
    server = Server()
    good_test(server, "first")
    before, kernel_before = server.resident_kib(), kernel_kib()
    begin = time.monotonic()
    idle = [server.connect() for _ in range(count)]
    served = max(good_test(server, f"beside{i}", i == 1) for i in range(3))
    grown = (server.resident_kib() - before) / count
    in_kernel = (kernel_kib() - kernel_before) / count
    poller = select.poll()
    for connection in idle:
        poller.register(connection, select.POLLIN)
    dropped = len(poller.poll(0))
    if time.monotonic() - begin < COOKIE_LIMIT_S:
        check(dropped == 0, f"{dropped} of {count} idle connections were dropped")
    for connection in idle:
        connection.close()
    server.stop()
    return served, grown, in_kernel


def idle_connections():
    served, grown, in_kernel = served_beside_idle()
    check(served < SERVED_WITHIN_S, f"a good client was served after {served:.1f} s only")
    check(grown + in_kernel < CONNECTION_KIB, f"{grown:.1f} + {in_kernel:.1f} KiB for an idle connection")


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


def deaf_client():
    """Asks over two connections that share a thread, and reads no answer: it is not heard for ever, because the
    answers would pile up."""
    server = Server()
    good_test(server, "first")
    before = server.resident_kib()
    mine = cookie("deaf")
    ours = b',"isotach":{"version":1,"transaction":"rr","request_bytes":1000,"response_bytes":65536,"threads":1}}'
    with server.connect() as control:
        control.sendall(mine)
        read(control, 1)
        control.sendall(framed(PARAMETERS.replace(b'"parallel":1', b'"parallel":2')[:-1] + ours))
        read(control, 1)
        streams = []
        for _ in range(2):
            streams.append(server.connect())
            streams[-1].sendall(mine)
        read(control, 2)
        for stream in streams:
            stream.settimeout(0.5)
            try:
                for _ in range(MORE_THAN_BUFFERS // 65536):
                    stream.sendall(bytes(65536))
                raise Failed("who reads no answers is heard for ever")
            except (TimeoutError, ConnectionError):
                pass
        check(server.resident_kib() - before < 20_000, f"grew by {server.resident_kib() - before} KiB")
        good_test(server, "after")
    server.stop()


def programs_fail(port):
    """What stock clients and ours say, that run at once, where they fail."""
    where = ["-c", "127.0.0.1", "-p", str(port), "-t", "1", "-b", "1M", "-l", "1000"]
    clients = [[ISOTACH, "nettest"]] + ([["iperf3"]] if shutil.which("iperf3") else [])
    running = [subprocess.Popen(client + where + way, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for client in clients for way in ([], ["-R"], ["-u"], ["--bidir"])]
    told = [(program.communicate(timeout=LIMIT_S)[0], program) for program in running]
    return [f"{' '.join(program.args)}: {text}" for text, program in told if program.returncode != 0]


def many_tests():
    """Tests that run at once, from one host: none ends before all run, and whole programs have run beside them. Returns
    by how many KiB the server grew."""
    idle_count()
    server = Server()
    good_test(server, "first")
    before = server.resident_kib()
    problems = []

    def beside_all():
        problems.append(server.resident_kib() - before)
        problems.extend(programs_fail(server.port))

    all_run = threading.Barrier(TESTS_AT_ONCE, beside_all)

    def run(number):
        try:
            good_test(server, f"m{number}x", number % 4 == 1, (), lambda: all_run.wait(2 * LIMIT_S))
        except (Failed, OSError, threading.BrokenBarrierError) as problem:
            problems.append(f"{number}: {problem}")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(TESTS_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * LIMIT_S)
    grown = problems.pop(0) if problems and isinstance(problems[0], int) else None
    check(grown is not None and not problems, "; ".join(map(str, problems[:3])) or "they did not run at once")
    check(grown < 2 * CONNECTION_KIB * TESTS_AT_ONCE, f"{grown} KiB for {TESTS_AT_ONCE} tests")
    server.stop()
    return grown


def killed_client():
    """A client that is gone without a word: its test ends, and the next is served."""
    server = Server()
    client = subprocess.Popen([ISOTACH, "nettest", "-c", "127.0.0.1", "-p", str(server.port), "-t", "60", "-i", "0.1", "-P", "3",
                               "--json-stream"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while json.loads(client.stdout.readline())["event"] != "interval":
        pass
    client.kill()
    client.wait(LIMIT_S)
    check(server.ended.wait(LIMIT_S), "the server should tell the end of the test")
    served = good_test(server, "after")
    check(served < SERVED_WITHIN_S, f"the next client was served after {served:.1f} s only")
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
    yield "server: good clients while a cookie comes byte by byte", dribbled_cookie
    yield "server: strangers while the streams of a test are due", strangers
    yield f"server: a good client beside {IDLE_CONNECTIONS} idle connections", idle_connections
    yield "server: results of 2 GiB are refused", huge_results
    yield "server: a client that asks and reads no answers", deaf_client
    yield f"server: {TESTS_AT_ONCE} tests at once", many_tests
    yield "server: a client that is killed", killed_client
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


if __name__ == "__main__":  # the benchmark of the same name takes its clients from here
    sys.exit(main())
