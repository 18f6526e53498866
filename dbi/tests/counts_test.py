#!/usr/bin/env python3
"""Counts and records of tools against the oracle that steps through a program by ptrace: they must be exact.

usage: counts_test.py [--all] [--kit KIT] [NAME]...

Instructions: a call at each instruction counts steps (an iteration of a REP instruction is one); a call at each
basic block counts instructions. Memory: each access of the program's own image, in order, with address and size.
Registers: all general ones and the flags before each instruction, of programs without a C library, whose registers
are the same in each run.
Without --all only short programs are stepped through, with it 20 more. A program whose steps differ between two
native runs is skipped. Ends with "N passed, N failed, N skipped".
"""
import argparse
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

TESTS = engine.BUILD / "dbi" / "tests"
STEP, PROBE, COUNTED = TESTS / "step", TESTS / "probe.so", TESTS / "counted"
PER_STEP, PER_BLOCK = ("ins", "watched", "call", "context", "if", "registers", "heavy", "versions"), ("bbl", "heavy_bbl")
# The addresses must be the same each time, and restartable sequences are not there under the engine.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "GLIBC_TUNABLES": "glibc.pthread.rseq=0"}

# Static programs of some thousand steps: name, C source.
SMALL = {
    "rewrites": "#include <sys/mman.h>\nint main(void) { unsigned char code[] = {0xb8, 0, 0, 0, 0, 0xc3}; unsigned s = 0; "
                "volatile unsigned char *at = mmap((void *)0x20000000, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); "
                "for (int i = 0; i < 6; i++) { for (int k = 0; k < 6; k++) at[k] = k == 1 ? i : code[k]; "
                "s += ((unsigned (*)(void))at)(); } return s; }",
    # Code that writes into its own page: beside itself, and into the block that comes next.
    "rewrites_itself": "#include <sys/mman.h>\n#include <string.h>\nextern unsigned char begin[], end[]; "
                       "__asm__(\"begin: mov $3, %eax; 1: incl 3f(%rip); mov %al, 2f+2(%rip); jmp 2f; nop; 2: add $7, %ecx; "
                       "add %ecx, %eax; dec %edi; jnz 1b; ret; 3: .long 0; end:\"); "
                       "int main(void) { unsigned char *at = mmap((void *)0x20000000, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | "
                       "MAP_FIXED, -1, 0); memcpy(at, begin, end - begin); return ((int (*)(int))at)(5) & 63; }",
    "arithmetic": "int main(void) { unsigned long a = 1; for (int i = 1; i < 300; i++) { a = a * 31 + i / 7 % 5; "
                  "if (a & 1) a ^= i; } return a & 63; }",
    # Each element is an access where its mask says so. Only without a C library, which has no room left in its page.
    "gathers": "#include <immintrin.h>\nint table[64], out[64]; long wide[64]; float small[64]; volatile int from; "
               '__attribute__((target("avx2"), noinline)) int with_avx2(void) { '
               "__m256i a = _mm256_mask_i32gather_epi32(_mm256_set1_epi32(7), table + 1, "
               "_mm256_setr_epi32(3, -1, 5, 7, 9, 11, 13, 15), "
               "_mm256_setr_epi32(-1, 0, -1, -1, 0, -1, -1, 0), 4); const long long *at = (const long long *)wide; "
               "__m256i b = _mm256_i64gather_epi64(at, _mm256_setr_epi64x(1, 20, 3, 40), 8); "
               "__m128i c = _mm256_i64gather_epi32(table, _mm256_setr_epi64x(2, 21, 4, 41), 4); "
               "__m256d d = _mm256_i32gather_pd((const double *)wide, _mm_setr_epi32(8, 9, 10, 63), 8); "
               "__m128 e = _mm_i32gather_ps(small, _mm_setr_epi32(8, 9, 10, 63), 4); "
               "__m128i f = _mm_i64gather_epi64(at, _mm_set_epi64x(5, 6), 8); long s[4]; "
               "_mm256_storeu_si256((__m256i *)s, _mm256_add_epi64(a, _mm256_add_epi64(b, _mm256_castpd_si256(d)))); "
               "return s[0] + s[3] + _mm_cvtsi128_si32(_mm_add_epi32(c, _mm_add_epi32(f, _mm_castps_si128(e)))); } "
               '__attribute__((target("avx512f"), noinline)) int with_avx512(void) { '
               "__m512i index = _mm512_setr_epi32(3, 9, 5, 7, 19, 11, 13, 15, 33, 34, 35, -2, 37, 38, 39, 40); "
               "__m512i a = _mm512_mask_i32gather_epi32(_mm512_set1_epi32(-1), 0x5a5b, index, table + 2, 4); "
               "__m512i b = _mm512_i32gather_epi64(_mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, from + 8), wide, 8); "
               'register __m512i high __asm__("xmm21") = index; __asm__ volatile("" : "+v"(high)); '
               "_mm512_mask_i32scatter_epi32(out + 2, 0xa5a3, high, a, 4); "
               "_mm512_mask_i64scatter_epi64(wide, 0x3c, _mm512_setr_epi64(50, 51, 52, 53, 54, 55, 56, 57), b, 8); "
               "return out[5] + (int)wide[53]; } "
               "int main(void) { for (int i = 0; i < 64; i++) { table[i] = i * 3; wide[i] = i * 5; small[i] = i; } int r = 1; "
               '__builtin_cpu_init(); if (__builtin_cpu_supports("avx2")) r += with_avx2(); '
               'if (__builtin_cpu_supports("avx512f")) r += with_avx512(); return r & 63; }',
    "strings": '#include <string.h>\nint main(void) '
               '{ char a[300], b[300]; memset(a, 7, sizeof a); for (int i = 0; i < 40; i++) '
               '{ memcpy(b, a, 300 - i); a[i] = strlen("abc") + b[i]; } return memchr(b, 0, 290) != 0 ? 1 : b[5]; }',
    "recursion": "int f(int n) { return n < 2 ? n : f(n - 1) + f(n - 2); } int main(void) { return f(10) & 63; }",
    "pointers": "int g(int x) { return x + 1; } int h(int x) { return x * 2; } int (*volatile t[2])(int) = {g, h}; "
                "int main(void) { int x = 1; for (int i = 0; i < 200; i++) x = t[i * 7 / 3 & 1](x) & 0xffff; return x & 63; }",
}
# Without a C library. Each begins at `start`.
ALONE = ("void start(void) { __asm__ volatile(\"syscall\" : : \"a\"(231), \"D\"(main())); __builtin_unreachable(); }",
         ["-nostdlib", "-e", "start", "-mstackrealign", "-fno-stack-protector"])
