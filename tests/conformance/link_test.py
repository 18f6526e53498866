#!/usr/bin/env python3
"""isotach link beside Debian's ethtool: every field that both tell must be the same.

Compared are the interfaces of this machine (virtio, loopback, ...), and in a network namespace of the test's own:
veth, loopback, a bridge, and tap interfaces that look like cards in TAPS configurations; then settings are made by
one tool and read by both. netdevsim is compared where the kernel has it.
"""
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ISOTACH = os.environ.get("ISOTACH", f"{ROOT}/build/isotach")

GIGABIT, FAST, TEN = "62ef", "62cf", "72ef"
# supported, advertised, partner, speed, duplex, autonegotiation
TAPS = [
    (GIGABIT, GIGABIT, GIGABIT, 1000, "full", "on"),
    (GIGABIT, GIGABIT, "6245", 100, "half", "on"),
    (GIGABIT, GIGABIT, "6241", 10, "half", "on"),
    (GIGABIT, GIGABIT, "628f", 100, "half", "on"),
    (GIGABIT, GIGABIT, GIGABIT, 100, "full", "on"),
    (GIGABIT, GIGABIT, GIGABIT, 10, "full", "on"),
    (GIGABIT, GIGABIT, FAST, 100, "full", "on"),
    (GIGABIT, FAST, GIGABIT, 100, "full", "on"),
    (GIGABIT, "6245", GIGABIT, 100, "half", "on"),
    (GIGABIT, "6c8", "6c8", 100, "full", "on"),
    (GIGABIT, GIGABIT, GIGABIT, 100, "full", "off"),
    (GIGABIT, GIGABIT, "0", 100, "half", "off"),
    (GIGABIT, GIGABIT, "0", 100, "full", "off"),
    (GIGABIT, GIGABIT, "0", 1000, "full", "on"),
    (GIGABIT, GIGABIT, "0", -1, "unknown", "on"),
    (FAST, FAST, GIGABIT, 100, "full", "on"),
    (FAST, FAST, "0", 100, "full", "off"),
    (FAST, FAST, "6241", 10, "half", "on"),
    (TEN, TEN, GIGABIT, 1000, "full", "on"),
    (TEN, TEN, TEN, 10000, "full", "on"),
    ("80000000000440", "80000000000440", "80000000000440", 2500, "full", "on"),
    ("400080000400", "0", "0", 25000, "full", "off"),
    ("1000000000440", "1000000000440", "0", 5000, "full", "on"),
    ("60000000062ef", "40000000062ef", "0", 1000, "full", "on"),
    ("62ef", "20000000062ef", "0", 1000, "full", "on"),
    ("0", "0", "0", 12345, "full", "off"),
    ("0", "0", "0", 1000, "half", "off"),
    ("2000", "2000", "4000", 1000, "full", "on"),
    ("6000", "4000", "6000", 1000, "full", "on"),
]
PORTS = {"Twisted Pair": "twisted pair", "AUI": "AUI", "MII": "MII", "FIBRE": "fibre", "BNC": "BNC",
         "Direct Attach Copper": "direct attach copper", "None": "none", "Other": "other"}
MDIX = {"off": 1, "on": 2, "Unknown": 0}
# Features by the names that ethtool gives to whole groups.
FEATURE_NAMES = {"rx-checksumming": "rx-checksum", "generic-segmentation-offload": "tx-generic-segmentation",
                 "generic-receive-offload": "rx-gro", "large-receive-offload": "rx-lro",
                 "rx-vlan-offload": "rx-vlan-hw-parse", "tx-vlan-offload": "tx-vlan-hw-insert",
                 "ntuple-filters": "rx-ntuple-filter", "receive-hashing": "rx-hashing"}
FEATURE_SUMS = {"tx-checksumming", "scatter-gather", "tcp-segmentation-offload", "udp-fragmentation-offload"}
COALESCE = {"rx-frame-low": "rx_frames_low", "tx-frame-low": "tx_frames_low", "rx-frame-high": "rx_frames_high",
            "tx-frame-high": "tx_frames_high"}

passed = failed = skipped = fields = 0


