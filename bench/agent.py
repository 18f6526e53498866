#!/usr/bin/env python3
"""What isotach agent costs: CPU time for a scrape of this machine, and of one with 10,000 series.

usage: bench/agent.py [SCRAPES] [--json FILE]

The second machine is a saved tree of files: this one's, with interfaces added until its page has 10,000 series. Where
node_exporter is installed (prometheus-node-exporter) the same number of scrapes of it stand beside the first.
"""
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from figures import Figures

ISOTACH = os.environ.get("ISOTACH", str(Path(__file__).resolve().parent.parent / "build" / "isotach"))
FIGURES = Figures("Scraping: isotach agent beside node_exporter")
SCRAPES = int(sys.argv[1]) if len(sys.argv) > 1 else 100
WANTED_SERIES = 10_000
COLUMNS = 16  # of /proc/net/dev, each a series


def cpu_s(pid):
    """Of all threads, in nanoseconds as the scheduler counts them: both programs keep theirs."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


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


def node_exporter():
    port = 19100
    process = subprocess.Popen(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"],
                               stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/metrics"
    for _ in range(200):
        try:
            fetch(url)
            return process, url
        except OSError:
            time.sleep(0.05)
    sys.exit("node_exporter did not start")


def main():
    table = FIGURES.table(f"CPU time of a scrape, {SCRAPES} of each", ("", None), ("ms", 2), ("KiB", 0), ("series", 0),
                          ("us a series", 2), ("% of a core, each 15 s", 3))

    def row(name, seconds, size, series):
        table.row(name, seconds * 1e3, size / 1024, series, seconds / series * 1e6, seconds / 15 * 100)
        return seconds, series

    ours, series = row("isotach agent, this machine", *measured(*agent()))
    if FIGURES.peer("prometheus-node-exporter"):
        theirs, of_theirs = row("node_exporter, this machine", *measured(*node_exporter()))
        FIGURES.goal("CPU time of a scrape of this machine", f"{ours / theirs:.2f} of node_exporter's", "less than its",
                     ours < theirs)
        FIGURES.goal("CPU time for a series", f"{ours / series / (theirs / of_theirs):.2f} of node_exporter's",
                     "less than its", ours / series < theirs / of_theirs)
    with tempfile.TemporaryDirectory() as folder:
        large_tree(folder, series)
        row(f"isotach agent, {WANTED_SERIES:,} series", *measured(*agent("--proc-root", folder)))
    FIGURES.finish()


main()
