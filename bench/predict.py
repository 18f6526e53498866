#!/usr/bin/env python3
"""How quick and how right `isotach ksm predict` and `isotach swap advise` are.

Speed: over memory of a process that this program starts, of the kinds that matter; the median of several
runs, CPU time and wall-clock time, and how much memory isotach took for it. Accuracy, when root: every
workload of tests/support is predicted and then merged, or swapped to a zram device, by the kernel.

usage: predict.py [--json FILE]
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys

from figures import Figures

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUPPORT = ROOT / "tests/support"
FIGURES = Figures("Looking into memory: isotach ksm predict and isotach swap advise")
ROUNDS = 7
PAGES = 180_000
WANTED_GB_PER_S = 2.0
WANTED_EXTRA_PERCENT = 3.0
ISOTACH = os.environ.get("ISOTACH", str(ROOT / "build/isotach"))

os.environ["KSM_WORKLOAD_PAGES"] = str(PAGES)
sys.dont_write_bytecode = True
sys.path.insert(0, str(SUPPORT))
import ksm_workloads  # noqa: E402
import zram_workloads  # noqa: E402


def run(words):
    text = subprocess.run([ISOTACH, *words], stdout=subprocess.PIPE, check=True, text=True).stdout
    return json.loads(text)


def speed(table, name, pids, options):
    cpu, wall, peaks, pages = [], [], [], 0
    for _ in range(ROUNDS):
        document = run(["ksm", "predict", "--json", "--mergeable", "--pid", ",".join(map(str, pids)), *options])
        scanned = document["scanned"]
        pages = scanned["pages"]
        cpu.append(pages * 4096 / scanned["cpu_seconds"] / 1e9)
        wall.append(pages * 4096 / scanned["wall_seconds"] / 1e9)
        peaks.append(scanned["peak_memory_bytes"])
    extra = 100 * (statistics.median(peaks) - base_memory()) / (pages * 4096)
    table.row(name, statistics.median(cpu), statistics.median(wall), extra)
    return statistics.median(cpu), extra


def base_memory():
    """What isotach takes for next to nothing."""
    if not hasattr(base_memory, "bytes"):
        document = run(["ksm", "predict", "--json", "--pid", str(os.getpid())])
        base_memory.bytes = document["scanned"]["peak_memory_bytes"]
    return base_memory.bytes


def measure_speed():
    table = FIGURES.table(f"isotach ksm predict over {PAGES * 4096 / 1e9:.2f} GB, medians of {ROUNDS} runs", ("", None),
                          ("GB/s of CPU", 2), ("GB/s of wall clock", 2), ("% memory", 2))
    least, most = float("inf"), 0.0
    for layout, huge in (("unique", False), ("mixed", False), ("equal", False), ("unique", True)):
        with ksm_workloads.Processes() as processes:
            processes.hold(layout, huge=huge)
            name = layout + (", huge pages" if huge else "")
            rate, extra = speed(table, name, processes.pids, [])
            least, most = min(least, rate), max(most, extra)
            if layout == "mixed":
                speed(table, "mixed, with 2 threads", processes.pids, ["--threads", "2"])
                speed(table, "mixed, a sample of 1/16", processes.pids, ["--sample", "1/16"])
    FIGURES.goal("speed, all kinds of memory", f"{least:.2f} GB/s of CPU", f"at least {WANTED_GB_PER_S:.0f}",
                 least >= WANTED_GB_PER_S)
    FIGURES.goal("memory for it", f"{most:.2f} %", f"at most {WANTED_EXTRA_PERCENT:.0f} %", most <= WANTED_EXTRA_PERCENT)


def measure_merging():
    table = FIGURES.table("Pages that ksm predict says will be saved, and what the kernel then merged", ("workload", None),
                          ("predicted", 0), ("in the kernel", 0), ("error, %", 3))
    os.environ["KSM_WORKLOAD_PAGES"] = "8192"
    worst = 0
    lines = subprocess.run([SUPPORT / "ksm_workloads.py", *ksm_workloads.WORKLOADS], check=True, text=True,
                           stdout=subprocess.PIPE, env={**os.environ, "ISOTACH": ISOTACH}).stdout
    for line in lines.splitlines():
        found = json.loads(line)
        worst = max(worst, found["error_percent"])
        table.row(found["workload"], found["predicted"]["pages_sharing"], found["kernel"]["pages_sharing"],
                  found["error_percent"])
    FIGURES.goal("largest error of what is merged", f"{worst:.3f} %", "at most 0.1 %", worst <= 0.1)


def measure_zram():
    table = FIGURES.table("Ratios that swap advise predicts, and those of a zram device", ("algorithm", None),
                          ("workload", None), ("predicted", 3), ("on the device", 3), ("error, %", 2), ("ms of CPU", 0),
                          ("MiB", 0))
    worst = 0
    for algorithm in ("lz4", "lzo-rle"):
        lines = subprocess.run([SUPPORT / "zram_workloads.py", algorithm, *zram_workloads.WORKLOADS], check=True,
                               text=True, stdout=subprocess.PIPE, env={**os.environ, "ISOTACH": ISOTACH}).stdout
        for line in lines.splitlines():
            found = json.loads(line)
            worst = max(worst, found["error_percent"])
            table.row(algorithm, found["workload"], found["predicted_ratio"], found["ratio"], found["error_percent"],
                      found["cpu_seconds"] * 1000, found["anonymous_bytes"] / 2**20)
    FIGURES.goal("largest error of a ratio", f"{worst:.2f} %", "at most 5 %", worst <= 5)


def main():
    measure_speed()
    if os.geteuid() != 0:
        FIGURES.remark("accuracy is measured as root only")
    elif (ksm_workloads.KSM / "run").read_text().strip() == "1":
        FIGURES.remark("KSM is in use here: its accuracy is not measured")
    else:
        measure_merging()
    if os.geteuid() == 0 and (zram_workloads.CONTROL / "hot_add").exists():
        measure_zram()
    sys.exit(0 if FIGURES.finish() else 1)


if __name__ == "__main__":
    main()