COMMANDS = ["/bin/true", "/bin/false", "/bin/echo a b", "/bin/cat /etc/hostname", "/usr/bin/printf %d\\n 7",
            "/usr/bin/expr 6 + 7", "/usr/bin/basename /a/b", "/usr/bin/dirname /a/b",
            "/usr/bin/seq 1 50", "/usr/bin/factor 91",
            "/usr/bin/head -n 3 /etc/passwd", "/usr/bin/tail -n 3 /etc/passwd", "/usr/bin/wc /etc/passwd",
            "/usr/bin/cut -d: -f1 /etc/passwd",
            "/usr/bin/tr a b", "/usr/bin/sort /etc/group", "/usr/bin/uniq /etc/group", "/usr/bin/md5sum /etc/passwd",
            "/bin/sed -n 2p /etc/passwd", "/usr/bin/paste /etc/group /etc/passwd", "/usr/bin/nl /etc/group",
            "/usr/bin/test 1 -lt 2"]


def step(command, *options):
    done = engine.run([STEP, *options, "--", *command], 120, environment=ENVIRONMENT)
    found = re.search(rb"^steps (\d+) repeated (\d+) distinct (\d+)$", done.err, re.MULTILINE)
    return (done.code, int(found.group(1)), int(found.group(3))) if found else None


def probe(command, way, output):
    words = ["setarch", "-R", engine.PIN, "-t", PROBE, "-way", way, "-o", output, "--", *command]
    done = engine.run(words, 120, environment=ENVIRONMENT)
    try:
        lines = pathlib.Path(output).read_text().splitlines()
        return done, int(lines[-1].split()[1]), lines[:-1]
    except (OSError, IndexError, ValueError):
        return done, None, []


def check_counts(name, command, ways, results):
    first = step(command)
    if first is None:
        results.skip(name, "cannot be stepped through here")
        return
    for way in ways:
        with tempfile.NamedTemporaryFile() as output:
            done, count, _ = probe(command, way, output.name)
        wanted = first[2] if way in PER_BLOCK else first[1]
        if count == wanted and done.code == first[0]:
            results.ok()
        elif step(command) != first:
            results.skip(f"{name} ({way})", "its steps differ from run to run natively")
        else:
            results.fail(f"{name} ({way})", f"{count} instead of {wanted}; {done.describe()} "
                         f"{done.err.decode(errors='replace')[-200:]}")


