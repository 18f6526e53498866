#!/usr/bin/env bats
# isotach swap advise from the outside. What it says is compared with a real zram device in
# tests/privileged/swap_advise.bats.
load helpers

setup() {
  sleep 300 3>&- &
  PID=$!
  run --separate-stderr "$ISOTACH" swap advise --pid "$PID"
  ((status != 4)) || skip "this user may not read the memory of its own processes"
}

teardown() {
  kill "$PID" 2>/dev/null || true
}

@test "one process: what its memory would take, and the table" {
  isotach swap advise --pid "$PID"
  exit_code 0
  out '^(Compressed swap is not worth it|[0-9.]+ [KM]iB of memory would take )'
  out '^algorithm +ratio'
  out 'looked at +[0-9.]+ [KM]iB of 1 process;'
}

@test "JSON: the interval holds the estimate" {
  isotach swap advise --pid "$PID,$$" --json
  exit_code 0
  json .schema isotach.swap.advise.v1
  json '.algorithms | length > 0'
  json '[.algorithms[] | .pool_low_bytes <= .pool_bytes and .pool_bytes <= .pool_high_bytes] | all'
  json '.sample_pages > 0'
}

@test "so much cold memory: the gain goes with it" {
  isotach swap advise --pid "$PID" --json --cold 1Gi
  exit_code 0
  json '.cold_bytes' 1073741824
  json '[.algorithms[] | .gained_bytes + .pool_bytes - 1073741824 | fabs < 1] | all'
}

@test "CSV has a row for each algorithm" {
  isotach swap advise --pid "$PID" --csv
  exit_code 0
  [[ $(head -n 1 <<<"$output") == algorithm,data_bytes,pool_bytes,* ]]
  (($(wc -l <<<"$output") > 1))
}

@test "usage errors" {
  isotach swap advise --cold 0
  usage_error
  isotach swap advise --cold x
  usage_error
  isotach swap advise --sample 0
  usage_error
  isotach swap advise --seed x
  usage_error
  isotach swap advise --pid 1 --cgroup /
  usage_error
}

@test "what does not exist is told" {
  isotach swap advise --pid 999999999
  exit_code 1
  err 'no process 999999999'
}
