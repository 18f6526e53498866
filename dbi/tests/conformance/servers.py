"""Cases with a server: each function runs one (or a client) with the words before its command, natively or under the
engine, in the folder given, and returns what was seen from outside as text. All listen on loopback."""
import concurrent.futures
import http.server
import os
import signal
import socket
import subprocess
import threading
import time

LIMIT_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once: {process.stderr.read()[-300:] if process.stderr else ''}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the server does not listen")


def stop(process, how=signal.SIGTERM):
    process.send_signal(how)
    try:
        return process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return "no end after its signal"


def start(words, folder):
    return subprocess.Popen(words, cwd=folder, start_new_session=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def fetch_many(url, count, at_once):
    """How many of count requests brought which code and length."""
    def one(number):
        done = subprocess.run(["curl", "-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                               url + ("" if number % 10 else "missing")], capture_output=True, text=True)
        return done.stdout
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        seen = list(pool.map(one, range(count)))
    return "\n".join(f"{text}: {seen.count(text)}" for text in sorted(set(seen)))


def curl_from_local(prefix, folder):
    """curl under the engine, a server that is not."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = b"x" * 300000 if self.path == "/large" else b"small\n"
            self.send_response(404 if self.path == "/none" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        seen = []
        for words in (["-s", base + "/"], ["-s", "-o", "f", "-w", "%{size_download}", base + "/large"],
                      ["-sf", base + "/none"], ["-s", "--no-progress-meter", "-Z", base + "/", base + "/", base + "/large",
     "-o", "a", "-o", "b", "-o", "c"],
                      ["-s", "http://127.0.0.1:1/"]):
            done = subprocess.run([*prefix, "curl", *words], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S)
            seen.append(f"{done.returncode} {done.stdout} {done.stderr}")
        server.shutdown()
    return "\n".join(seen)


def python_server(prefix, folder):
    port = free_port()
    with open(os.path.join(folder, "index.html"), "w", encoding="ascii") as file:
        file.write("hello\n" * 1000)
    process = start([*prefix, "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", str(port)], folder)
    try:
        wait_for(port, process)
        seen = fetch_many(f"http://127.0.0.1:{port}/", 60, 8)
    finally:
        code = stop(process, signal.SIGINT)
    return f"{seen}\nended {code}"


def nginx(prefix, folder):
    port = free_port()
    for name in ("logs", "html"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    with open(os.path.join(folder, "html", "index.html"), "w", encoding="ascii") as file:
        file.write("nginx\n" * 5000)
    with open(os.path.join(folder, "n.conf"), "w", encoding="ascii") as file:
        file.write(f"""daemon off; worker_processes 2; pid {folder}/n.pid; error_log {folder}/logs/e; user root;
events {{ worker_connections 128; }}
http {{ access_log off; client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t; gzip on;
server {{ listen 127.0.0.1:{port}; root {folder}/html; }} }}""")
    process = start([*prefix, "nginx", "-p", folder, "-e", f"{folder}/logs/e", "-c", f"{folder}/n.conf"], folder)
    try:
        wait_for(port, process)
        seen = fetch_many(f"http://127.0.0.1:{port}/", 150, 8)
        process.send_signal(signal.SIGHUP)
        seen += "\n" + fetch_many(f"http://127.0.0.1:{port}/", 30, 4)
    finally:
        code = stop(process, signal.SIGQUIT)
    return f"{seen}\nended {code}"


def redis(prefix, folder):
    port = free_port()
    process = start([*prefix, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                     "--io-threads", "2", "--daemonize", "no"], folder)

    def cli(*words, given=""):
        return subprocess.run(["redis-cli", "-p", str(port), *words], input=given, capture_output=True, text=True,
                              timeout=LIMIT_S).stdout

    try:
        wait_for(port, process)
        seen = cli(given="".join(f"set k{i} {i}\nincrby k{i} 5\nlpush l {i}\n" for i in range(500)))
        seen += cli("eval", "local s = 0; for i = 1, 100 do s = s + redis.call('get', 'k' .. i) end; return s", "0")
        seen += cli("sort", "l", "limit", "0", "5", "desc") + cli("bgsave") + cli("dbsize")
        subprocess.run(["redis-benchmark", "-p", str(port), "-n", "3000", "-c", "20", "-q", "-t", "set,get,lpush"],
                       capture_output=True, timeout=LIMIT_S)
        seen += cli("llen", "mylist")
    finally:
        code = stop(process)
    dump = os.path.exists(os.path.join(folder, "dump.rdb"))
    if dump:
        os.unlink(os.path.join(folder, "dump.rdb"))
    return f"{seen}\ndump {dump}\nended {code}"
