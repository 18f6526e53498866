#!/usr/bin/env python3
"""Commands that change the machine, killed half-way: before a system call that writes.

usage: halfway_test.py [--all] [--moments N] [--seed N] [NAME...]

strace kills the command with SIGKILL at its N-th write, creation, rename, swapon and so on, for some N of those that an
undisturbed run has, or with --all for every one. When the watchdog has done its work, everything must be as before the
command, or as after it: a swap file with its line in fstab, an area in use, the settings of KSM, the settings of an
interface; and no process of it may be left. A lab is killed when it has said so many lines; labs that take long only with
--all. With NAME only those whose names begin so.
"""
import argparse
import hashlib
import os
import pathlib
import random
import re
import signal
import shutil
import subprocess
import sys
import tempfile
import time

ISOTACH = os.environ.get("ISOTACH", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "isotach"))
CALLS = ("openat,write,pwrite64,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,rmdir,ftruncate,fallocate,"
         "fsync,fdatasync,fchmod,fchown,swapon,swapoff,sendto,sendmsg,ioctl,kill")
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE")
DEADLINE_S = 30
KSM = pathlib.Path("/sys/kernel/mm/ksm")
FSTAB = "# mine\ntmpfs /tmp tmpfs rw 0 0\n"


class Bed:
    """A folder that can hold swap files, a state folder, and an fstab of its own."""

    def __init__(self):
        self.folder = None
        for parent in ("/var/tmp", os.environ.get("TMPDIR", "/tmp")):
            kind = subprocess.run(["stat", "-f", "-c", "%T", parent], capture_output=True, text=True, check=False).stdout.strip()
            if kind in ("ext2/ext3", "xfs", "btrfs"):
                self.folder = pathlib.Path(tempfile.mkdtemp(prefix="isotach-halfway-", dir=parent))
                break
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="isotach-state-"))
        self.fstab = self.state.parent / f"{self.state.name}.fstab"
        self.fstab.write_text(FSTAB)
        self.env = {**os.environ, "ISOTACH_STATE": str(self.state), "ISOTACH_FSTAB": str(self.fstab)}

    def run(self, *words, check=True):
        return subprocess.run([ISOTACH, *words], env=self.env, check=check, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=DEADLINE_S)

    def close(self):
        self.run("restore", check=False)
        for line in pathlib.Path("/proc/swaps").read_text().splitlines()[1:]:
            if self.folder and line.startswith(str(self.folder)):
                subprocess.run(["swapoff", line.split()[0]], check=False)
        for folder in (self.folder, self.state):
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
        for path in self.fstab.parent.glob(self.fstab.name + "*"):
            path.unlink()


def digest(text):
    return hashlib.sha256(text).hexdigest()[:12]


def of_swap(bed):
    """Areas, files and the table; what a file in use holds does not matter, nor the copy of the former table."""
    areas = sorted(" ".join(line.split()[:3] + line.split()[4:]) for line in
                   pathlib.Path("/proc/swaps").read_text().splitlines() if line.startswith(str(bed.folder)))
    files = sorted(f"{path.name} {path.stat().st_size}" for path in bed.folder.iterdir())
    return areas, files, digest(bed.fstab.read_bytes())


def of_ksm(_bed):
    return {name: (KSM / name).read_text().strip() for name in ("run", "pages_to_scan", "sleep_millisecs")}


def of_ksm_and_swap(bed):
    return of_ksm(bed), of_swap(bed)


def of_namespaces(_bed):
    """What a lab about the network must not leave here."""
    links = subprocess.run(["ip", "-br", "link"], check=True, capture_output=True, text=True).stdout
    return sorted(line.split()[0] for line in links.splitlines())


def of_link(_bed):
    text = subprocess.run(["ip", "-d", "link", "show", "dev", "halfway0"], check=True, capture_output=True, text=True).stdout
    return re.search(r"mtu \d+", text).group(), re.search(r"state \w+", text).group()


