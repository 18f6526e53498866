#!/usr/bin/env python3
"""What isotach agent costs: CPU time for a scrape of this machine, and of one with 10,000 series.

usage: bench/agent.py [SCRAPES]

The second machine is a saved tree of files: this one's, with interfaces added until its page has 10,000 series. Where
node_exporter is installed (prometheus-node-exporter) the same number of scrapes of it stand beside the first.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ISOTACH = os.environ.get("ISOTACH", str(Path(__file__).resolve().parent.parent / "build" / "isotach"))
SCRAPES = int(sys.argv[1]) if len(sys.argv) > 1 else 100
WANTED_SERIES = 10_000
COLUMNS = 16  # of /proc/net/dev, each a series
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) * TICK_S


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def agent(*options):
    process = subprocess.Popen([ISOTACH, "agent", "--listen", "127.0.0.1:0", "-i", "10ms", *options],
                               stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if found := re.search(r"http://\S+?/metrics", line):
            return process, found.group()
    sys.exit("the agent did not start")


def series_of(page):
    return sum(1 for line in page.splitlines() if line and not line.startswith("#"))


def measured(process, url):
    """CPU seconds of a scrape, bytes of the page, its series."""
    page = fetch(url)
    before = cpu_s(process.pid)
    for _ in range(SCRAPES):
        page = fetch(url)
        time.sleep(0.011)  # the next one reads the machine again
    used = cpu_s(process.pid) - before
    process.terminate()
    process.wait()
    return used / SCRAPES, len(page), series_of(page)


def large_tree(folder, series):
    """This machine's files, with so many interfaces that there are WANTED_SERIES."""
    proc = Path(folder) / "proc"
    (proc / "net").mkdir(parents=True)
    (proc / "pressure").mkdir()
    for name in ("meminfo", "vmstat", "stat", "diskstats", "uptime", "loadavg", "swaps", "net/dev", "net/snmp",
                 "net/netstat", "net/softnet_stat", "pressure/cpu", "pressure/memory", "pressure/io"):
        if (Path("/proc") / name).exists():
            (proc / name).write_text((Path("/proc") / name).read_text())
    text = (proc / "net/dev").read_text()
    for number in range((WANTED_SERIES - series) // COLUMNS + 1):
        text += f"  eth{number + 100}: " + " ".join(str(number * 1000 + i) for i in range(COLUMNS)) + "\n"
    (proc / "net/dev").write_text(text)


def row(name, seconds, size, series):
    print(f"{name:<34} {seconds * 1e3:8.2f} ms {size / 1024:8.0f} KiB {series:7} series"
          f" {seconds / 15 * 100:8.3f} % of a core at a scrape each 15 s")


def main():
    seconds, size, series = measured(*agent())
    row("isotach agent, this machine", seconds, size, series)
    if shutil.which("prometheus-node-exporter"):
        port = 19100
        process = subprocess.Popen(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"],
                                   stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}/metrics"
        for _ in range(200):
            try:
                fetch(url)
                break
            except OSError:
                time.sleep(0.05)
        peer_seconds, peer_size, peer_series = measured(process, url)
        row("node_exporter, this machine", peer_seconds, peer_size, peer_series)
        print(f"CPU of the agent for a series, of node_exporter's: x {seconds / series / (peer_seconds / peer_series):.2f}")
    else:
        print("node_exporter is not installed: apt install prometheus-node-exporter")

    with tempfile.TemporaryDirectory() as folder:
        large_tree(folder, series)
        large_seconds, large_size, large_series = measured(*agent("--proc-root", folder))
    row("isotach agent, a large machine", large_seconds, large_size, large_series)
    print(f"for each 10,000 series             {large_seconds / large_series * 10_000 * 1e3:8.2f} ms of CPU")


main()
