#!/usr/bin/env bats
# What `ksm predict` says, against what the kernel then does: each workload of ksm_workloads.py is predicted
# while KSM is off, then merged for real.

setup_file() {
  ((EUID == 0)) || return 0
  mkdir -p "$BATS_FILE_TMPDIR/before"
  local file
  for file in /sys/kernel/mm/ksm/{run,pages_to_scan,sleep_millisecs,max_page_sharing,use_zero_pages,smart_scan}; do
    if [[ -e $file ]]; then cat "$file" >"$BATS_FILE_TMPDIR/before/${file##*/}"; fi
  done
}

setup() {
  load ../cli/helpers
  needs_root
  [[ -d /sys/kernel/mm/ksm ]] || skip "this kernel has no KSM"
  [[ -w /sys/kernel/mm/ksm/run ]] || skip "KSM cannot be set here"
  [[ $(cat "$BATS_FILE_TMPDIR/before/run") != 1 ]] || skip "KSM is in use on this machine"
  WORKLOADS=$BATS_TEST_DIRNAME/../support/ksm_workloads.py
}

# What the test changed is put back even when it was killed in the middle.
teardown() {
  [[ -d $BATS_FILE_TMPDIR/before && -w /sys/kernel/mm/ksm/run ]] || return 0
  [[ $(cat "$BATS_FILE_TMPDIR/before/run") != 1 ]] || return 0
  local file
  for file in "$BATS_FILE_TMPDIR"/before/*; do
    [[ $(cat "$file") == "$(cat "/sys/kernel/mm/ksm/${file##*/}")" ]] && continue
    [[ ${file##*/} == max_page_sharing ]] && echo 2 >/sys/kernel/mm/ksm/run
    cat "$file" >"/sys/kernel/mm/ksm/${file##*/}"
  done
  cat "$BATS_FILE_TMPDIR/before/run" >/sys/kernel/mm/ksm/run
}

# comes_true WORKLOAD: at most 0.1 % wrong, the profit and each process included.
comes_true() {
  run --separate-stderr timeout --kill-after=10 100 "$WORKLOADS" "$1"
  exit_code 0
  echo "$output"
  json '.error_percent <= 0.1'
  json '(.predicted_profit - .kernel.general_profit | fabs) <= 0.001 * ([.kernel.general_profit, 4096000] | max)'
  json '[.processes[] | (.predicted - .kernel | fabs) <= ([.kernel, 2000] | max) * 0.002] | all'
  json '.pages > 8000'
  # What is merged already is known as such, and looking at it does not take it apart.
  json '.again.freed_bytes <= 0.001 * 4096 * .pages'
  json '(.again.pages_sharing - .kernel.pages_sharing | fabs) <= 0.001 * .pages'
  json '(.again.kernel_pages_sharing - .kernel.pages_sharing | fabs) <= 0.001 * .pages'
}

@test "all pages equal" { comes_true equal; }
@test "no page like another" { comes_true unique; }
@test "half of the pages equal" { comes_true half; }
@test "a thousand contents" { comes_true groups; }
@test "pairs" { comes_true pairs; }
@test "zeros, merged like others" { comes_true zeros; }
@test "zeros, to the kernel's page of zeros" { comes_true zeros-to-zero-page; }
@test "zeros among others, to the page of zeros" { comes_true mixed-to-zero-page; }
@test "few places to a page, some left over" { comes_true few-places-a-page; }
@test "two processes with half of their memory in common" { comes_true two-processes; }
@test "what fork() shares" { comes_true forked; }
@test "transparent huge pages" { comes_true huge-pages; }

@test "python programs that know nothing of KSM" {
  python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).prctl(67, 1, 0, 0, 0) != 0)' ||
    skip "this kernel has no PR_SET_MEMORY_MERGE"
  comes_true python
}

# as_nobody ARGS...: the program as a user without rights, from where that user can reach it.
as_nobody() {
  local here
  here=$(mktemp -d)
  chmod 755 "$here"
  cp "$ISOTACH" "$here/isotach"
  run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups bash -c '
    sleep 60 & child=$!
    "$1" ksm predict --json "${@:2}" | jq -c --argjson child "$child" ". + {child: \$child}"
    status=${PIPESTATUS[0]}
    kill "$child"
    exit "$status"' _ "$here/isotach" "$@"
  rm -rf "$here"
}

@test "without rights it reads one's own processes and says what it leaves out" {
  as_nobody
  exit_code 0
  json '.scanned.processes >= 2'
  json '.scanned.not_permitted > 0'
  json '.frames_visible' false
  json '.child as $child | [.processes[].pid] | index($child) != null'
  err 'may not be read'
}

@test "without rights, someone else's process alone is refused with 4" {
  sleep 60 3>&- &
  local other=$!
  as_nobody --pid "$other"
  kill "$other"
  exit_code 4
  err 'cannot be read by this user'
  err 'root|CAP_SYS_PTRACE'
}

@test "looking does not undo what fork() shares" {
  coproc HOLD { exec "$WORKLOADS" --hold mixed 0 0 1 3>&-; }
  local child pid=$HOLD_PID line
  read -r -t 60 child <&"${HOLD[0]}"
  read -r -t 60 line <&"${HOLD[0]}"
  [[ $line == ready ]]
  shared() { awk '/^Shared_Dirty/ {sum += $2} END {print sum}' "/proc/$child/smaps_rollup"; }
  local before after
  before=$(shared)
  ((before > 30000))
  isotach ksm predict --pid "$pid,$child"
  exit_code 0
  after=$(shared)
  kill "$pid"
  [[ $before == "$after" ]] || fails_with "shared before: $before KiB, after: $after KiB"
}
