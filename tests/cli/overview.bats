#!/usr/bin/env bats
# isotach without a command, where the output is no terminal: the health report.

load helpers

# A saved machine in $tree: healthy unless a test makes it ill.
setup() {
  tree=$BATS_TEST_TMPDIR/tree
  mkdir -p "$tree"/proc/{net,pressure,sys/kernel} "$tree"/sys/kernel/mm/ksm
  cat >"$tree/proc/meminfo" <<'MEMINFO'
MemTotal:        8388608 kB
MemFree:         4194304 kB
MemAvailable:    6291456 kB
Buffers:          102400 kB
Cached:          2097152 kB
SwapTotal:       2097152 kB
SwapFree:        2097152 kB
Dirty:              1024 kB
Writeback:             0 kB
SReclaimable:          0 kB
Shmem:                 0 kB
MEMINFO
  cat >"$tree/proc/stat" <<'STAT'
cpu  1000 0 500 10000 10 0 0 0 0 0
cpu0 1000 0 500 10000 10 0 0 0 0 0
intr 1000
ctxt 2000
btime 1700000000
processes 500
procs_running 1
procs_blocked 0
STAT
  printf 'pswpin 0\npswpout 0\npgmajfault 0\noom_kill 0\n' >"$tree/proc/vmstat"
  echo '1000.00 900.00' >"$tree/proc/uptime"
  echo '0.10 0.20 0.30 1/100 1234' >"$tree/proc/loadavg"
  for resource in cpu memory io; do
    printf '%s avg10=0.00 avg60=0.00 avg300=0.00 total=0\n' some full >"$tree/proc/pressure/$resource"
  done
  echo testhost >"$tree/proc/sys/kernel/hostname"
  echo 6.1.0-test >"$tree/proc/sys/kernel/osrelease"
}

report() {
  isotach --proc-root "$tree" -i 10ms "$@"
}

@test "prints a report of this machine and ends" {
  isotach
  exit_code 0
  out '^isotach health report'
  out '^Memory'
  out '^Pressure'
  out '^Verdict'
  no_err
}

@test "reports a healthy machine as healthy" {
  report
  exit_code 0
  out 'report of testhost'
  out 'Linux 6.1.0-test, up 16 min 40 s'
  out 'available +6 GiB +75 %'
  out 'nothing wrong found'
}

@test "finds what is wrong, with evidence and what to do" {
  sed -i 's/^MemAvailable:.*/MemAvailable:     100000 kB/' "$tree/proc/meminfo"
  report
  exit_code 0
  out 'warning: memory is nearly exhausted: 1.19 % available'
  out '\[memory-low\]'
  out '97.7 MiB of 8 GiB available'
  out 'next: '
}

@test "--fail-if gives exit code 3 from that severity on" {
  report --fail-if warning
  exit_code 0
  sed -i 's/^MemAvailable:.*/MemAvailable:     100000 kB/' "$tree/proc/meminfo"
  report --fail-if warning
  exit_code 3
  report --fail-if critical
  exit_code 0
  rm -r "$tree/proc/pressure"
  report --fail-if critical
  exit_code 3
  report --fail-if critical --json
  exit_code 3
  report --fail-if nonsense
  usage_error
}

@test "limits of the control group are told" {
  mkdir -p "$tree"/proc/self "$tree"/sys/fs/cgroup/box
  echo 0::/box >"$tree/proc/self/cgroup"
  echo 1073741824 >"$tree/sys/fs/cgroup/box/memory.max"
  echo '50000 100000' >"$tree/sys/fs/cgroup/box/cpu.max"
  report
  exit_code 0
  out 'may use 1 GiB of memory and 0.5 CPUs'
}

