#!/usr/bin/env bats
# isotach ksm for real: settings that come and go, equal pages that are merged, ends of every kind.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # run sets $output; programs of jq; each test has its own

setup_file() {
  load ../cli/helpers
  needs_root
  [[ -d /sys/kernel/mm/ksm ]] || skip "this kernel has no KSM"
  [[ -w /sys/kernel/mm/ksm/run ]] || skip "/sys is read-only here"
  [[ $(</sys/kernel/mm/ksm/run) == 0 && $(</sys/kernel/mm/ksm/pages_shared) == 0 ]] ||
    skip "KSM is in use on this machine"
}

setup() {
  load ../cli/helpers
  cd "$BATS_TEST_TMPDIR" || return 1
  export ISOTACH_STATE=$BATS_TEST_TMPDIR/state
  found=$(settings)
}

teardown() {
  local pid
  for pid in "${started[@]-}"; do [[ -n $pid ]] && kill -9 "$pid" 2>/dev/null; done
  "$ISOTACH" restore >/dev/null 2>&1 || true
  [[ $(settings) == "$found" ]] || {
    printf 'found: %s\nnow: %s\n' "$found" "$(settings)" >&2
    # What a later test would stumble over.
    echo 2 >/sys/kernel/mm/ksm/run
    local name value
    while IFS=: read -r name value; do
      [[ $name == pages_shared ]] || echo "$value" >"/sys/kernel/mm/ksm/$name" || true
    done <<<"$found"
    return 1
  }
}

# Every setting, and how many pages are merged.
settings() {
  local name
  for name in max_page_sharing pages_to_scan sleep_millisecs merge_across_nodes use_zero_pages smart_scan \
    advisor_target_scan_time advisor_max_cpu advisor_min_pages_to_scan advisor_max_pages_to_scan \
    pages_shared run; do
    [[ ! -e /sys/kernel/mm/ksm/$name ]] || printf '%s:%s\n' "$name" "$(<"/sys/kernel/mm/ksm/$name")"
  done
}

ksm() { echo "$(<"/sys/kernel/mm/ksm/$1")"; }

# until_true SECONDS COMMAND...: waits until it succeeds.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || fails_with "did not come true: $*"
    read -rt 0.05 <> <(:) || true
  done
}

is() { [[ $(ksm "$1") == "$2" ]]; }
above() { (($(ksm "$1") > $2)); }
as_found() { [[ $(settings) == "$found" ]]; }

# The tracefs of the kernel, seen from a mount namespace of the test's own.
no_trace_instance() {
  mkdir -p tracing
  run unshare --mount --propagation private bash -c 'mount -t tracefs none tracing && ls tracing/instances'
  [[ $output != *isotach-ksm* ]] || fails_with "an instance of tracefs was left"
}

# watchdog_of PID: the process that puts back what PID has changed.
watchdog_of() {
  local pid
  pid=$(pgrep -P "$1" isotach-watch) || fails_with "no watchdog of $1"
  echo "$pid"
}

gone() { ! pgrep -f "$1" >/dev/null; }

# Starts a program with merged pages behind the test; ksmd runs.
merge_something() {
  "$ISOTACH" ksm set --keep run=1 pages_to_scan=5000 >/dev/null
  "$ISOTACH" internal-hold-pages --pages 4096 --hold 60 >/dev/null &
  started+=($!)
  until_true 20 above pages_sharing 4000
}

end_program() {
  kill "${started[-1]}"
  wait "${started[-1]}" || true
  unset 'started[-1]'
}

@test "set lasts as long as its command, keeps with --keep, and reset takes it back" {
  isotach ksm set pages_to_scan=321 sleep_millisecs=11 -- cat /sys/kernel/mm/ksm/pages_to_scan
  exit_code 0
  out '^321$'
  as_found
  isotach ksm set --keep pages_to_scan=321 use_zero_pages=1 --json
  exit_code 0
  json '.changes | map("\(.name)=\(.from)-\(.to)") | join(" ")' 'pages_to_scan=100-321 use_zero_pages=0-1'
  is pages_to_scan 321
  isotach ksm set --keep pages_to_scan=654
  # Back to before the first of them.
  isotach ksm reset
  exit_code 0
  as_found
  isotach ksm reset
  exit_code 1
  err 'no change of the settings was kept'
}

