#!/usr/bin/env bats
# isotach vm beside the installed vmstat and free, live: ours, theirs, ours. A counter of theirs must lie
# between ours before and after; a level near them. (Memory values of one-shot runs are right in every
# version of vmstat, also in those whose rows are not.)

setup() {
  ISOTACH=${ISOTACH:-build/isotach}
  for program in vmstat free python3; do
    command -v "$program" > /dev/null || skip "there is no $program"
  done
}

@test "vmstat -s lies between two of ours" {
  "$ISOTACH" vm -s > "$BATS_TEST_TMPDIR/before"
  vmstat -s > "$BATS_TEST_TMPDIR/theirs"
  "$ISOTACH" vm -s > "$BATS_TEST_TMPDIR/after"
  run python3 - "$BATS_TEST_TMPDIR" <<'PYTHON'
import re
import sys

def read(name):
    lines = open(f"{sys.argv[1]}/{name}").read().splitlines()
    return {m[2].strip(): int(m[1]) for m in (re.match(r"\s*(\d+) (.*)", line) for line in lines) if m}

before, theirs, after = read("before"), read("theirs"), read("after")
tolerance_kib = 256 * 1024  # what others may allocate meanwhile
compared = 0
for label, value in theirs.items():
    if label not in before or label not in after:
        continue
    low, high = sorted((before[label], after[label]))
    if "memory" in label or "swap cache" in label or label.endswith(" swap"):
        low, high = low - tolerance_kib, high + tolerance_kib
    # Idle and iowait may run backwards by a few ticks.
    if "idle" in label or "IO-wait" in label:
        low, high = low - 10, high + 10
    # 4.0.2 counts total less free as used.
    if label == "K used memory":
        continue
    assert low <= value <= high, f"{label}: {before[label]} {value} {after[label]}"
    compared += 1
assert compared >= 24, compared
print(compared, "values")
PYTHON
  echo "$output"
  [ "$status" -eq 0 ]
}

@test "free lies between two of ours" {
  "$ISOTACH" vm --free > "$BATS_TEST_TMPDIR/before"
  free > "$BATS_TEST_TMPDIR/theirs"
  "$ISOTACH" vm --free > "$BATS_TEST_TMPDIR/after"
  run python3 - "$BATS_TEST_TMPDIR" <<'PYTHON'
import sys

def read(name):
    lines = open(f"{sys.argv[1]}/{name}").read().splitlines()
    return lines[0], [int(word) for line in lines[1:] for word in line.split()[1:]]

(head, before), (their_head, theirs), (_, after) = read("before"), read("theirs"), read("after")
assert head == their_head, (head, their_head)
assert len(before) == len(theirs) == len(after) == 9
for a, b, c in zip(before, theirs, after):
    assert min(a, c) - 262144 <= b <= max(a, c) + 262144, (before, theirs, after)
PYTHON
  echo "$output"
  [ "$status" -eq 0 ]
}