@test "--json is one document with numbers and findings" {
  report --json
  exit_code 0
  json .schema isotach.overview.v1
  json .memory.total_bytes 8589934592
  json .swap.used_bytes 0
  json .host testhost
  json '.findings | length' 0
  json .verdict ok
  json '.pressure | map(.name) | join(" ")' 'cpu memory io'
  [[ ${#lines[@]} == 1 ]]
}

@test "--json gives null for what there is not" {
  rm -r "$tree/proc/pressure" "$tree/sys"
  sed -i '/^Swap/d' "$tree/proc/meminfo"
  report --json
  exit_code 0
  json .swap.total_bytes null
  json '.pressure[0].some_ratio' null
  json .ksm.run null
  json '.not_checked | length > 0'
}

@test "--json-stream prints one document a line" {
  report --json-stream -n 3
  exit_code 0
  [[ ${#lines[@]} == 3 ]]
  for line in "${lines[@]}"; do jq -e '.schema == "isotach.overview.v1"' <<<"$line"; done
}

@test "--csv has a head and one row for every number" {
  report --csv
  exit_code 0
  [[ ${lines[0]} == time,area,name,metric,value ]]
  out ',memory,,total_bytes,8589934592$'
  out ',pressure,cpu,some_ratio,0$'
}

@test "the report covers what -n and -t ask for" {
  isotach --proc-root "$tree" -i 20ms -n 5 --json
  exit_code 0
  json '.interval_seconds >= 0.1'
}

@test "two formats at once are refused" {
  report --json --csv
  exit_code 2
}

@test "wrong intervals, counts and folders are refused" {
  for interval in 0 -1 abc 1ms; do
    isotach -i "$interval"
    exit_code 2
  done
  isotach -n 0
  exit_code 2
  isotach --proc-root /nowhere
  [[ $status != 0 ]] || fails_with "a folder that is not there"
  isotach --no-such-option
  usage_error
}

@test "a machine that cannot be read is an error, also in JSON" {
  rm "$tree/proc/meminfo"
  report --json
  exit_code 1
  json .schema isotach.error.v1
  err 'meminfo'
}

@test "hostile names cannot act on the terminal" {
  printf 'Inter-|   Receive\n face |bytes\n\033[31mevil\033[0m: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n' \
    >"$tree/proc/net/dev"
  report
  exit_code 0
  if grep -q $'\033' <<<"$output"; then fails_with "an escape sequence came through"; fi
}

@test "lines fit a narrow terminal" {
  COLUMNS=40 report
  exit_code 0
  while read -r line; do
    ((${#line} <= 40)) || fails_with "too long: $line"
  done <<<"$output"
}

@test "a closed pipe ends quietly" {
  # shellcheck disable=SC2016
  run --separate-stderr bash -c 'set -o pipefail; "$ISOTACH" --json-stream -i 10ms | head -n 2'
  [[ $status == 141 ]] || fails_with "should end by SIGPIPE"
  no_err
}

@test "a stream ends on SIGINT with exit code 0" {
  run --separate-stderr python3 - <<'PYTHON'
import os, signal, subprocess, sys
stream = subprocess.Popen([os.environ["ISOTACH"], "--json-stream", "-i", "10ms"], stdout=subprocess.PIPE)
for _ in range(3):
    stream.stdout.readline()
stream.send_signal(signal.SIGINT)
stream.stdout.read()
sys.exit(stream.wait(10))
PYTHON
  exit_code 0
}

@test "what was recorded can be reported again" {
  isotach --proc-root "$tree" -i 20ms -n 3 --json --record "$BATS_TEST_TMPDIR/run.isotach"
  exit_code 0
  local live=$output
  isotach replay --json "$BATS_TEST_TMPDIR/run.isotach"
  exit_code 0
  json .schema isotach.overview.v1
  for area in .memory .swap .ksm .interval_seconds .host .findings; do
    [[ $(jq -c "$area" <<<"$live") == $(jq -c "$area" <<<"$output") ]] || fails_with "$area differs from the live report"
  done
}

@test "an existing recording is not overwritten" {
  echo precious >"$BATS_TEST_TMPDIR/run.isotach"
  report --record "$BATS_TEST_TMPDIR/run.isotach"
  [[ $status != 0 ]] || fails_with "should be refused"
  [[ $(cat "$BATS_TEST_TMPDIR/run.isotach") == precious ]]
}
