#!/usr/bin/env bats
# What `swap advise` says, against a zram device of the test's own that takes the same memory.

setup() {
  load ../cli/helpers
  needs_root
  [[ -e /sys/class/zram-control/hot_add ]] || skip "this kernel has no zram, or it is not loaded"
  WORKLOADS=$BATS_TEST_DIRNAME/../support/zram_workloads.py
  export ZRAM_NOTE=$BATS_TEST_TMPDIR/device
}

# The device goes away even when the test was killed in the middle.
teardown() {
  [[ -s ${ZRAM_NOTE-} ]] || return 0
  local number
  number=$(cat "$ZRAM_NOTE")
  [[ -e /sys/block/zram$number ]] || return 0
  swapoff "/dev/zram$number" 2>/dev/null || true
  echo 1 >"/sys/block/zram$number/reset"
  echo "$number" >/sys/class/zram-control/hot_remove
}

# comes_true ALGORITHM WORKLOAD: within 5 %.
comes_true() {
  "$WORKLOADS" --offers "$1" || skip "this kernel's zram does not offer $1"
  run --separate-stderr timeout --kill-after=10 100 "$WORKLOADS" "$1" "$2"
  exit_code 0
  echo "$output"
  json '.error_percent <= 5'
  json '.swapped_part > 0.8'
  json '(.predicted_data_bytes - .data_bytes | fabs) <= 0.06 * .data_bytes'
}

@test "a mixture, lz4" { comes_true lz4 mixed; }
@test "text, lz4" { comes_true lz4 text; }
@test "pages that are mostly zeros, lz4" { comes_true lz4 sparse; }
@test "pointers, lzo-rle" { comes_true lzo-rle pointers; }
@test "a mixture, lzo-rle" { comes_true lzo-rle mixed; }
@test "a mixture, zstd" { comes_true zstd mixed; }
