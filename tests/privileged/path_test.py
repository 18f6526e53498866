#!/usr/bin/env python3
"""isotach path over emulated paths whose truth is known, with exact stamps, so that the load of the machine does not
change what is measured: capacity, available bandwidth, delay, losses, path MTU, header bits, and hops.

Random traffic of others is random: what is asserted of it is several times its deviation. A case whose streams were
disturbed by a machine without any time left (isotach says so itself) is repeated.

usage: path_test.py   (as root; ISOTACH names the binary)
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ISOTACH = os.environ.get("ISOTACH", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "isotach"))
TRIES = 4
# Most of their time is waiting.
AT_ONCE = 2
results = []


def report(name, problem):
    results.append(not problem)
    print(f"FAILED {name}: {problem}" if problem else f"ok {name}", flush=True)


class Net:
    """with Net("name", "2 both rate=100mbit", ...) as net: net.path("--json")"""

    def __init__(self, name, *links):
        self.name = f"{name}{os.getpid()}"
        self.links = links
        self.server = None

    def lab(self, *words):
        return subprocess.run([ISOTACH, "lab", "net", words[0], self.name, *words[1:]], check=True, capture_output=True,
                              text=True, timeout=60).stdout

    def __enter__(self):
        options = [word for link in self.links for word in ("--link", link)]
        self.lab("up", "--exact", "--for", "10m", *options)
        words = self.on("b", ISOTACH, "nettest", "-s", "-B", "10.77.9.2")
        # pylint: disable-next=consider-using-with
        self.server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.server.stderr.readline()  # it listens
        return self

    def __exit__(self, *_):
        self.lab("down")
        self.server.wait()
        self.server.stderr.close()

    def on(self, host, *words):
        return [ISOTACH, "lab", "net", "run", self.name, host, "--", *words]

    def path(self, *words, before_capacity=None):
        """What isotach path says; `before_capacity` is called when it begins to look for the capacity."""
        with subprocess.Popen(self.on("a", ISOTACH, "path", "--json", *words, "10.77.9.2"), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as probe:
            said = ""
            for line in probe.stderr:
                said += line
                if "capacity" in line and before_capacity:
                    before_capacity()
            text = probe.stdout.read()
        if not text:
            raise RuntimeError(said)
        return json.loads(text)

    def counters(self, link, direction):
        links = json.loads(self.lab("show", "--json"))["links"]
        return next(each for each in links if each["link"] == link and each["direction"] == direction)


def check_rates():
    """100 Mbit/s of which others take 50; 20 ms."""
    with Net("rates", "all both rate=10gbit", "2 both rate=100mbit delay=10ms queue=500ms",
             "2 ab cross=cbr cross-rate=50mbit") as net:
        found = None
        for _ in range(TRIES):
            found = net.path("--no-transfer", "--for", "5s", "--echoes", "50")
            if found["available"] and not found["remarks"]:
                break
        capacity = found["capacity"]["bps"]
        report("capacity", "" if abs(capacity / 100e6 - 1) <= 0.005 else f"{capacity}")
        spent = found["capacity_method"]
        report("its bounds", "" if spent["bytes"] <= 2e6 else f"{spent}")
        if found["remarks"]:
            report("available", "" if found["available"] is None or found["available"]["bps"] <= capacity else str(found))
        else:
            available = found["available"]["bps"]
            report("available", "" if abs(available - 50e6) <= 10e6 else f"{available}")
        rtt = found["idle"]["rtt_min_ns"]
        # The answer of the partner waits for its processor; of 50 one does not wait for long.
        report("least RTT", "" if 20e6 <= rtt <= 40e6 else f"{rtt}")
        report("bits", "" if not found["bits"]["ecn_bleached"] and not found["bits"]["dscp_changed"] else f"{found['bits']}")
        report("mtu", "" if found["mtu"]["bytes"] == 1500 and found["mtu"]["limit"] == "none" else f"{found['mtu']}")


def check_faults():
    """Loss, reordering and duplicates against the emulator's counts; an MTU that nobody tells of; bleached bits."""
    with Net("faults", "all both rate=10gbit", "2 both rate=200mbit delay=5ms queue=500ms",
             "2 ab mtu=1400 blackhole=on", "3 ab bleach=both") as net:
        before = {}

        def begin():
            before.update(net.counters(2, "ab"))  # first: until it is set nothing is lost
            # Late by more than the rest between trains: others overtake all but the last.
            net.lab("set", "2", "ab", "lose-every=97", "duplicate=1%", "reorder=2%", "reorder-by=12ms", "chance=udp")

        found = net.path("--no-transfer", "--no-available", "--echoes", "20", before_capacity=begin)
        after = net.counters(2, "ab")
        lost = after["dropped_loss"] - before["dropped_loss"]
        doubled = after["duplicated"] - before["duplicated"]
        packets = found["packets"]
        report("losses", "" if packets["lost"] == lost and lost > 0 else f"{packets} of {lost}")
        report("duplicates", "" if packets["duplicates"] == doubled else f"{packets} of {doubled}")
        # Duplicates of late ones, and what had nothing behind it, are no more than some.
        late = after["reordered"] - before["reordered"]
        report("reordering", "" if 0.7 * late <= packets["reordered"] <= late and late >= 5 else f"{packets} of {late}")
        report("socket drops", "" if packets["dropped_by_socket"] == 0 else f"{packets}")
        mtu = found["mtu"]
        report("black hole", "" if mtu["bytes"] == 1400 and mtu["limit"] == "black_hole" else f"{mtu}")
        bits = found["bits"]
        report("bleached", "" if bits["ecn_bleached"] and bits["dscp_changed"] else f"{bits}")