@test "the advisor owns pages_to_scan, and both come back" {
  [[ -e /sys/kernel/mm/ksm/advisor_mode ]] || skip "this kernel has no advisor"
  isotach ksm set --keep advisor_mode=scan-time advisor_min_pages_to_scan=600
  exit_code 0
  is pages_to_scan 600
  isotach ksm set pages_to_scan=5
  exit_code 2
  err 'advisor_mode=none'
  isotach ksm reset
  exit_code 0
  is advisor_mode '[none] scan-time'
  as_found
}

@test "max_page_sharing: refused while pages are merged, done with --unmerge, and undone" {
  merge_something
  isotach ksm set max_page_sharing=1000
  exit_code 1
  err 'only while nothing is merged'
  err 'run=0\) is not enough'
  err 'isotach ksm set --unmerge max_page_sharing=1000'
  is max_page_sharing 256
  # The kernel itself says so.
  echo 0 >/sys/kernel/mm/ksm/run
  run bash -c 'echo 1000 >/sys/kernel/mm/ksm/max_page_sharing'
  [[ $status != 0 ]]
  echo 1 >/sys/kernel/mm/ksm/run
  isotach ksm set --unmerge max_page_sharing=1000 -- \
    "$ISOTACH" ksm --json
  exit_code 0
  json '.settings.max_page_sharing' 1000
  json '.settings.run' 1
  is max_page_sharing 256
  is run 1
  end_program
  "$ISOTACH" ksm set --keep run=2 >/dev/null
  "$ISOTACH" ksm reset >/dev/null
}

@test "two commands do not change KSM at the same time" {
  "$ISOTACH" ksm set run=1 >/dev/null 2>&1 &
  started+=($!)
  until_true 10 is run 1
  isotach ksm set run=0
  exit_code 1
  err 'isotach ksm set \(process [0-9]+\) is changing'
  end_program
  until_true 10 as_found
}

@test "kill -9 of ksm set: the watchdog puts back" {
  "$ISOTACH" ksm set run=1 pages_to_scan=777 >/dev/null 2>&1 &
  started+=($!)
  until_true 10 is run 1
  kill -9 "${started[-1]}"
  until_true 10 as_found
}

@test "kill -9 of ksm set and of its watchdog: the next start puts back" {
  "$ISOTACH" ksm set --unmerge max_page_sharing=512 run=1 pages_to_scan=777 >/dev/null 2>&1 &
  local pid=$! watchdog
  started+=("$pid")
  until_true 10 is run 1
  watchdog=$(watchdog_of "$pid")
  kill -9 "$watchdog" "$pid"
  wait "$pid" 2>/dev/null || true
  is pages_to_scan 777
  isotach restore
  exit_code 0
  as_found
}

@test "demo: every moment is found, identities hold, samples agree with the tracepoints" {
  isotach ksm demo --pages 16384 pages_to_scan=2000 --json --report r.html --png p.png --svg s.svg
  exit_code 0
  as_found
  json .schema isotach.ksm.demo.v1
  json '.course.merged_pages' 16384
  json '.course | .start_seconds < .maximum_seconds and .maximum_seconds <= .merge_begin_seconds and
    .merge_begin_seconds < .merge_end_seconds and .merge_end_seconds < .end_seconds'
  json '[.identities[].holds] | all'
  json '.identities | length' 4
  json '.settings.pages_to_scan' 2000
  # What the samples tell against what the program said itself: two periods, more where samples were late.
  json '.interval_seconds as $i | [.samples[].time_seconds] as $t |
    ([range(1; $t | length) | $t[.] - $t[. - 1]] | max) as $gap | (2 * ([$i, $gap] | max)) as $slack |
    (.course.start_seconds - .program.mapped_seconds | fabs) < 1 and
    (.course.end_seconds >= .program.unmapping_seconds - $slack)'
  # 10 Hz or faster.
  json '.sample_count / (.samples[-1].time_seconds) > 10'
  if [[ $(jq -r .tracepoints.read <<<"$output") == true ]]; then
    json .tracepoints.agrees
    json .tracepoints.merged 16384
  fi
  grep -q 'ksmd merges' s.svg
  grep -q 'program starts' s.svg
  grep -q '<svg' r.html
  grep -q 'Is it right?' r.html
  if grep -qE '<script|(src|href)="http' r.html; then fails_with "the report is not self-contained"; fi
  [[ $(head -c 8 p.png | od -An -tx1 | tr -d ' \n') == 89504e470d0a1a0a ]]
  no_trace_instance
}

