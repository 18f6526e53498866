#!/usr/bin/env python3
"""The launcher: a program that it starts finds itself as it would without it, and what can go wrong is told.

Uses a kit whose runtime goes back to the program at once (native_runtime.cc), so that the launcher alone is
tested. Ends with the line "N passed, N failed, N skipped".
"""
import ctypes
import errno
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

TESTS = engine.BUILD / "dbi" / "tests"
PIN = TESTS / "native_kit" / "pin"
FORMS = ("pie", "fixed", "static", "static_pie")
NOBODY = 65534
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)
results = engine.Results()
work = pathlib.Path(tempfile.mkdtemp(prefix="launcher-"))


def probe(form):
    return TESTS / "launcher" / f"probe_{form}"


def outcome_of(words, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                          check=False, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(name, condition, reason=""):
    if condition:
        results.ok(name)
    else:
        results.fail(name, reason)


def without_noise(text):
    """Signals queued are counted for the user, not for the process."""
    return re.sub(r"^(SigQ:|under the engine).*$", "", text, flags=re.MULTILINE)


def same_as_native(name, form="pie", **options):
    words = [probe(form), "one", "", "two words"]
    native = outcome_of(words, **options)
    under = outcome_of([PIN, "--", *words], **options)
    ours, theirs = without_noise(under[1]).splitlines(), without_noise(native[1]).splitlines()
    differences = [line for line in ours + theirs if (line in ours) != (line in theirs)]
    check(name, native[0] == under[0] == 42 and ours == theirs and not under[2],
          f"{native[0]} and {under[0]}: {differences[:6]} {under[2]}")


def setups():
    """Ways to be started: name, what is done before exec."""
    def ignore():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGUSR1, 40})
        os.kill(os.getpid(), signal.SIGUSR1)

    def session():
        os.setsid()
        os.umask(0o27)
        os.nice(3)

    def descriptors():
        os.dup2(1, 99)
        os.set_inheritable(99, True)

    def no_stdin():
        os.close(0)

    def nothing_open():
        os.closerange(0, 1)
        os.closerange(2, 3)

    def reaper():
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def few_descriptors():
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

    def unprivileged():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    return [("ignored signals", ignore), ("blocked and pending signals", block), ("own session", session),
            ("a high descriptor", descriptors), ("no standard input", no_stdin), ("two closed", nothing_open),
            ("who adopts orphans", reaper), ("few descriptors", few_descriptors), ("not root", unprivileged)]


def test_program_sees_nothing():
    for form in FORMS:
        same_as_native(f"a program: {form}", form)
    closed = engine.why_not_others()
    for name, before in setups():
        if name == "not root" and closed:
            results.skip(name, closed)
        else:
            same_as_native(name, preexec_fn=before)
    same_as_native("an empty environment", env={})
    same_as_native("variables that change loaders", env={"LD_BIND_NOW": "1", "GLIBC_TUNABLES": "x=1", "A": ""})


def test_it_is_the_same_process():
    process = subprocess.Popen([PIN, "--", probe("pie"), "--numbers"], stdout=subprocess.PIPE)
    out = process.communicate(timeout=30)[0].decode()
    check("process numbers", f"numbers {process.pid} {os.getpid()}\n" in out, out[-60:])


def test_first_process_of_a_namespace():
    code, out, err = outcome_of(["unshare", "--pid", "--fork", "--mount-proc", PIN, "--", probe("pie"), "--numbers"])
    check("the first process of a container has no child", code == 42 and f"children -1 {errno.ECHILD}" in out and
          "numbers 1 0" in out, f"{code} {out[-300:]} {err}")


def script(name, text, mode=0o755):
    path = work / name
    path.write_text(text)
    path.chmod(mode)
    return path


def elf_with(name, offset, data, source=None):
    content = bytearray((source or TESTS / "native_kit" / "isotach-pin-runtime").read_bytes())
    content[offset:offset + len(data)] = data
    path = work / name
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def test_commands():
    script("plain", "#!/bin/sh\necho $0 $#\n")
    script("no-head", "echo plain $#\n")
    script("no-interpreter", "#!/nonexistent/interpreter\n")
    script("not-executable", "#!/bin/sh\n", 0o644)
    elf_with("other-machine", 18, struct.pack("<H", 183), probe("pie"))
    elf_with("32-bit", 4, b"\x01", probe("pie"))
    cases = [
        (["sh", "-c", "exit 3"], 3, "", ""),
        ([work / "plain", "a", "b"], 0, f"{work}/plain 2\n", ""),
        (["./plain", "a"], 0, "./plain 1\n", ""),
        (["./no-head", "a"], 0, "plain 1\n", ""),
        (["no-such-command"], 127, "", "no-such-command: command not found"),
        (["./no-such-file"], 127, "", "No such file or directory"),
        ([""], 127, "", "command not found"),
        (["./no-interpreter"], 126, "", "its interpreter does not exist"),
        (["./not-executable"], 126, "", "Permission denied"),
        ([work], 126, "", "is a folder"),
        (["./other-machine"], 5, "", "was built for another architecture"),
        (["./32-bit"], 5, "", "was built for another architecture"),
        (["sh", "-c", "kill -SEGV $$"], -signal.SIGSEGV, "", ""),
        (["sh", "-c", "kill -KILL $$"], -signal.SIGKILL, "", ""),
    ]
    for command, code, out, err in cases:
        got = outcome_of([PIN, "--", *command], cwd=work)
        check(f"command {command}", got[0] == code and got[1] == out and err in got[2] and bool(err) == bool(got[2]),
              str(got))