def check(name, problems, compared):
    global passed, failed, fields
    fields += compared
    if problems or not compared:
        failed += 1
        print(f"not ok: {name}: " + ("; ".join(problems) or "nothing was compared"))
    else:
        passed += 1


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def ours(device):
    text = run(ISOTACH, "link", "--json", "-i", "10ms", device)
    assert text, f"isotach link {device} failed"
    return json.loads(text)["interfaces"][0]


class Comparison:
    def __init__(self, device):
        self.device, self.link, self.problems, self.count = device, ours(device), [], 0

    def same(self, what, mine, theirs):
        self.count += 1
        if mine != theirs:
            self.problems.append(f"{what}: isotach {mine!r}, ethtool {theirs!r}")

    def done(self, name):
        check(name, self.problems, self.count)


def settings(device):
    """The lines of `ethtool DEVICE` by their labels; lines without one belong to the label before."""
    found, label = {}, None
    for line in (run("ethtool", device) or "").splitlines()[1:]:
        match = re.match(r"\s+([^:]+): *(.*)", line)
        if match and not re.match(r"\s+\d+base", line):
            label = match[1].strip()
            found[label] = match[2].strip()
        elif label:
            found[label] += " " + line.strip()
    return found


def modes_text(modes):
    names = [mode for mode in modes if "base" in mode]
    return " ".join(names) or "Not reported"


def pause_text(modes):
    both, asymmetric = "Pause" in modes, "Asym_Pause" in modes
    return {(0, 0): "No", (1, 0): "Symmetric", (1, 1): "Symmetric Receive-only", (0, 1): "Transmit-only"}[both, asymmetric]


def compare_settings(comparison):
    theirs, link = settings(comparison.device), comparison.link
    if "Speed" in theirs:
        speed = re.match(r"(\d+)Mb/s", theirs["Speed"])
        comparison.same("speed", link["speed_mbit_s"], int(speed[1]) if speed else None)
        duplex = theirs["Duplex"].split()[0].lower()
        comparison.same("duplex", link["duplex"], duplex if duplex in ("half", "full") else None)
        comparison.same("autonegotiation", link["autonegotiation"], theirs["Auto-negotiation"] == "on")
        for mine, label in (("supported", "Supported"), ("advertised", "Advertised"),
                            ("partner", "Link partner advertised")):
            if f"{label} link modes" not in theirs:
                comparison.same(mine, link[mine], [])
                continue
            comparison.same(mine, modes_text(link[mine]), " ".join(theirs[f"{label} link modes"].split()))
            comparison.same(f"{mine} pause", pause_text(link[mine]), theirs[f"{label} pause frame use"])
            autonegotiation = theirs["Supports auto-negotiation" if mine == "supported" else f"{label} auto-negotiation"]
            comparison.same(f"{mine} autonegotiation", "Autoneg" in link[mine], autonegotiation == "Yes")
            fec = [mode for mode in ("None", "BASER", "RS", "LLRS") if mode in link[mine]]
            told = theirs[f"{label} FEC modes"].split()
            comparison.same(f"{mine} FEC", sorted(fec), [] if told == ["Not", "reported"] else sorted(told))
        ports = [port for port in ("TP", "AUI", "MII", "FIBRE", "BNC", "Backplane") if port in link["supported"]]
        comparison.same("ports", sorted(ports), sorted(theirs["Supported ports"].strip("[] ").split()))
        comparison.same("port", link["port"]["port"], PORTS[theirs["Port"]])
        comparison.same("PHY address", link["port"]["phy_address"], int(theirs["PHYAD"]))
        comparison.same("transceiver", "internal" if link["port"]["transceiver"] == 0 else "external",
                        theirs["Transceiver"])
        if "MDI-X" in theirs:
            comparison.same("MDI-X", link["port"]["mdix"], MDIX[theirs["MDI-X"].split()[0]])
    if "Link detected" in theirs:
        comparison.same("link detected", link["carrier"]["link_detected"], theirs["Link detected"].startswith("yes"))


def compare_driver(comparison):
    theirs = dict(re.findall(r"^([\w-]+): ?(.*)$", run("ethtool", "-i", comparison.device) or "", re.M))
    mine = comparison.link["driver_info"]
    if not theirs:
        comparison.same("driver", mine, None)
        return
    for key, label in (("name", "driver"), ("version", "version"), ("firmware", "firmware-version"), ("bus", "bus-info")):
        comparison.same(label, mine[key], theirs[label])


