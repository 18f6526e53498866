#!/usr/bin/env python3
"""Commands that change the machine, killed half-way: before each system call that writes, once.

strace kills the command with SIGKILL at its N-th write, creation, rename, swapon and so on, for every N that an
undisturbed run has. When the watchdog has done its work, everything must be as before the command, or as after it:
a swap file with its line in fstab, an area in use, the settings of KSM, the settings of an interface.
"""
import hashlib
import os
import pathlib
import re
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


def of_link(_bed):
    text = subprocess.run(["ip", "-d", "link", "show", "dev", "halfway0"], check=True, capture_output=True, text=True).stdout
    return re.search(r"mtu \d+", text).group(), re.search(r"state \w+", text).group()


class Case:
    def __init__(self, name, words, look, prepare=None, reset=None):
        self.name, self.words, self.look = name, words, look
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


CASES = [
    Case("swap create --on --persist", lambda bed: ["swap", "create", swap_file(bed), "8Mi", "--on", "--persist"], of_swap,
         reset=drop_area),
    Case("swap create --on", lambda bed: ["swap", "create", swap_file(bed), "8Mi", "--on", "--", "true"], of_swap,
         reset=drop_area),
    Case("swap create over an unused one", lambda bed: ["swap", "create", swap_file(bed), "16Mi", "--keep"], of_swap,
         lambda bed: bed.run("swap", "create", swap_file(bed), "8Mi", "--keep"), drop_area),
    Case("swap off --keep", lambda bed: ["swap", "off", swap_file(bed), "--keep"], of_swap, make_area, drop_area),
    Case("swap remove --keep", lambda bed: ["swap", "remove", swap_file(bed), "--keep"], of_swap, make_area, drop_area),
    Case("ksm set --keep", lambda bed: ["ksm", "set", "--keep", "pages_to_scan=321", "sleep_millisecs=77"], of_ksm,
         reset=lambda bed: bed.run("ksm", "reset", check=False)),
    Case("link set --keep", lambda bed: ["link", "set", "halfway0", "mtu", "1300", "--keep"], of_link, make_link,
         lambda bed: subprocess.run(["ip", "link", "delete", "halfway0"], check=False)),
]


def traced(bed, words, *options):
    return subprocess.run(["strace", "-qq", "-e", f"trace={CALLS}", *options, ISOTACH, *words], env=bed.env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                          timeout=DEADLINE_S)


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
        held = subprocess.run(["pgrep", "-f", f"{ISOTACH}.*(swap|ksm|link) (create|off|remove|set)"], capture_output=True,
                              check=False).stdout.split()
        ours = [pid for pid in held if f"ISOTACH_STATE={bed.state}".encode() in environment(pid)]
        if not ours:
            return bed.run("restore", check=False)
        if time.monotonic() > deadline:
            sys.exit(f"the watchdog does not end: {ours}")
        time.sleep(0.01)


def environment(pid):
    try:
        return pathlib.Path(f"/proc/{int(pid)}/environ").read_bytes()
    except OSError:
        return b""


def run_case(bed, case):
    """What was wrong, and at how many moments it was killed."""
    wrong, log = [], bed.state.parent / f"{bed.state.name}.log"
    case.prepare(bed)
    try:
        before = case.look(bed)
        done = traced(bed, case.words(bed), "-o", str(log))
        if done.returncode != 0:
            return [f"it fails undisturbed: {done.stderr}"], 0
        settle(bed)
        after = case.look(bed)
    finally:
        case.reset(bed)
    todo = moments(log)
    log.unlink()
    for call, number in todo:
        case.prepare(bed)
        try:
            if case.look(bed) != before:
                return [*wrong, f"the bed is not as it was: {case.look(bed)}"], len(todo)
            killed = traced(bed, case.words(bed), "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={number}")
            settle(bed)
            found = case.look(bed)
            if found not in (before, after):
                wrong.append(f"killed at {call} {number} ({killed.returncode}): {found}, neither {before} nor {after}")
        finally:
            case.reset(bed)
    return wrong, len(todo)


def main():
    if os.geteuid() != 0 or shutil.which("strace") is None:
        print(f"needs root and strace\n0 passed, 0 failed, {len(CASES)} skipped")
        return 0
    passed = failed = skipped = 0
    for case in CASES:
        bed = Bed()
        try:
            if (case.look is of_swap and bed.folder is None) or (case.look is of_ksm and not KSM.exists()):
                print(f"skip {case.name}: this machine has no place for it")
                skipped += 1
                continue
            wrong, count = run_case(bed, case)
        finally:
            bed.close()
        failed += bool(wrong)
        passed += not wrong
        print(f"{'not ok' if wrong else 'ok  '} {case.name}, killed at {count} moments", flush=True)
        for line in wrong:
            print(f"  {line}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