def test_wrong_words():
    tool = work / "tool.so"
    tool.mkdir()
    empty = script("empty.so", "")
    text = script("text.so", "this is no tool")
    other = elf_with("other.so", 18, struct.pack("<H", 183))
    cases = [
        ([], "there is no command"), (["--"], "there is no command after --"),
        (["-t", "--", "ls"], "-t needs the path"), (["--pid", "x"], "needs the number of a process, not 'x'"),
        (["--pid"], "needs the number"), (["--pid", "1", "--", "ls"], "exclude each other"),
        (["--detach-after", "1s", "--", "ls"], "goes with --pid"),
        (["--pid", "1", "--detach-after", "soon"], "needs a time such as 500ms or 10, not 'soon'"),
        (["-t", work / "nothing.so", "--", "ls"], "No such file"), (["-t", tool, "--", "ls"], "is a folder"),
        (["-t", empty, "--", "ls"], "is empty"), (["-t", text, "--", "ls"], "is no ELF file"),
        (["-t", other, "--", "ls"], "another architecture"), (["-t", "/bin/ls", "--", "ls"], "is a program, no tool"),
    ]
    for words, message in cases:
        got = outcome_of([PIN, *words])
        check(f"words {words}", got[0] == 2 and message in got[2] and got[2].count("\n") == 1 and not got[1], str(got))


def test_arguments_reach_the_runtime():
    tool = elf_with("given.so", 0, b"")
    got = outcome_of([PIN, "-x", "-t", "given.so", "-say", "told:", "-k", "v", "--", "true"], cwd=work)
    check("arguments", got == (0, "", f"told: -x -t {tool} -say told: -k v --\n"), str(got))


def test_broken_kits():
    for name, change, message, code in [
            ("no-runtime", lambda kit: (kit / "isotach-pin-runtime").unlink(), "the kit is incomplete", 1),
            ("text-runtime", lambda kit: (kit / "isotach-pin-runtime").write_text("x"), "is no ELF file", 1),
            ("other-runtime", lambda kit: (kit / "isotach-pin-runtime").write_bytes(
                (work / "other.so").read_bytes()), "another architecture", 1)]:
        kit = work / name
        shutil.copytree(PIN.parent, kit)
        change(kit)
        got = outcome_of([kit / "pin", "--", "true"])
        check(name, got[0] == code and message in got[2], str(got))
    got = outcome_of([PIN, "-fail", "--", "true"])
    check("a runtime that fails ends the program", got[0] == 3 and not got[1], str(got))
    got = outcome_of(["strace", "-f", "-o", "/dev/null", PIN, "--", "true"])
    check("traced already", got[0] == 4 and "is tracing it" in got[2], str(got))


def test_privileged_programs():
    copy = work / "set-user-id"
    shutil.copy(shutil.which("id"), copy)
    os.chown(copy, 0, 0)
    copy.chmod(0o4755)
    work.chmod(0o755)
    got = outcome_of([PIN, "--", copy, "-u"])
    check("root gains nothing by it", got[0] == 0 and got[1] == "0\n", str(got))
    if reason := engine.why_not_others():
        results.skip("privileges of others", reason)
        return
    words = ["setpriv", "--reuid", str(NOBODY), "--clear-groups", PIN, "--", copy, "-u"]
    got = outcome_of(words)
    check("a program that gains privileges is refused", got[0] == 4 and "gets privileges" in got[2], str(got))
    got = outcome_of(["setpriv", "--no-new-privs", *words])
    check("nor does who cannot", got[0] == 0 and got[1] == f"{NOBODY}\n", str(got))


def still_there(marker):
    """Processes that were started with an argument that holds `marker`."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if marker.encode() in (folder / "cmdline").read_bytes() and state != "Z":
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_killed_and_stopped_at_any_moment():
    marker = f"marker-{os.getpid()}"
    wrong = []
    for turn in range(60):
        process = subprocess.Popen([PIN, "--", "sh", "-c", "exit 7", marker], stderr=subprocess.PIPE)
        time.sleep(turn * 0.0001)  # the moment of the signal, not a wait
        if turn % 2:
            process.kill()
        else:
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGCONT)
        try:
            err = process.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            wrong.append((turn, "hangs"))
            process.kill()
            err = process.communicate()[1]
            break
        if process.returncode not in ((7, -signal.SIGKILL) if turn % 2 else (7,)) or err:
            wrong.append((turn, process.returncode, err))
    deadline = time.monotonic() + 5
    while still_there(marker) and time.monotonic() < deadline:
        os.sched_yield()
    check("killed or stopped while it is taken over", not wrong and not still_there(marker),
          f"{wrong[:3]} {still_there(marker)}")


def test_a_stop_stays_one():
    process = subprocess.Popen([PIN, "--", "sh", "-c", "kill -STOP $$; exit 9"])
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    stopped = os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
    os.kill(process.pid, signal.SIGCONT)
    _, status = os.waitpid(process.pid, 0)
    check("a stop stays one", stopped and os.WEXITSTATUS(status) == 9, f"{stopped} {status:x}")


def main():
    if not PIN.exists():
        results.skip("launcher", f"{PIN} is not built")
        return results.end()
    try:
        for name, test in list(globals().items()):
            if name.startswith("test_") and (len(sys.argv) < 2 or any(word in name for word in sys.argv[1:])):
                test()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return results.end()


sys.exit(main())