def compare_features(comparison):
    features = {feature["name"]: feature for feature in comparison.link["features"]}
    for name, state, rest in re.findall(r"^\s*([\w-]+): (on|off)(.*)$", run("ethtool", "-k", comparison.device) or "", re.M):
        if name in FEATURE_SUMS:
            continue
        feature = features.get(FEATURE_NAMES.get(name, name))
        if feature is None:
            comparison.problems.append(f"feature {name} is missing")
            continue
        requested = re.search(r"requested (on|off)", rest)
        comparison.same(f"{name}", (feature["active"], feature["fixed"]), (state == "on", "fixed" in rest))
        if not feature["fixed"]:
            comparison.same(f"{name} requested", feature["requested"], (requested[1] if requested else state) == "on")


def numbers_of(option, device, text=None):
    """Label and value of the lines of -g, -l and -c; n/a is None; of each label the two values in order."""
    found = {}
    for label, value in re.findall(r"^([\w -]+):\s+(\S+)$", text or run("ethtool", option, device) or "", re.M):
        found.setdefault(label.lower(), []).append({"n/a": None, "on": True, "off": False}.get(value, value))
    return {label: [int(v) if isinstance(v, str) and v.isdigit() else v for v in values] for label, values in found.items()}


def compare_groups(comparison):
    link, device = comparison.link, comparison.device
    rings = numbers_of("-g", device)
    if rings:
        for label, key in (("rx", "rx"), ("rx mini", "rx_mini"), ("rx jumbo", "rx_jumbo"), ("tx", "tx")):
            comparison.same(f"ring {label}", [link["rings"][f"{key}_max"], link["rings"][key]], rings[label])
    else:
        comparison.same("rings", link["rings"], None)
    channels = numbers_of("-l", device)
    if channels:
        for key in ("rx", "tx", "other", "combined"):
            comparison.same(f"channels {key}", [link["channels"][f"{key}_max"], link["channels"][key]], channels[key])
    else:
        comparison.same("channels", link["channels"], None)
    text = run("ethtool", "-c", device)
    if text:
        adaptive = re.search(r"Adaptive RX: (\S+)\s+TX: (\S+)", text)
        for key, value in zip(("adaptive_rx", "adaptive_tx"), adaptive.groups()):
            comparison.same(key, link["coalesce"][key], {"on": True, "off": False, "n/a": None}[value])
        for label, values in numbers_of("-c", device, text).items():
            key = COALESCE.get(label, label.replace("-", "_"))
            if key in link["coalesce"]:
                comparison.same(label, [link["coalesce"][key]], values)
    else:
        comparison.same("coalesce", link["coalesce"], None)
    for option, key in (("-a", "pause"), ("--show-eee", "eee"), ("--show-fec", "fec")):
        if run("ethtool", option, device) is None:
            comparison.same(key, link[key], None)
    statistics = re.findall(r"^ +(.+): (\d+)$", run("ethtool", "-S", device) or "", re.M)
    mine = [entry["name"] for entry in link["driver_statistics"]]
    comparison.same("names of statistics", mine, [name for name, _ in statistics])


def compare_all(device, name):
    comparison = Comparison(device)
    for part in (compare_settings, compare_driver, compare_features, compare_groups):
        part(comparison)
    comparison.done(f"{name} {device}")