class Case:
    """Killed at system calls; or, where it is a lab, after so many lines of what it says."""

    def __init__(self, name, words, look, prepare=None, reset=None, by_lines=False, long=False):
        self.name, self.words, self.look, self.by_lines, self.long = name, words, look, by_lines, long
        self.prepare, self.reset = prepare or (lambda bed: None), reset or (lambda bed: None)


def swap_file(bed):
    return str(bed.folder / "swap")


def make_area(bed):
    bed.run("swap", "create", swap_file(bed), "8Mi", "--on", "--persist")


def drop_area(bed):
    bed.run("swap", "remove", swap_file(bed), "--keep", check=False)
    for path in bed.folder.iterdir():
        path.unlink()
    bed.fstab.write_text(FSTAB)


def make_link(_bed):
    subprocess.run(["ip", "link", "add", "halfway0", "type", "veth", "peer", "name", "halfway1"], check=True)


def lab(bed, name):
    return ["lab", name, "-o", str(bed.state / "report")]


def drop_report(bed):
    shutil.rmtree(bed.state / "report", ignore_errors=True)


CASES = [
    Case("swap create --on --persist", lambda bed: ["swap", "create", swap_file(bed), "8Mi", "--on", "--persist"], of_swap,
         reset=drop_area),
    Case("swap create --on", lambda bed: ["swap", "create", swap_file(bed), "8Mi", "--on", "--", "true"], of_swap,
         reset=drop_area),
    Case("swap create over an unused one", lambda bed: ["swap", "create", swap_file(bed), "16Mi", "--keep"], of_swap,
         lambda bed: bed.run("swap", "create", swap_file(bed), "8Mi", "--keep"), drop_area),
    Case("swap off --keep", lambda bed: ["swap", "off", swap_file(bed), "--keep"], of_swap, make_area, drop_area),
    Case("swap remove --keep", lambda bed: ["swap", "remove", swap_file(bed), "--keep"], of_swap, make_area, drop_area),
    Case("swap drain", lambda bed: ["swap", "drain", swap_file(bed)], of_swap, make_area, drop_area),
    Case("ksm run --start", lambda bed: ["ksm", "run", "--start", "pages_to_scan=321", "--", "true"], of_ksm),
    Case("ksm demo", lambda bed: ["ksm", "demo", "--pages", "256", "--hold", "50ms", "--no-trace"], of_ksm),
    Case("lab link", lambda bed: lab(bed, "link"), of_namespaces, reset=drop_report, by_lines=True),
    Case("lab swap", lambda bed: lab(bed, "swap"), of_ksm_and_swap, reset=drop_report, by_lines=True,
         long=True),
    Case("lab ksm", lambda bed: lab(bed, "ksm"), of_ksm_and_swap, reset=drop_report, by_lines=True, long=True),
    Case("ksm set --keep", lambda bed: ["ksm", "set", "--keep", "pages_to_scan=321", "sleep_millisecs=77"], of_ksm,
         reset=lambda bed: bed.run("ksm", "reset", check=False)),
    Case("link set --keep", lambda bed: ["link", "set", "halfway0", "mtu", "1300", "--keep"], of_link, make_link,
         lambda bed: subprocess.run(["ip", "link", "delete", "halfway0"], check=False)),
]


def traced(bed, words, *options):
    return subprocess.run(["strace", "-qq", "-e", f"trace={CALLS}", *options, ISOTACH, *words], env=bed.env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                          timeout=DEADLINE_S)


