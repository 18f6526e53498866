#!/usr/bin/env bats
# isotach ksm predict from the outside: options, errors, formats. What it says is compared with the kernel in
# tests/privileged/ksm_predict.bats.
load helpers

setup() {
  # A process of our own to look at.
  sleep 300 3>&- &
  PID=$!
  run --separate-stderr "$ISOTACH" ksm predict --pid "$PID"
  ((status != 4)) || skip "this user may not read the memory of its own processes"
}

teardown() {
  kill "$PID" 2>/dev/null || true
}

@test "one process: a verdict, what was looked at, what the kernel would say" {
  isotach ksm predict --pid "$PID"
  exit_code 0
  out '^KSM would (save|cost you) '
  out 'looked at +[0-9.]+ [KM]iB of 1 process,'
  out 'pages_shared [0-9]+, pages_sharing [0-9]+'
  out 'time to merge'
}

@test "JSON adds up" {
  isotach ksm predict --pid "$PID,$$" --json
  exit_code 0
  json .schema isotach.ksm.predict.v1
  json '.complete'
  json '.scanned.processes' 2
  json '.prediction | .pages_shared + .pages_sharing + .pages_unshared + .ksm_zero_pages' \
    "$(jq .scanned.read_pages <<<"$output")"
  json '.prediction | .freed_bytes - .record_bytes == .net_bytes'
  json '([.processes[].freed_bytes] | add) - .prediction.freed_bytes | fabs < 1'
  json '.what_if | length > 3'
  json '.recommended.settled_seconds > 0'
}

@test "what if fewer places could share a page: less is freed" {
  isotach ksm predict --pid "$PID,$$" --json --max-page-sharing 2
  exit_code 0
  json '.max_page_sharing' 2
  json '[.what_if[] | select(.use_zero_pages == false) | .freed_bytes] | . == sort'
  json '.prediction | .pages_shared == .pages_sharing'
}

@test "what if ksmd were slower: merging takes longer" {
  isotach ksm predict --pid "$PID" --json --pages-to-scan 10 --sleep-millisecs 1000
  exit_code 0
  json '.time_to_merge.pages_to_scan' 10
  json '.time_to_merge.settled_seconds > 1'
}

@test "a sample gives an interval" {
  isotach ksm predict --pid "$PID,$$" --json --sample 1/2
  exit_code 0
  json '.prediction' null
  json '.estimate.freed_bytes | 0 <= .low and .low <= .high'
  json '.scanned.read_pages < .scanned.pages'
  isotach ksm predict --pid "$PID,$$" --json --sample 50% --seed 7
  exit_code 0
}

@test "the same seed chooses the same sample" {
  isotach ksm predict --pid "$PID" --json --sample 1/3 --seed 5
  local first
  first=$(jq -c .estimate <<<"$output")
  isotach ksm predict --pid "$PID" --json --sample 1/3 --seed 5
  [[ $(jq -c .estimate <<<"$output") == "$first" ]]
}

@test "looking twice leaves out what changes" {
  isotach ksm predict --pid "$PID" --json --settle 10ms
  exit_code 0
  json '.scanned.volatile_pages >= 0'
}

@test "only marked memory: a process without has none" {
  isotach ksm predict --pid "$PID" --mergeable
  exit_code 0
  out 'no memory that KSM could merge'
}

@test "several threads find what one finds" {
  isotach ksm predict --pid "$PID" --json
  local one
  one=$(jq -c .prediction <<<"$output")
  isotach ksm predict --pid "$PID" --json --threads 4
  exit_code 0
  [[ $(jq -c .prediction <<<"$output") == "$one" ]]
}

@test "CSV has a row for each process" {
  isotach ksm predict --pid "$PID,$$" --csv
  exit_code 0
  [[ $(head -n 1 <<<"$output") == pid,command,cgroup,bytes,* ]]
  out "^$PID,sleep,"
  isotach ksm predict --pid "$PID" --csv --sample 1/2
  usage_error
}

@test "narrow terminals lose columns, not lines" {
  COLUMNS=40 isotach ksm predict --pid "$PID,$$"
  exit_code 0
  (($(awk '{if (length($0) > n) n = length($0)} END {print n}' <<<"$output") <= 100))
  out '^process'
}

@test "what does not exist is told" {
  isotach ksm predict --pid 999999999
  exit_code 1
  err 'no process 999999999'
  isotach ksm predict --cgroup /there/is/none
  ((status == 1 || status == 5)) || fails_with "should end with 1"
  err 'control group'
}

@test "usage errors" {
  isotach ksm predict --pid none
  usage_error
  isotach ksm predict --pid 1 --cgroup /
  usage_error
  isotach ksm predict --all --mergeable
  usage_error
  local part
  for part in 0 2 -1 x 1/0 1/ / 101%; do
    isotach ksm predict --sample "$part"
    usage_error
  done
  isotach ksm predict --max-page-sharing 1
  usage_error
  isotach ksm predict --pages-to-scan 0
  usage_error
  isotach ksm predict --memory-limit 1Mi --settle 1s
  usage_error
  isotach ksm predict --threads 100000
  usage_error
}

@test "a process that ends meanwhile does no harm" {
  local i
  for i in 1 2 3 4 5; do
    bash -c 'exit 0' 3>&- &
  done
  isotach ksm predict --json
  ended_by_itself
  exit_code 0
  json '.scanned.processes > 0'
}