@test "demo: writing to merged pages takes them apart" {
  isotach ksm demo --pages 8192 pages_to_scan=4000 --hold 2 --write --no-trace --json
  exit_code 0
  json '.program.written_seconds > .program.writing_seconds'
  json '.tracepoints.why_not' 'not asked for'
  json '.course.merged_pages' 8192
}

@test "demo: interrupted, it puts back and tells what it saw" {
  "$ISOTACH" ksm demo --pages 16384 --hold 60 --json >out.json 2>err.txt &
  started+=($!)
  until_true 20 above pages_sharing 1000
  kill -INT "${started[-1]}"
  status=0
  wait "${started[-1]}" || status=$?
  unset 'started[-1]'
  exit_code 130
  [[ $(jq .interrupted out.json) == true ]]
  as_found
}

@test "demo: kill -9 leaves nothing, not even with the watchdog killed too" {
  "$ISOTACH" ksm demo --pages 16385 --hold 60 >/dev/null 2>&1 &
  local pid=$!
  started+=("$pid")
  until_true 20 above pages_sharing 1000
  kill -9 "$pid"
  until_true 20 as_found
  until_true 10 gone 'internal-hold-pages --pages 16385'

  "$ISOTACH" ksm demo --pages 16385 --hold 60 >/dev/null 2>&1 &
  pid=$!
  started+=("$pid")
  until_true 20 above pages_sharing 1000
  local watchdog
  watchdog=$(watchdog_of "$pid")
  kill -9 "$watchdog" "$pid"
  wait "$pid" 2>/dev/null || true
  until_true 10 gone 'internal-hold-pages --pages 16385'
  # Any command that starts as root does it.
  isotach ksm --json
  exit_code 0
  until_true 10 as_found
  no_trace_instance
}

@test "run: two pythons that know nothing of it share their pages" {
  python3 -c '' || skip "no python3"
  cat >same.py <<'PY'
import os, sys, time
data = bytearray(b"isotach" * 3000000)
deadline = time.monotonic() + 15
while time.monotonic() < deadline:
    text = open("/proc/self/ksm_stat").read()
    if int(text.split("ksm_merging_pages")[1].split()[0]) > 4000:
        break
    time.sleep(0.1)
time.sleep(0.5)
sys.exit(3)
PY
  isotach ksm run --start pages_to_scan=5000 --json -- \
    bash -c 'python3 same.py & python3 same.py; code=$?; wait; exit $code'
  exit_code 3
  as_found
  json .exit_code 3
  json '.most_merged_pages > 8000'
  json '[.processes[] | select(.merged_pages > 4000)] | length >= 2'
  json '.machine_saved_pages_most > 4000'
  json '.ksmd_cpu_seconds > 0'
}

@test "run: without ksmd it says so, and COMMAND runs all the same" {
  isotach ksm run -- cat /proc/self/ksm_stat
  exit_code 0
  out '^ksm_merge_any: yes$'
  err 'ksmd is stopped'
  # No right is needed to offer memory.
  run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all "$ISOTACH" ksm run -- \
    cat /proc/self/ksm_stat
  exit_code 0
  out '^ksm_merge_any: yes$'
}

@test "top and watch see what is merged" {
  merge_something
  isotach ksm top --json
  exit_code 0
  json '.processes[0].merging_pages >= 4000'
  json '.processes[0].mergeable'
  isotach ksm watch -n 2 -i 50ms --json
  exit_code 0
  json '[.series // .lines | .[] | select(.key == "ksm_pages_sharing") | .points[-1]] | length' 1
  end_program
  "$ISOTACH" ksm set --keep run=2 >/dev/null
  "$ISOTACH" ksm reset >/dev/null
}
