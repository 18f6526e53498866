#!/usr/bin/env python3
"""User names and passwords of isotach nettest and Debian's iperf3, at each end.

usage: nettest_users_test.py

The program is $ISOTACH, or build/isotach. Ends with the line "N passed, N failed, N skipped".
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build" / "isotach"))
LIMIT_S = 40
USER, PASSWORD = "mario", "rossi{,}again"  # a stock server reads no blanks in it


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


class Files:
    def __init__(self, folder):
        self.private, self.public, self.users = (str(folder / name) for name in ("private.pem", "public.pem", "users.csv"))
        subprocess.run(["openssl", "genrsa", "-out", self.private, "2048"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "rsa", "-in", self.private, "-pubout", "-out", self.public], check=True,
                       stderr=subprocess.DEVNULL)
        listed = hashlib.sha256(f"{{{USER}}}{PASSWORD}".encode()).hexdigest()
        pathlib.Path(self.users).write_text(f"# who may test\n{USER},{listed}\n")

    def server(self):
        return ["--rsa-private-key-path", self.private, "--authorized-users-path", self.users]

    def client(self):
        return ["--username", USER, "--rsa-public-key-path", self.public]


class OurServer:
    def __init__(self, words):
        self.process = subprocess.Popen([ISOTACH, "nettest", "-s", "-4", "-p", "0", "--json-stream"] + words,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(json.loads(self.process.stdout.readline())["data"][0].rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.said = self.process.communicate(timeout=LIMIT_S)[1]


class StockServer:
    def __init__(self, words):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(["iperf3", "-s", "-B", "127.0.0.1", "-p", str(self.port)] + words,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + LIMIT_S
        while f":{self.port:04X} 00000000:0000 0A" not in pathlib.Path("/proc/net/tcp").read_text():
            check(self.process.poll() is None and time.monotonic() < deadline, "iperf3 does not listen")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(LIMIT_S)


def client(program, port, words, password=PASSWORD):
    words = program + ["-c", "127.0.0.1", "-p", str(port), "-n", "100K"] + words
    return subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, env={**os.environ, "IPERF3_PASSWORD": password})


OURS, STOCK = [ISOTACH, "nettest"], ["iperf3"]


def allowed(program, server):
    def test(files):
        padding = [] if program == OURS and server == OurServer else ["--use-pkcs1-padding"]
        theirs = [word for word in padding if server == OurServer]
        mine = [word for word in padding if program == OURS]
        with server(files.server() + theirs) as peer:
            done = client(program, peer.port, files.client() + mine)
            check(done.returncode == 0, f"ended with {done.returncode}: {done.stdout} {done.stderr}")
    return test


def refused(program, what):
    def test(files):
        with OurServer(files.server()) as server:
            words, password = files.client(), PASSWORD
            if what == "nobody":
                words = []
            else:
                password = "wrong"
            done = client(program, server.port, words, password)
            check(done.returncode != 0, "it should be refused")
            wanted = "user name and password" if program == OURS else "authorization"
            check(wanted in done.stderr + done.stdout, f"should say why: {done.stdout} {done.stderr}")
            # The next one is served.
            again = client(OURS, server.port, files.client())
            check(again.returncode == 0, f"ended with {again.returncode}: {again.stderr}")
        check("names no user" in server.said or "not in our list" in server.said or "not for our key" in server.said,
              f"the server should say why: {server.said}")
    return test


def answer_to(files, port, seconds_ago):
    """What the server says to a token of that age."""
    text = f"user: {USER}\npwd:  {PASSWORD}\nts:   {int(time.time()) - seconds_ago}".encode()
    token = subprocess.run(["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", files.public, "-pkeyopt",
                            "rsa_padding_mode:oaep"], input=text, capture_output=True, check=True).stdout
    parameters = json.dumps({"tcp": True, "time": 1, "parallel": 1, "authtoken": base64.b64encode(token).decode()}).encode()
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection:
        connection.sendall(b"abcdefghijklmnopqrstuvwxyz234567abcd\0")
        check(connection.recv(1) == b"\x09", "parameters should be asked for")
        connection.sendall(struct.pack(">I", len(parameters)) + parameters)
        return connection.recv(1)


def old_token(files):
    """One that was recorded an hour ago."""
    with OurServer(files.server()) as server:
        check(answer_to(files, server.port, 0) == b"\x0a", "a new one should be let in")
        check(answer_to(files, server.port, 3600) == b"\xfe", "an old one should be refused")
        check(answer_to(files, server.port, -3600) == b"\xfe", "one of the future should be refused")
    check("off our clock" in server.said, f"the server should say why: {server.said}")


def bad_files(files):
    for words, wanted in ((["--rsa-private-key-path", files.public, "--authorized-users-path", files.users], "private RSA key"),
                          (["--rsa-private-key-path", files.private, "--authorized-users-path", "/nowhere"], "/nowhere"),
                          (["--rsa-private-key-path", files.private], "belong together")):
        done = subprocess.run(OURS + ["-s", "-p", "0"] + words, capture_output=True, text=True, timeout=LIMIT_S)
        check(done.returncode != 0 and wanted in done.stderr, f"should say '{wanted}': {done.stderr}")
    done = client(OURS, 1, ["--username", USER, "--rsa-public-key-path", files.private])
    check(done.returncode != 0, "a private key is no public one")


CASES = {"both ours: a user is let in": allowed(OURS, OurServer), "our client, iperf3 server": allowed(OURS, StockServer),
         "iperf3 client, our server": allowed(STOCK, OurServer), "ours: without a name": refused(OURS, "nobody"),
         "ours: a wrong password": refused(OURS, "wrong"), "iperf3: without a name": refused(STOCK, "nobody"),
         "iperf3: a wrong password": refused(STOCK, "wrong"), "an old token": old_token, "files that cannot be": bad_files}


def main():
    for program in ("iperf3", "openssl"):
        if shutil.which(program) is None:
            print(f"skip: {program} is not installed\n0 passed, 0 failed, 1 skipped")
            return 0
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        files = Files(pathlib.Path(folder))
        for name, test in CASES.items():
            try:
                test(files)
                print(f"ok {name}")
                passed += 1
            except (Failed, OSError, subprocess.TimeoutExpired, KeyError, ValueError) as problem:
                print(f"not ok {name}\n    {type(problem).__name__}: {problem}")
                failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
