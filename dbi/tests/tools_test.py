#!/usr/bin/env python3
"""The tools of the kit on small programs, tools that are built by the kit's rules, and tools that fail.

Ends with the line "N passed, N failed, N skipped".
"""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import engine  # noqa: E402

LIMIT_S = 60
MAKEFILE = """\
CONFIG_ROOT := $(PIN_ROOT)/source/tools/Config
include $(CONFIG_ROOT)/makefile.config
TEST_TOOL_ROOTS := counter
$(OBJDIR)counter$(PINTOOL_SUFFIX): $(OBJDIR)counter$(OBJ_SUFFIX) $(OBJDIR)part$(OBJ_SUFFIX)
\t$(LINKER) $(TOOL_LDFLAGS) $(LINK_EXE)$@ $^ $(TOOL_LPATHS) $(TOOL_LIBS)
include $(TOOLS_ROOT)/Config/makefile.default.rules
"""
COUNTER = """\
#include "pin.H"
extern UINT64 total;
KNOB<string> names(KNOB_MODE_APPEND, "pintool", "n", "", "a name");
KNOB<UINT32> sum(KNOB_MODE_ACCUMULATE, "pintool", "s", "0", "added up");
KNOB<BOOL> flag(KNOB_MODE_WRITEONCE, "pintool", "f", "0", "a flag");
VOID count() { ++total; }
VOID instrument(INS ins, VOID *) { INS_InsertCall(ins, IPOINT_BEFORE, (AFUNPTR)count, IARG_END); }
VOID fini(INT32 code, VOID *) {
  cout << "code " << code << " counted " << (total > 1000) << " names";
  for (UINT32 i = 0; i < names.NumberOfValues(); ++i) cout << " " << names.Value(i);
  cout << " sum " << sum.Value() << " flag " << flag.Value() << endl;
}
int main(int argc, char *argv[]) {
  if (PIN_Init(argc, argv)) {
    cerr << KNOB_BASE::StringKnobSummary() << endl;
    return 3;
  }
  INS_AddInstrumentFunction(instrument, 0);
  PIN_AddFiniFunction(fini, 0);
  PIN_StartProgram();
  return 0;
}
"""
ROUTINE = "way = %s; INS_InsertCall(ins, IPOINT_BEFORE, (AFUNPTR)outer, IARG_INST_PTR, IARG_END);"
# Statement in main or an analysis routine -> (pattern of what is said, exit code)
FAILING = {
    "asserts": ('ASSERT(false, "this is wrong");', "", "this is wrong", 1),
    "exits": ("exit(7);", "", "", 7),
    "ends_without_starting": ("return 9;", "", "", 9),
    "wrong_list": ("", "INS_InsertCall(ins, IPOINT_BEFORE, (AFUNPTR)quiet, IARG_MEMORYREAD_EA, IARG_END);",
                   "names a read that the instruction does not do", 1),
    "behind_a_system_call": ("", "if (INS_IsSyscall(ins)) INS_InsertCall(ins, IPOINT_AFTER, (AFUNPTR)quiet, IARG_INST_PTR, "
                             "IARG_END);", "PIN_AddSyscallExitFunction", 1),
    "ends_the_process": ("", "PIN_ExitProcess(11);", "", 11),
    "throws": ("", 'throw std::runtime_error("thrown by the tool");', "thrown by the tool", -6),
    "throws_in_main": ('throw std::runtime_error("thrown by the tool");', "", "thrown by the tool", -6),
    "throws_in_callback": ("", 'if (0 == 0) throw 7;', "terminate", -6),
    "crashes_in_main": ("*(volatile int *)8 = 1;", "", "a fault of the tool or the engine", 125),
    "leaks": ("", 'for (int i = 0; i < 64; ++i) new char[4096];', "", 0),
    "writes_to_a_closed_descriptor": ("close(1); std::fputs(\"lost\\n\", stdout); std::fflush(stdout);", "", "", 0),
    "crashes": ("", "*(volatile int *)8 = 1;", "a fault of the tool or the engine", 125),
    "crashes_in_place": ("", "INS_InsertCall(ins, IPOINT_BEFORE, (AFUNPTR)crash, IARG_INST_PTR, IARG_END);",
                         "a fault of the tool or the engine(.|\n)*written in place, [^ ]* _Z5crashm", 125),
    "hears_of_its_crash": ("PIN_AddInternalExceptionHandler(hear, 0);",
                           "INS_InsertCall(ins, IPOINT_BEFORE, (AFUNPTR)crash, IARG_INST_PTR, IARG_END);",
                           "heard of it", 19),
    "crashes_in_a_routine": ("", ROUTINE % "crash", "called from [^ ]* _Z5outerm", 125),
    "overflows_its_stack": ("", ROUTINE % "overflow", "called from [^ ]* _Z8overflowm", 125),
    "throws_in_a_routine": ("", ROUTINE % "throw_it", "called abort(.|\n)*called from [^ ]* _Z5outerm", -6),
}
TAINTED = """\
#include <fcntl.h>
#include <unistd.h>
volatile int table[256];
int one(void) { return 1; }
int (*volatile functions[256])(void);
__attribute__((noinline)) int decide(const volatile unsigned char *b) { if (b[1] == 'x') return table[3] + 1; return 0; }
__attribute__((noinline)) int at_index(const volatile unsigned char *b) { return table[b[0]] + 1; }
__attribute__((noinline)) int other(const volatile unsigned char *b) { if (b[3] == 'q') return table[3] + 9; return 1; }
__attribute__((noinline)) int jump_to(const volatile unsigned char *b, int (*f)(void)) {
  return ((int (*)(void))((long)f ^ b[2] ^ 'b'))();
}
__attribute__((noinline)) int argument(char **argv) { if (argv[2][0] == 'z') return table[9] + 2; return 0; }
int main(int argc, char **argv) {
  volatile unsigned char in[4], copy[4];
  int file = open(argv[1], O_RDONLY);
  (void)argc;
  if (read(file, (void *)in, 3) != 3) return 100;
  for (int i = 0; i < 4; i++) copy[i] = in[i];
  copy[3] = 'a';
  return decide(copy) + at_index(copy) + other(copy) + jump_to(copy, one) + argument(argv);
}
"""
WALK = """\
static volatile char data[65536] __attribute__((aligned(4096)));
__attribute__((noinline)) void walk(volatile char *at, volatile char *end) { for (; at < end; at += 64) *at; }
int main(void) { walk(data, data + sizeof data); walk(data, data + sizeof data); return 0; }
"""
THREADED = """\
#include "pin.H"
#include <thread>
extern UINT64 total;
static PIN_THREAD_UID uid;
static int spawned, joined;
static VOID own(VOID *) { spawned = 1; }
static VOID count() { ++total; }
static VOID instrument(INS ins, VOID *) { INS_InsertCall(ins, IPOINT_BEFORE, (AFUNPTR)count, IARG_END); }
static VOID prepare(VOID *) {
  joined = PIN_WaitForThreadTermination(uid, PIN_INFINITE_TIMEOUT, 0);
  std::thread([] { spawned += 0; }).join();
}
static VOID fini(INT32, VOID *) {
  cout << "counted " << (total > 1000) << " spawned " << spawned << " joined " << joined << endl;
}
int main(int argc, char *argv[]) {
  if (PIN_Init(argc, argv)) return 3;
  PIN_SpawnInternalThread(own, 0, 0, &uid);
  INS_AddInstrumentFunction(instrument, 0);
  PIN_AddPrepareForFiniFunction(prepare, 0);
  PIN_AddFiniFunction(fini, 0);
  PIN_StartProgram();
}
"""
CACHE_TOOL = """\
#include "pin.H"
static UINT64 begun, flushed, shown, inserted, wrong;
VOID on_begin() { ++begun; wrong += shown; }
VOID on_flush() { ++flushed; }
VOID count() {}
VOID on_trace(TRACE trace, VOID *) {
  ++shown;
  TRACE_InsertCall(trace, IPOINT_BEFORE, (AFUNPTR)count, IARG_END);
}
VOID on_inserted(TRACE trace, VOID *value) {
  ++inserted;
  wrong += value != &begun || TRACE_CodeCacheSize(trace) == 0 || CODECACHE_NumTracesInCache() == 0 ||
           CODECACHE_OriginalAddress(TRACE_CodeCacheAddress(trace)) != TRACE_Address(trace);
}
VOID at_call(THREADID, CONTEXT *, SYSCALL_STANDARD, VOID *) {
  if (flushed == 0 && inserted > 200) CODECACHE_FlushCache();
}
VOID fini(INT32, VOID *) {
  cout << "begun " << begun << " flushed " << flushed << " shown " << shown << " inserted " << inserted << " wrong "
       << wrong + !CODECACHE_ChangeCacheLimit(64 << 20) + (CODECACHE_CacheSizeLimit() != 64 << 20) << endl;
}
int main(int argc, char **argv) {
  if (PIN_Init(argc, argv)) return 3;
  CODECACHE_AddCacheInitFunction(on_begin, 0);
  CODECACHE_AddCacheFlushedFunction(on_flush, 0);
  CODECACHE_AddTraceInsertedFunction(on_inserted, &begun);
  TRACE_AddInstrumentFunction(on_trace, 0);
  PIN_AddSyscallEntryFunction(at_call, 0);
  PIN_AddFiniFunction(fini, 0);
  PIN_StartProgram();
}
"""
BROKEN_PIPE_TOOL = """\
#include "pin.H"
#include <cerrno>
#include <unistd.h>
static int error = 0;
VOID write_it() { if (write(STDOUT_FILENO, "x", 1) < 0) error = errno; }
VOID instrument(TRACE trace, VOID *) { TRACE_InsertCall(trace, IPOINT_BEFORE, (AFUNPTR)write_it, IARG_END); }
VOID fini(INT32, VOID *) { std::fprintf(stderr, "the tool's error %d\\n", error); }
int main(int argc, char **argv) {
  if (PIN_Init(argc, argv)) return 3;
  TRACE_AddInstrumentFunction(instrument, 0);
  PIN_AddFiniFunction(fini, 0);
  PIN_StartProgram();
}
"""
FAILING_TOOL = """\
#include "pin.H"
VOID quiet(ADDRINT) {}
volatile UINT64 sum;
#define OWN __attribute__((noinline))
OWN VOID crash(ADDRINT) { *(volatile int *)8 = 1; sum = sum + 1; }
OWN VOID overflow(ADDRINT n) { volatile char frame[4096]; frame[n & 7] = 1; overflow(n + 1); sum = sum + frame[3]; }
OWN VOID throw_it(ADDRINT n) { throw std::runtime_error(n != 1 ? "thrown by a routine" : ""); }
EXCEPT_HANDLING_RESULT hear(THREADID, EXCEPTION_INFO *, PHYSICAL_CONTEXT *, VOID *) {
  std::fputs("heard of it ", stderr);
  PIN_ExitProcess(19);
}
VOID (*volatile way)(ADDRINT);
OWN VOID outer(ADDRINT pc) { way(pc); sum = sum + 2; }
VOID instrument(INS ins, VOID *) { (void)ins; (void)quiet; %s }
int main(int argc, char **argv) {
  PIN_Init(argc, argv);
  %s
  INS_AddInstrumentFunction(instrument, 0);
  PIN_StartProgram();
}
"""


