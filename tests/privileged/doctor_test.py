#!/usr/bin/env python3
"""isotach doctor says what a transfer was really held up by: on emulated paths and two real ends.

A few of the classes of ../support/doctor_scenarios.py, those whose cause does not depend on how busy the machine is;
bench/doctor.py has all of them, with figures.
"""
import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
# pylint: disable=wrong-import-position
from doctor_scenarios import ISOTACH, NETWORK, Mixture, scenarios  # noqa: E402

# Only the causes that are in what the kernel counts, whatever the time between two looks.
KINDS = ["black_hole", "name_lookup", "receive_window", "receiver_application", "send_buffer", "sender_application"]
MIXTURES = [("receive_window", "sender_application"), ("receiver_application", "narrow_path")]
SECONDS = 3
# A machine that runs nothing of ours for a second shows that second as somebody's: looked at again.
ATTEMPTS = 3

passed = failed = skipped = 0


def check(scenario):
    seen = []
    for _ in range(ATTEMPTS):
        reports = scenario.observe(seconds=SECONDS)
        both, alone = (scenario.verdict(reports[view]) for view in ("both", "alone"))
        if both in scenario.accept and alone in scenario.accept_alone:
            words = "It is the network" if scenario.kind in NETWORK else "It is not the network"
            return reports["both"]["answer"].startswith(words), reports["both"]["answer"]
        seen.append((both, alone))
    return False, str(seen)


def check_mixture(mixture):
    """Shares of the time within ten points."""
    seen = []
    for _ in range(ATTEMPTS):
        connections = mixture.observe(("both",), SECONDS)["both"]["connections"]
        shares = connections[0]["shares"] if connections else {}
        if all(abs(shares.get(cause, 0) - share) <= 0.10 for cause, share in mixture.truth.items()):
            return True, ""
        seen.append(shares)
    return False, f"{mixture.truth}: {seen}"


def main():
    global passed, failed, skipped  # pylint: disable=global-statement
    if os.geteuid() != 0 or subprocess.run([ISOTACH, "lab", "net", "show", "no-such"], check=False,
                                           capture_output=True).returncode == 4:
        print("skip: needs root")
        skipped += 1
    else:
        checks = [(check, scenario) for scenario in scenarios("test", 1, KINDS)]
        checks += [(check_mixture, Mixture(*pair, 0, random.Random("test"), SECONDS)) for pair in MIXTURES]
        for look, scenario in checks:
            good, words = look(scenario)
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok' if good else 'FAILED'}: {scenario}" + ("" if good else f": {words}"), flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
