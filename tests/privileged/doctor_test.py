#!/usr/bin/env python3
"""isotach doctor says what a transfer was really held up by: on emulated paths and two real ends.

A few of the classes of ../support/doctor_scenarios.py, those whose cause does not depend on how busy the machine is;
bench/doctor.py has all of them, with figures.
"""
import concurrent.futures
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
# Most of a transfer's time is waiting.
AT_ONCE = 2
# A machine that runs nothing of ours for a second shows that second as somebody's: looked at again, with nothing beside.
MORE_ATTEMPTS = 2


def check(scenario):
    reports = scenario.observe(seconds=SECONDS)
    both, alone = (scenario.verdict(reports[view]) for view in ("both", "alone"))
    answer = reports["both"]["answer"]
    words = "It is the network" if scenario.kind in NETWORK else "It is not the network"
    good = both in scenario.accept and alone in scenario.accept_alone and answer.startswith(words)
    return "" if good else f"{both}, by the sender alone {alone}: {answer}"


def check_mixture(mixture):
    """Shares of the time within ten points."""
    connections = mixture.observe(("both",), SECONDS)["both"]["connections"]
    shares = connections[0]["shares"] if connections else {}
    good = all(abs(shares.get(cause, 0) - share) <= 0.10 for cause, share in mixture.truth.items())
    return "" if good else f"{mixture.truth}: {shares}"


def attempt(look_at):
    look, scenario = look_at
    try:
        return look(scenario)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return repr(error)


def run_all(checks):
    """Whether each was right at last."""
    results = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as together:
        problems = list(together.map(attempt, checks))
    for each, problem in zip(checks, problems):
        seen = [problem]
        while seen[-1] and len(seen) <= MORE_ATTEMPTS:
            seen.append(attempt(each))
        results.append(not seen[-1])
        print(f"{'FAILED' if seen[-1] else 'ok'}: {each[1]}", flush=True)
        for words in filter(None, seen):
            print(f"  seen: {words}", flush=True)
    return results


def main():
    passed = failed = skipped = 0
    if os.geteuid() != 0 or subprocess.run([ISOTACH, "lab", "net", "show", "no-such"], check=False,
                                           capture_output=True).returncode == 4:
        print("skip: needs root")
        skipped += 1
    else:
        checks = [(check, scenario) for scenario in scenarios("test", 1, KINDS)]
        checks += [(check_mixture, Mixture(*pair, 0, random.Random("test"), SECONDS)) for pair in MIXTURES]
        results = run_all(checks)
        passed, failed = sum(results), len(results) - sum(results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