def killed_after(bed, words, lines):
    """Its exit code, and how many lines it said: at `lines` it is killed, 0 for never."""
    said = 0
    with subprocess.Popen([ISOTACH, *words], env=bed.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as running:
        for _ in running.stdout:
            said += 1
            if said == lines:
                running.send_signal(signal.SIGKILL)
        return running.wait(), said


def moments(log):
    """(call, which of its kind) of an undisturbed run, of all that can change something."""
    counts, found = {}, []
    for line in log.read_text().splitlines():
        call = re.match(r"(\w+)\(", line)
        if not call:
            continue
        name = call.group(1)
        counts[name] = counts.get(name, 0) + 1
        if name != "openat" or WRITES.search(line):
            found.append((name, counts[name]))
    return found


def settle(bed):
    """Until no journal is left: the watchdog has ended, and put back what there was to put back."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        held = subprocess.run(["pgrep", "-f", ISOTACH], capture_output=True, check=False).stdout.split()
        ours = [pid for pid in held if f"ISOTACH_STATE={bed.state}".encode() in environment(pid)]
        if not ours:
            return bed.run("restore", check=False)
        if time.monotonic() > deadline:
            sys.exit(f"processes do not end: {ours}")
        time.sleep(0.01)


def environment(pid):
    try:
        return pathlib.Path(f"/proc/{int(pid)}/environ").read_bytes()
    except OSError:
        return b""


def undisturbed(bed, case):
    """Its moments, (a system call or "line", which of them), from a run that nothing disturbs."""
    if case.by_lines:
        code, said = killed_after(bed, case.words(bed), 0)
        found, error = [("line", number) for number in range(1, said)], ""
    else:
        log = bed.state.parent / f"{bed.state.name}.log"
        done = traced(bed, case.words(bed), "-o", str(log))
        code, error, found = done.returncode, done.stderr, moments(log)
        log.unlink()
    if code != 0:
        raise RuntimeError(f"it ends with {code} undisturbed: {error}")
    return found


def kill_at(bed, case, call, number):
    if case.by_lines:
        return killed_after(bed, case.words(bed), number)[0]
    return traced(bed, case.words(bed), "-o", "/dev/null", "-e",
                  f"inject={call}:signal=SIGKILL:when={number}").returncode


def run_case(bed, case, chosen):
    """What was wrong, and at how many moments it was killed."""
    wrong = []
    case.prepare(bed)
    try:
        before = case.look(bed)
        todo = undisturbed(bed, case)
        settle(bed)
        after = case.look(bed)
    except RuntimeError as error:
        return [str(error)], 0
    finally:
        case.reset(bed)
    todo = chosen(todo, case)
    for call, number in todo:
        case.prepare(bed)
        try:
            if case.look(bed) != before:
                return [*wrong, f"the bed is not as it was: {case.look(bed)}"], len(todo)
            code = kill_at(bed, case, call, number)
            settle(bed)
            found = case.look(bed)
            if found not in (before, after):
                wrong.append(f"killed at {call} {number} ({code}): {found}, neither {before} nor {after}")
        finally:
            case.reset(bed)
    return wrong, len(todo)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", default=[""])
    options = parser.parse_args()

    def chosen(todo, case):
        """In their order; of a lab one."""
        count = len(todo) if options.all else min(len(todo), 1 if case.by_lines else options.moments)
        return [todo[i] for i in sorted(random.Random(f"{options.seed} {case.name}").sample(range(len(todo)), count))]

    if os.geteuid() != 0 or shutil.which("strace") is None:
        print(f"needs root and strace\n0 passed, 0 failed, {len(CASES)} skipped")
        return 0
    passed = failed = skipped = 0
    for case in CASES:
        if not any(case.name.startswith(name) for name in options.names) or (case.long and not options.all):
            continue
        bed = Bed()
        try:
            if (case.look in (of_swap, of_ksm_and_swap) and bed.folder is None) or (
                    case.look in (of_ksm, of_ksm_and_swap) and not KSM.exists()):
                print(f"skip {case.name}: this machine has no place for it")
                skipped += 1
                continue
            started = time.monotonic()
            wrong, count = run_case(bed, case, chosen)
        finally:
            bed.close()
        failed += bool(wrong)
        passed += not wrong
        print(f"{'not ok' if wrong else 'ok  '} {case.name}, killed at {count} moments, {time.monotonic() - started:.1f} s",
              flush=True)
        for line in wrong:
            print(f"  {line}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
