#!/usr/bin/env python3
"""isotach vm against procps-ng 4.0.6, field by field, on the same snapshots of /proc.

usage: vmstat_test.py      (ISOTACH names the binary; FIXTURES the folder, if not tests/fixtures/vmstat)

For every sequence and mode each field that isotach prints must be right: equal to what vmstat_model.py
computes from the snapshot, in whole numbers. It must also equal what vmstat printed (golden/), except for
the known faults of vmstat: each is a named reason that holds for this very field. Where all fields of a
line are equal, the lines are equal byte by byte. A reason that never occurs fails the test too.
"""
import collections
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
import vmstat_model as model  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = pathlib.Path(os.environ.get("FIXTURES", HERE.parent / "fixtures" / "vmstat"))
ISOTACH = os.environ.get("ISOTACH", "build/isotach")
LEAST_FIELDS = 10_000


def modes():
    for line in (HERE / "modes").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, words = (part.strip() for part in line.split("|"))
            yield name, words


def is_head(line):
    """Lines of tables end with a number, those of lists begin with one."""
    words = line.split()
    return not any(word == "-" or word[0].isdigit() for word in (words[0], words[-1]))


class Comparison:
    def __init__(self):
        self.fields = 0
        self.lines = 0
        self.known = collections.Counter()
        self.failures = []

    def fail(self, *what):
        self.failures.append(" ".join(map(str, what)))

    def line(self, where, ours, theirs, expected):
        """`expected`: for each number of the line what is right, and why vmstat may differ (or None)."""
        our_words, their_words = ours.split(), theirs.split()
        if len(our_words) != len(their_words):
            return self.fail(where, "number of words:", ours, "|", theirs)
        places = model.number_places(our_words, expected)
        all_equal = True
        for place, (right, reason) in zip(places, expected):
            mine, other = our_words[place], their_words[place]
            self.fields += 1
            if mine != right:
                self.fail(where, f"field {place}: printed {mine}, right is {right}")
            if mine == other:
                continue
            all_equal = False
            if reason is None:
                self.fail(where, f"field {place}: printed {mine}, vmstat {other}, and no reason is known")
            else:
                self.known[reason] += 1
        self.lines += 1
        if all_equal and ours != theirs:
            self.fail(where, "same fields, other layout:", repr(ours), repr(theirs))

    def output(self, where, ours, theirs, expected_lines, heads_may_differ):
        our_lines, their_lines = ours.splitlines(), theirs.splitlines()
        if not heads_may_differ:
            our_heads = [(i, line) for i, line in enumerate(our_lines) if is_head(line)]
            their_heads = [(i, line) for i, line in enumerate(their_lines) if is_head(line)]
            if our_heads != their_heads:
                return self.fail(where, "heads differ:", our_heads[:3], their_heads[:3])
        ours_data = [line for line in our_lines if not is_head(line)]
        theirs_data = [line for line in their_lines if not is_head(line)]
        if not len(ours_data) == len(theirs_data) == len(expected_lines):
            return self.fail(where, "lines:", len(ours_data), len(theirs_data), len(expected_lines))
        for number, (mine, other, expected) in enumerate(zip(ours_data, theirs_data, expected_lines)):
            self.line(f"{where} line {number}", mine, other, expected)


def run(folder, sequence, words):
    count = len(sequence.trees)
    values = {"DELAY": sequence.delay, "COUNT": count, "SOME": min(count, 3), "FEWER": count - 1,
              "DEV": sequence.partition}
    arguments = [str(values.get(word, word)) for word in words.split()]
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    for variable in ("LINES", "COLUMNS"):
        environment.pop(variable, None)
    done = subprocess.run([ISOTACH, "vm", "--proc-root", str(folder), *arguments], env=environment,
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise SystemExit(f"isotach vm {' '.join(arguments)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def main():
    comparison = Comparison()
    archives = sorted(FIXTURES.glob("*.tar.xz"))
    with tempfile.TemporaryDirectory() as work:
        for archive in archives:
            with tarfile.open(archive) as packed:
                packed.extractall(work)
            folder = pathlib.Path(work) / archive.name.removesuffix(".tar.xz")
            sequence = model.Sequence(folder)
            for name, words in modes():
                theirs = (folder / "golden" / name).read_text()
                expected = model.expected_lines(sequence, words)
                comparison.output(f"{folder.name} {name}", run(folder, sequence, words), theirs, expected,
                                  sequence.heads_may_differ(words))
    for failure in comparison.failures[:40]:
        print(failure)
    print(f"{len(archives)} sequences: {comparison.lines} lines, {comparison.fields} fields compared, "
          f"{sum(comparison.known.values())} of them known faults of vmstat 4.0.6:")
    for reason in model.REASONS:
        print(f"  {comparison.known[reason]:6}  {reason}")
    problems = len(comparison.failures)
    if comparison.fields - sum(comparison.known.values()) < LEAST_FIELDS:
        problems += 1
        print(f"fewer than {LEAST_FIELDS} equal fields")
    for reason in model.REASONS:
        if comparison.known[reason] == 0:
            problems += 1
            print(f"no field shows this fault any more: {reason}")
    print("not ok" if problems else "ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
