# Runs inside a Python program that isotach follows with --python-gc, before the program's own code:
# Python imports a module of this name at its start. When the program ends by itself, it says through a
# pipe what its memory was used for; then it runs the cycle collector and says so again.
#
# It must never change what the program does: every failure is silent. Python 2.7 and later can read it.
import atexit
import gc
import os
import sys
import time


def _install():
    descriptor = int(os.environ["ISOTACH_EXPERIMENT_FD"])
    own_path = os.environ["ISOTACH_PYTHON_HOOK"]
    owner = os.getpid()

    # What this program starts is not ours to look into.
    del os.environ["ISOTACH_PYTHON_HOOK"]
    if own_path in sys.path:
        sys.path.remove(own_path)
    rest = os.environ.get("PYTHONPATH", "").split(os.pathsep)[1:]
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    else:
        os.environ.pop("PYTHONPATH", None)

    def now_ns():
        return time.monotonic_ns() if hasattr(time, "monotonic_ns") else int(time.time() * 1e9)

    def say(line):
        os.write(descriptor, (line + "\n").encode())

    def small_objects(facts):
        # pymalloc tells its numbers only on the C library's standard error.
        saved = os.dup(2)
        caught = os.memfd_create("isotach")
        try:
            os.dup2(caught, 2)
            try:
                sys._debugmallocstats()
            finally:
                os.dup2(saved, 2)
            os.lseek(caught, 0, 0)
            text = os.read(caught, 65536).decode("ascii", "replace")
        finally:
            os.close(saved)
            os.close(caught)
        names = {
            "# bytes in allocated blocks": "small_used_bytes",
            "# arenas allocated current": "arenas",
        }
        for line in text.splitlines():
            name, _, value = line.partition("=")
            value = value.strip().replace(",", "")
            if name.strip() in names and value.isdigit():
                facts[names[name.strip()]] = value
            if name.strip().endswith("bytes/arena") and value.isdigit():
                facts["arena_bytes"] = value

    def c_heap(facts):
        import ctypes

        class Info(ctypes.Structure):
            names = ("arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost").split()
            _fields_ = [(name, ctypes.c_size_t) for name in names]

        mallinfo2 = ctypes.CDLL(None).mallinfo2
        mallinfo2.restype = Info
        info = mallinfo2()
        facts["malloc_used_bytes"] = info.uordblks + info.hblkhd
        facts["malloc_free_bytes"] = info.fordblks

    def resident(facts):
        with open("/proc/self/statm") as file:
            facts["resident_bytes"] = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def collector(facts):
        facts["collections"] = sum(each["collections"] for each in gc.get_stats())
        facts["oldest_collections"] = gc.get_stats()[-1]["collections"]
        facts["uncollectable"] = sum(each["uncollectable"] for each in gc.get_stats())

    def tell(when, more=()):
        facts = dict(more)
        for part in (resident, small_objects, c_heap, collector):
            try:
                part(facts)
            except Exception:
                pass  # an older Python or another C library: the fact stays unknown
        words = " ".join("%s=%s" % each for each in sorted(facts.items()))
        say("facts %d pid=%d when=%s %s" % (now_ns(), os.getpid(), when, words))

    def at_exit():
        if os.getpid() != owner:
            return  # a forked copy
        try:
            say("mark %d exit" % now_ns())
            # What the questions themselves allocate must not set the collector off.
            enabled = gc.isenabled()
            gc.disable()
            tell("before", {"gc_enabled": int(enabled)})
            found = gc.collect()
            tell("after", {"found": found})
            if enabled:
                gc.enable()
        except Exception:
            pass

    atexit.register(at_exit)
    say("mark %d start" % now_ns())


try:
    _install()
except Exception:
    pass

# The program may have a module of this name as well; Python wants to find one under it in any case.
_own = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
except Exception:
    pass
if _own is not None:
    sys.modules.setdefault("sitecustomize", _own)