def check_reverse():
    """The other direction is narrower, loses, and carries less: nothing of that is seen on the way forth."""
    with Net("reverse", "all both rate=10gbit", "2 ab rate=100mbit delay=5ms queue=500ms",
             "2 ba rate=20mbit delay=5ms queue=500ms mtu=1400 blackhole=on") as net:
        before = {}

        def begin():
            before.update(net.counters(2, "ba"))
            net.lab("set", "2", "ba", "lose-every=97", "chance=udp")

        found = net.path("-R", "--no-transfer", "--no-available", "--echoes", "20", before_capacity=begin)
        lost = net.counters(2, "ba")["dropped_loss"] - before["dropped_loss"]
        capacity = found["capacity"]["bps"]
        report("capacity back", "" if abs(capacity / 20e6 - 1) <= 0.005 else f"{capacity}")
        report("losses back", "" if found["packets"]["lost"] == lost > 0 else f"{found['packets']} of {lost}")
        report("MTU back", "" if found["mtu"]["bytes"] == 1400 else f"{found['mtu']}")
        report("direction", "" if found["direction"] == "from_peer" else f"{found['direction']}")
        net.lab("set", "2", "ba", "lose-every=0", "mtu=1500")
        found = net.path("--no-transfer", "--no-available", "--echoes", "200")
        capacity = found["capacity"]["bps"]
        report("capacity forth", "" if abs(capacity / 100e6 - 1) <= 0.005 else f"{capacity}")
        # One echo: 80 bytes over 100 and 20 Mbit/s, and four times over 10 Gbit/s, beside the delay.
        truth = 10e6 + 80 * 8 * (1e9 / 100e6 + 1e9 / 20e6 + 4e9 / 10e9)
        late = found["idle"]["rtt_p50_ns"] - truth
        report("RTT", "" if -1e3 <= late <= 300e3 else f"{late} ns beyond the truth")


def check_told_mtu():
    with Net("told", "2 both rate=100mbit delay=1ms", "3 ab mtu=1380") as net:
        mtu = net.path("--no-transfer", "--no-available", "--echoes", "10")["mtu"]
        report("told MTU", "" if mtu["bytes"] == 1380 and mtu["limit"] == "told" else f"{mtu}")


def check_hops():
    with Net("hops", "all both delay=1ms", "2 both rate=10mbit queue=1000p") as net:
        for kind in ("icmp", "udp", "tcp"):
            done = subprocess.run(net.on("a", ISOTACH, "path", "--hops", "--probe", kind, "--rounds", "8", "--port", "5201",
                                         "--json", "10.77.9.2"), capture_output=True, text=True, timeout=120, check=False)
            found = json.loads(done.stdout)
            addresses = [hop["address"] for hop in found["hops"]]
            wanted = ["10.77.101.1", "10.77.102.1", "10.77.9.2"]
            report(f"hops by {kind}", "" if addresses == wanted and found["reached"] else f"{addresses} {done.stderr}")


def check_no_partner():
    with Net("nobody") as net:
        net.server.terminate()
        net.server.wait()
        done = subprocess.run(net.on("a", ISOTACH, "path", "10.77.9.2"), capture_output=True, text=True, timeout=60,
                              check=False)
        problem = "" if done.returncode != 0 and "isotach nettest -s" in done.stderr else done.stderr
        report("no partner", problem)


def attempt(check):
    try:
        check()
    except (RuntimeError, OSError, subprocess.SubprocessError, ValueError) as error:
        report(check.__name__, repr(error))


def main():
    skipped = 0
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode:
        skipped = 1
        print("skip emulated paths need root and network namespaces")
    else:
        attempt(check_rates)  # alone: streams that are held up at the sender tell nothing of the path
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as together:
            list(together.map(attempt, (check_reverse, check_faults, check_hops, check_told_mtu, check_no_partner)))
    passed, failed = sum(results), len(results) - sum(results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