def pin(tool, arguments=(), command=("/bin/true",), folder=None):
    words = [str(engine.PIN), "-t", str(tool), *map(str, arguments), "--", *command]
    return subprocess.run(words, capture_output=True, timeout=LIMIT_S, cwd=folder, stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C"})


def kit_tool(name):
    return engine.KIT / "tools" / f"{name}.so"


def run_kit_tool(name, folder, arguments=(), command=("/bin/true",)):
    out = folder / f"{name}.out"
    result = pin(kit_tool(name), ["-o", out, *arguments], command)
    assert result.returncode == 0, f"{name}: exit code {result.returncode}: {result.stderr.decode()}"
    return out


def test_counts_agree(folder):
    """Blocks, a tool's register and the mix of instructions all count the same; repetitions count more."""
    counts = {name: int(re.search(r"Count (\d+)", run_kit_tool(name, folder).read_text()).group(1))
              for name in ("inscount0", "inscount1", "inscount2")}
    total = int(run_kit_tool("opcodemix", folder).read_text().split()[-1])
    addresses = run_kit_tool("itrace", folder).read_text().splitlines()
    assert addresses[-1] == "#eof"
    # Addresses differ from run to run, and with them what the dynamic linker does.
    for name, value in {**counts, "opcodemix": total, "itrace": len(addresses) - 1}.items():
        assert abs(value - counts["inscount0"]) < 0.03 * counts["inscount0"], f"{name}: {value} of {counts}"


def test_memory_accesses(folder):
    lines = run_kit_tool("memtrace", folder, ("-text", "1")).read_text().splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"\d+ [0-9a-f]+ [RW] [0-9a-f]+ \d+", line)]
    assert not wrong, wrong[:3]
    records = run_kit_tool("memtrace", folder).read_bytes()
    assert len(records) % 24 == 0 and abs(len(records) // 24 - len(lines)) < 0.03 * len(lines)


def test_memory_accesses_for_others(folder):
    lines = run_kit_tool("memtrace", folder, ("-format", "text")).read_text().splitlines()
    entries = list(struct.iter_unpack("<HHQ", run_kit_tool("memtrace", folder, ("-format", "drmemtrace")).read_bytes()))
    kinds = [kind for kind, _, _ in entries]
    assert (kinds[0], kinds[1:3], kinds[-2:]) == (25, [22, 24], [23, 26]), (entries[:3], entries[-2:])
    assert set(kinds) <= {0, 1, 10, 22, 23, 24, 25, 26}
    accesses = kinds.count(0) + kinds.count(1)
    assert abs(accesses - len(lines)) < 0.03 * len(lines), (accesses, len(lines))
    assert abs(kinds.count(1) - sum(" W " in line for line in lines)) < 0.03 * len(lines)
    assert all(0 < size <= 15 and address for kind, size, address in entries if kind == 10)
    events = json.loads(run_kit_tool("memtrace", folder, ("-format", "perfetto")).read_text())["traceEvents"]
    assert abs(len(events) - len(lines)) < 0.03 * len(lines)
    assert [event["ts"] for event in events] == list(range(len(events)))
    writes = sum(event["name"] == "write" for event in events)
    assert abs(writes - kinds.count(1)) < 0.03 * len(lines)
    assert all(event["ph"] == "X" and int(event["args"]["address"], 16) and event["args"]["size"] for event in events)
    wrong = pin(kit_tool("memtrace"), ["-format", "tarot"])
    assert wrong.returncode == 2 and b"not 'tarot'" in wrong.stderr, wrong


def test_coverage(folder):
    data = run_kit_tool("coverage", folder, ("-i", "true")).read_bytes()
    head, _, rest = data.partition(b"BB Table: ")
    count, _, table = rest.partition(b" bbs\n")
    assert head.startswith(b"DRCOV VERSION: 2\n") and len(table) == 8 * int(count) > 0
    modules = re.findall(rb"^ *(\d+), 0x(\w+), 0x(\w+), 0x\w+, (.*)$", head, re.M)
    sizes = {int(number): int(high, 16) - int(low, 16) for number, low, high, _ in modules}
    for start, size, module in struct.iter_unpack("<IHH", table):
        assert start + size <= sizes[module]
        assert modules[module][3].endswith(b"/true")


def test_memory_is_inspected(folder):
    text = run_kit_tool("minspect", folder, ("-i", "true")).read_text().splitlines()
    listed = [line for line in text if " | " in line]
    reads = [line for line in text if " reads  0x" in line]
    writes = [line for line in text if " writes 0x" in line]
    assert listed and reads and writes
    assert all(re.search(r"\| \S*/true  \S+  \S+$", line) for line in listed), listed[0]
    for line in writes:
        before, _, after = line.partition(" writes ")[2].partition(": ")[2].partition(" -> ")
        assert len(before) == len(after) and before, line
    # What push writes is the register: equal to what pop reads there.
    assert any("push" in line for line in writes) and any("ret" in line for line in reads)


def test_calls_are_traced(folder):
    text = run_kit_tool("malloctrace", folder, (), ("/bin/ls", "/")).read_text()
    assert len(re.findall(r"^0 malloc\(0x", text, re.M)) <= len(re.findall(r"malloc returns 0x", text)) + 1
    assert "free(0x" in text
    calls = run_kit_tool("syscalltrace", folder, (), ("/bin/ls", "/")).read_text()
    assert re.search(r"^0 0x[0-9a-f]+: 1\(0x1, ", calls, re.M) and calls.endswith("# ended with 0\n")


def compile_program(folder, source):
    (folder / "program.c").write_text(source)
    made = subprocess.run(["gcc", "-O1", "-fno-builtin", "-no-pie", "program.c", "-o", "program"], cwd=folder,
                          capture_output=True, timeout=LIMIT_S)
    assert made.returncode == 0, made.stderr.decode()
    return str(folder / "program")


def test_taint(folder):
    """Bytes of a file, through a copy by registers: to the branch, the address and the target that depend on them,
    and to none that depend on other bytes."""
    program = compile_program(folder, TAINTED)
    (folder / "input").write_bytes(b"axb")
    command = (program, str(folder / "input"), "zed")
    for switches, sources, wanted in ((["-file", "input"], 3, ["address at_index", "branch decide", "target jump_to"]),
                                      (["-files", "0", "-arguments", "1"], None, ["branch argument"])):
        out = folder / "taint.out"
        result = pin(kit_tool("taint"), ["-o", out, *switches], command)
        assert result.returncode == 6, result
        lines = out.read_text().splitlines()
        assert sources is None or lines[0] == f"source_bytes {sources}", lines
        found = sorted(f"{line.split()[0]} {line.split()[4]}" for line in lines[1:] if " program+0x" in line)
        assert found == wanted, f"{found}, not {wanted}"


def test_caches(folder):
    """A walk over 64 KiB, a line at a time, twice: each line misses a first level of half its size both times and a
    second level that holds it once."""
    program = compile_program(folder, WALK)
    text = run_kit_tool("cachesim", folder, ("-l1d", "32768,8,64", "-l2", "1048576,16,64"), (program,)).read_text()
    walk = [line.split() for line in text.splitlines() if line.endswith(" walk")]
    assert [(int(words[2]), int(words[4])) for words in walk] == [(2048, 1024)], text
    wrong = pin(kit_tool("cachesim"), ["-l1d", "1000,3,7"])
    assert wrong.returncode == 2 and b"bytes,ways,line" in wrong.stderr, wrong


def test_statistics(folder):
    """What the engine says of itself, with and without a tool; its own count is that of the tool."""
    counted = int(re.search(r"\d+", run_kit_tool("inscount1", folder).read_text())[0])
    tool = ["-t", str(kit_tool("inscount1")), "-o", str(folder / "out")]
    for words, exact in ((["--count"], False), (["--count", *tool], True), (["--statistics", *tool], None)):
        result = subprocess.run([str(engine.PIN), *words, "--", "/bin/true"], capture_output=True, timeout=LIMIT_S,
                                env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, check=True)
        said = result.stderr.decode()
        left, calls, new = map(int, re.search(r"left (\d+) times, of these (\d+) for .* and (\d+) for", said).groups())
        assert 0 < calls + new < left and "emptied 0 times" in said, said
        found = re.search(r"pin: (\d+) instructions", said)
        assert bool(found) == (exact is not None), said
        if exact:
            counted = int(re.search(r"\d+", (folder / "out").read_text())[0])
        if found:
            assert abs(int(found[1]) - counted) <= (0 if exact else 2000), (said, counted)
    small = subprocess.run([str(engine.PIN), "--statistics", "--cache-size", "1", "--blocks", "16", "--", "/usr/bin/python3",
                            "-c", "import json, re, argparse"], capture_output=True, timeout=LIMIT_S, check=True)
    assert int(re.search(rb"emptied (\d+) times", small.stderr)[1]) > 0, small
    for words in (["--cache-size", "0"], ["--blocks", "17"], ["--blocks", "x"]):
        wrong = subprocess.run([str(engine.PIN), *words, "--", "/bin/true"], capture_output=True, timeout=LIMIT_S, check=False)
        assert wrong.returncode == 2 and b"needs a number from 1 to" in wrong.stderr, wrong


def test_children_of_a_shell(folder):
    script = "/bin/true; echo $(echo inner) | cat; for i in 1 2 3; do /bin/echo $i; done"
    for name in ("inscount0", "memtrace", "coverage"):
        result = pin(kit_tool(name), ["-o", folder / "out"], ("sh", "-c", script))
        assert (result.returncode, result.stdout) == (0, b"inner\n1\n2\n3\n"), f"{name}: {result}"


def test_the_kit_builds_a_tool(folder):
    (folder / "makefile").write_text(MAKEFILE)
    (folder / "counter.cpp").write_text(COUNTER)
    (folder / "part.cpp").write_text('#include "pin.H"\nUINT64 total = 0;\n')
    made = subprocess.run(["make", f"PIN_ROOT={engine.KIT}"], cwd=folder, capture_output=True, timeout=LIMIT_S)
    assert made.returncode == 0, made.stderr.decode()
    tool = folder / "obj-intel64" / "counter.so"
    result = pin(tool, ["-n", "a", "-s", "2", "-f", "-n", "b", "-s", "3"], ("sh", "-c", "exit 5"))
    assert result.returncode == 5, result
    assert result.stdout == b"code 5 counted 1 names a b sum 5 flag 1\n", result
    for words, message in ((["-z"], "no option -z"), (["-s", "x"], "'x' is no value"), (["-n"], "needs a value"),
                           (["-f", "-f"], "more than once")):
        result = pin(tool, words)
        assert result.returncode == 3 and message in result.stderr.decode(), f"{words}: {result}"
        assert "(may be repeated)" in result.stderr.decode()


def build(source, folder, name):
    (folder / f"{name}.cpp").write_text(source)
    words = ["g++", "-O1", "-w", "-fPIC", "-shared", f"-I{engine.KIT}/source/include/pin", f"{name}.cpp", "-o", f"{name}.so"]
    made = subprocess.run(words, cwd=folder, capture_output=True, timeout=LIMIT_S)
    assert made.returncode == 0, made.stderr.decode()
    return folder / f"{name}.so"


def test_nobody_reads_what_a_tool_writes(folder):
    """The tool's write fails; the program goes on. One that writes there itself dies of it, as natively."""
    tool = build(BROKEN_PIPE_TOOL, folder, "writer")
    for command, code in ((("sh", "-c", "kill -0 $$; exit 3"), 3), (("sh", "-c", "trap '' PIPE; echo x; exit 4"), 4),
                          (("/bin/echo", "x"), -13), (("sh", "-c", "kill -PIPE $$"), -13)):
        reads, writes = os.pipe()
        os.close(reads)
        result = subprocess.run([str(engine.PIN), "-t", str(tool), "--", *command], stdout=writes, stderr=subprocess.PIPE,
                                timeout=LIMIT_S, stdin=subprocess.DEVNULL, restore_signals=True)
        os.close(writes)
        assert (result.returncode, b"the tool's error 32" in result.stderr) == (code, True), f"{command}: {result}"


def test_tools_that_fail(folder):
    for name, (in_main, in_callback, message, code) in FAILING.items():
        tool = build(FAILING_TOOL % (in_callback, in_main), folder, name)
        result = pin(tool)
        assert result.returncode == code, f"{name}: {result}"
        assert re.search(message, result.stderr.decode()), f"{name}: {result}"


def test_standards(folder):
    """Each standard of the language; several units of translation and a static library; threads of the tool's own."""
    (folder / "part.cpp").write_text('#include "pin.H"\nUINT64 total = 0;\n')
    for words in (["g++", "-O1", "-w", "-fPIC", "-c", f"-I{engine.KIT}/source/include/pin", "part.cpp"],
                  ["ar", "rcs", "libpart.a", "part.o"]):
        subprocess.run(words, cwd=folder, check=True, timeout=LIMIT_S)
    (folder / "tool.cpp").write_text(THREADED)
    for standard in ("c++11", "c++14", "c++17", "c++20"):
        made = subprocess.run(["g++", f"-std={standard}", "-O1", "-w", "-fPIC", "-shared",
                               f"-I{engine.KIT}/source/include/pin", "tool.cpp", "-o", "tool.so", "-L.", "-lpart", "-lpthread"],
                              cwd=folder, capture_output=True, timeout=LIMIT_S)
        assert made.returncode == 0, f"{standard}: {made.stderr.decode()}"
        result = pin(folder / "tool.so")
        assert (result.returncode, result.stdout) == (0, b"counted 1 spawned 1 joined 1\n"), f"{standard}: {result}"


def test_what_is_missing_is_said(folder):
    (folder / "tool.cpp").write_text('#include "pin.H"\nvoid f() { PIN_SetReplayMode(1); }\n')
    made = subprocess.run(["g++", "-w", "-c", "-fPIC", f"-I{engine.KIT}/source/include/pin", "tool.cpp"], cwd=folder,
                          capture_output=True, timeout=LIMIT_S)
    assert made.returncode != 0 and b"runs are not replayed" in made.stderr, made


def test_translations_are_told(folder):
    result = pin(build(CACHE_TOOL, folder, "cache"), (), ("sh", "-c", "exit 3"))
    assert result.returncode == 3, result
    told = dict(re.findall(r"(\w+) (\d+)", result.stdout.decode()))
    assert (told["begun"], told["flushed"], told["wrong"]) == ("1", "1", "0"), told
    assert int(told["shown"]) == int(told["inserted"]) > 100, told


def test_tool_of_another_version(folder):
    tool = build(FAILING_TOOL % ("", ""), folder, "tool")
    assert pin(tool).returncode == 0
    whole = tool.read_bytes()
    mark = re.search(rb"isotach-kit-version:(\d+);", whole)
    tool.write_bytes(whole.replace(mark.group(0), b"isotach-kit-version:" + b"0" * len(mark.group(1)) + b";"))
    result = pin(tool)
    assert result.returncode == 1 and "was built for version 0" in result.stderr.decode(), result
    assert "build it again" in result.stderr.decode(), result


def test_no_tools(folder):
    (folder / "text.so").write_text("this is no library")
    subprocess.run(["g++", "-shared", "-x", "c++", "-", "-o", "empty.so"], input=b"", cwd=folder, check=True)
    for words, message in (("nothing.so", "nothing.so"), (".", "folder"), ("text.so", "text.so"),
                           ("./empty.so", "no function main")):
        result = pin(words, folder=folder)
        assert result.returncode not in (0, None) and message in result.stderr.decode(), f"{words}: {result}"


def run_test(test):
    """None, or why it failed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            test(pathlib.Path(folder))
        except (AssertionError, subprocess.SubprocessError, OSError, AttributeError) as error:
            return f"{type(error).__name__}: {error}"
    return None


def main():
    results = engine.Results()
    reason = engine.why_not()
    if reason is None and shutil.which("g++") is None:
        reason = "there is no g++"
    tests = [(name, test) for name, test in sorted(globals().items()) if name.startswith("test_")]
    if reason:
        for name, _ in tests:
            results.skip(name, reason)
        return results.end()
    for (name, _), future in engine.together(lambda job: run_test(job[1]), tests):
        if future.result() is None:
            results.ok()
        else:
            results.fail(name, future.result())
    return results.end()


if __name__ == "__main__":
    sys.exit(main())