def compare_changes():
    """What isotach sets, ethtool reads, and the reverse."""
    state = {**os.environ, "ISOTACH_STATE": f"/tmp/isotach-link-{os.getpid()}"}

    def change(*words):
        subprocess.run([ISOTACH, "link", "set", *words, "--keep"], env=state, check=True, capture_output=True)

    change("nic1", "speed", "100", "duplex", "full", "autoneg", "off")
    comparison = Comparison("nic1")
    theirs = settings("nic1")
    comparison.same("speed set", (theirs["Speed"], theirs["Duplex"], theirs["Auto-negotiation"]), ("100Mb/s", "Full", "off"))
    compare_settings(comparison)
    comparison.done("set by isotach: speed 100 duplex full autoneg off")

    change("nic7", "advertise", "100baseT/Full,1000baseT/Full")
    comparison = Comparison("nic7")
    comparison.same("advertised", settings("nic7")["Advertised link modes"].split(), ["100baseT/Full", "1000baseT/Full"])
    compare_settings(comparison)
    comparison.done("set by isotach: advertise")

    change("nic0", "rx-frames", "16", "gro", "off")
    comparison = Comparison("nic0")
    comparison.same("rx-frames", numbers_of("-c", "nic0")["rx-frames"], [16])
    comparison.same("gro", "generic-receive-offload: off" in run("ethtool", "-k", "nic0"), True)
    compare_groups(comparison)
    compare_features(comparison)
    comparison.done("set by isotach: coalescing and offloads")

    change("pair0", "rx-channels", "2", "mtu", "2000")
    comparison = Comparison("pair0")
    comparison.same("channels", numbers_of("-l", "pair0")["rx"], [2, 2])
    comparison.same("mtu", "mtu 2000" in run("ip", "link", "show", "pair0"), True)
    compare_groups(comparison)
    comparison.done("set by isotach: channels and MTU")

    subprocess.run(["ethtool", "-s", "nic2", "speed", "100", "duplex", "full", "autoneg", "off"], check=True)
    subprocess.run(["ethtool", "-K", "nic2", "tso", "off"], check=True)
    comparison = Comparison("nic2")
    comparison.same("read", (comparison.link["speed_mbit_s"], comparison.link["duplex"]), (100, "full"))
    compare_settings(comparison)
    compare_features(comparison)
    comparison.done("set by ethtool")


def in_namespace():
    global skipped
    taps = subprocess.Popen([ISOTACH, "internal-practice-links"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for number, (supported, advertised, partner, speed, duplex, autonegotiation) in enumerate(TAPS):
        taps.stdin.write(f"nic{number} supported={supported} advertised={advertised} partner={partner} speed={speed} "
                         f"duplex={duplex} autoneg={autonegotiation}\n")
        taps.stdin.flush()
        answer = taps.stdout.readline().strip()
        assert answer == "ok", answer
    for command in ("ip link add pair0 numrxqueues 2 numtxqueues 2 type veth peer name pair1", "ip link set pair0 up",
                    "ip link set pair1 up", "ip link add br0 type bridge", "ip link set lo up"):
        subprocess.run(command.split(), check=True)
    if run("ip", "link", "add", "sim0", "type", "netdevsim") is not None:
        compare_all("sim0", "netdevsim")
    else:
        skipped += 1
        print("skipped: netdevsim: this kernel has none")
    for number in range(len(TAPS)):
        compare_all(f"nic{number}", "tap")
    for device, name in (("pair0", "veth"), ("pair1", "veth"), ("br0", "bridge"), ("lo", "loopback")):
        compare_all(device, name)
    compare_changes()
    taps.stdin.close()
    taps.wait()


def main():
    global skipped
    if shutil.which("ethtool") is None:
        print("there is no ethtool\n0 passed, 0 failed, 1 skipped")
        return 0
    if len(sys.argv) > 1:
        in_namespace()
    else:
        for device in sorted(os.listdir("/sys/class/net")):
            if os.path.isdir(f"/sys/class/net/{device}"):
                compare_all(device, "of this machine")
        able = os.geteuid() == 0 and run("unshare", "-n", "true") is not None and os.path.exists("/dev/net/tun")
        if able:
            done = subprocess.run(["unshare", "-n", sys.executable, __file__, "inside"], stdout=subprocess.PIPE, text=True,
                                  check=False)
            lines = done.stdout.splitlines()
            print("\n".join(lines[:-1]))
            counts = re.findall(r"\d+", lines[-1]) if lines else []
            if len(counts) == 4:
                add(*map(int, counts))
            else:
                check("in a namespace", [f"ended with {done.returncode}"], 0)
        else:
            skipped += 1
            print("skipped: making interfaces needs root and /dev/net/tun")
    if len(sys.argv) > 1:
        print(f"{passed} {failed} {skipped} {fields}")
    else:
        print(f"{fields} fields compared\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def add(more_passed, more_failed, more_skipped, more_fields):
    global passed, failed, skipped, fields
    passed, failed, skipped, fields = (passed + more_passed, failed + more_failed, skipped + more_skipped,
                                       fields + more_fields)


sys.exit(main())