def check_memory(name, command, way, results):
    """The accesses as the oracle sees them, without their values: by calls, or by records of a buffer."""
    with tempfile.NamedTemporaryFile() as theirs, tempfile.NamedTemporaryFile() as ours:
        if step(command, "--memory", theirs.name, "--image", "/" + pathlib.Path(command[0]).name) is None:
            results.skip(name, "cannot be stepped through here")
            return
        wanted = [" ".join(line.split()[:4]) for line in pathlib.Path(theirs.name).read_text().splitlines()]
        done, _, got = probe(command, way, ours.name)
    # Within one instruction reads come before writes for the oracle, operands in turn for the tool.
    def grouped(lines):
        groups, last = [], None
        for line in lines:
            pc = line.split()[0]
            if pc != last:
                groups.append([])
            last = pc
            groups[-1].append(line)
        return [line for group in groups for line in sorted(group)]
    wanted, got = grouped(wanted), grouped(got)
    for number, (a, b) in enumerate(zip(wanted, got)):
        if a != b:
            results.fail(name, f"access {number} of {len(wanted)}: '{b}' instead of '{a}'")
            return
    if len(wanted) != len(got) or done.code is None:
        results.fail(name, f"{len(got)} accesses instead of {len(wanted)}; {done.describe()}")
    else:
        results.ok()


@contextlib.contextmanager
def on_one_processor():
    """cpuid tells which one it runs on."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_of_them)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


@on_one_processor()
def check_registers(name, command, results, switch="--trace", way="digests"):
    """Every register before every instruction."""
    with tempfile.NamedTemporaryFile() as theirs, tempfile.NamedTemporaryFile() as ours:
        if step(command, switch, theirs.name) is None:
            results.skip(name, "cannot be stepped through here")
            return
        wanted = pathlib.Path(theirs.name).read_text().splitlines()
        done, _, got = probe(command, way, ours.name)
    for number, (a, b) in enumerate(zip(wanted, got)):
        if a != b:
            results.fail(name, f"step {number} of {len(wanted)}: '{b}' instead of '{a}'")
            return
    if len(wanted) != len(got):
        results.fail(name, f"{len(got)} steps instead of {len(wanted)}; {done.describe()}")
    else:
        results.ok()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--kit", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.kit:
        engine.use_kit(arguments.kit)
    results = engine.Results()

    # The oracle itself: counts that were worked out by hand, in support/counted.S.
    if step([str(COUNTED)]) == (7, 680, 332):
        results.ok()
    else:
        results.fail("oracle", f"{step([str(COUNTED)])} instead of (7, 680, 332)")
    reason = engine.why_not()
    if reason:
        results.skip("counts", reason)
        return results.end()

    def wanted(name):
        return not arguments.names or any(name.startswith(part) for part in arguments.names)

    with tempfile.TemporaryDirectory() as folder:
        jobs = [("counted", [str(COUNTED)], True)]
        for name, source in SMALL.items() if arguments.all else list(SMALL.items())[:5]:
            if name == "gathers":
                continue
            path = f"{folder}/{name}"
            made = subprocess.run(["gcc", "-O1", "-static", "-x", "c", "-o", path, "-"], input=source, text=True, check=False)
            if made.returncode == 0:
                jobs.append((name, [path], True))
        alone = [("access_program (registers)", str(TESTS / "access_program"))]
        for name in ("arithmetic", "recursion", "pointers", "gathers"):
            path = f"{folder}/{name}_alone"
            made = subprocess.run(["gcc", "-O1", "-static", *ALONE[1], "-x", "c", "-o", path, "-", "-lgcc"],
                                  input=f"{SMALL[name]}\n{ALONE[0]}", text=True, check=False)
            if made.returncode == 0:
                alone.append((f"{name} (registers)", path))
            if made.returncode == 0 and name == "gathers":
                jobs.append((name, [path], True))
        for name, path in alone:
            if wanted(name):
                check_registers(name, [path], results)
                check_registers(name.replace("registers", "vectors"), [path], results, "--vectors", "vectors")
        if arguments.all:
            jobs += [(command, command.split(), False) for command in COMMANDS]
        jobs = [job for job in jobs if wanted(job[0])]

        def one(job):
            name, command, short = job
            own = engine.Results()
            ways = (*PER_STEP, *PER_BLOCK) if short else ("ins", "watched", "bbl")
            check_counts(name, command, ways, own)
            if short:
                for way in ("memory", "accesses", "record"):
                    check_memory(f"{name} ({way})", command, way, own)
            return own

        for _, future in engine.together(one, jobs):
            results.add(future.result())
    return results.end()


sys.exit(main())
