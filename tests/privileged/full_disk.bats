#!/usr/bin/env bats
# Recordings on disks that are full or read-only: small tmpfs mounts in a mount namespace of the test's
# own, which is gone with the test.

# shellcheck disable=SC2016,SC2154 # expanded inside the namespace; run sets $stderr

setup() {
  load ../cli/helpers
  needs_root
  cd "$BATS_TEST_TMPDIR" || return 1
  mkdir -p disk
}

# in_namespace SCRIPT: runs it where mounts are private, with helpers loaded.
in_namespace() {
  unshare --mount --propagation private true 2>/dev/null || skip "mount namespaces are not permitted here"
  run --separate-stderr unshare --mount --propagation private bash -euo pipefail -c "$1"
}

# lacks PATTERN: no line of standard output may match.
lacks() {
  if grep -qE -e "$1" <<<"$output"; then fails_with "standard output should not match: $1"; fi
}

@test "a full disk ends the recording with 1, and what was committed is readable" {
  in_namespace '
    mount -t tmpfs -o size=256k tmpfs disk
    status=0
    timeout --kill-after=5 60 "$ISOTACH" record -i 10ms disk/run.isotach </dev/null 2>said.txt || status=$?
    cat said.txt >&2
    echo "status $status"
    "$ISOTACH" replay --info --json disk/run.isotach >info.json
    "$ISOTACH" replay --json-stream --view samples disk/run.isotach >samples.txt
    echo "samples $(wc -l <samples.txt)"
  '
  exit_code 0
  out '^status 1$'
  err 'cannot write .*disk/run\.isotach: No space left on device'
  err 'make room on that disk'
  local safe read
  safe=$(sed -nE 's/.* ([0-9]+) samples are safe in .*/\1/p' <<<"$stderr")
  read=$(sed -nE 's/^samples ([0-9]+)$/\1/p' <<<"$output")
  ((read > 0))
  [[ $read == "$safe" ]]
  [[ $(jq .finished info.json) == false ]]
}

@test "a disk that is full from the start is told, and nothing is left on it" {
  in_namespace '
    mount -t tmpfs -o size=64k tmpfs disk
    head -c 60k /dev/zero >disk/ballast
    status=0
    "$ISOTACH" record -n 1 disk/run.isotach </dev/null || status=$?
    echo "status $status"
    ls disk
  '
  exit_code 0
  out '^status 1$'
  err 'No space left on device'
  lacks run.isotach
}

@test "a full disk under vm --record ends with 1 and keeps what was shown" {
  in_namespace '
    mount -t tmpfs -o size=128k tmpfs disk
    status=0
    timeout --kill-after=5 60 "$ISOTACH" vm --record disk/run.isotach 0.01 >rows.txt || status=$?
    echo "status $status"
    "$ISOTACH" replay --info --json disk/run.isotach | jq -r "\"samples \(.samples)\""
  '
  exit_code 0
  out '^status 1$'
  out '^samples [1-9]'
  err 'No space left on device'
}

@test "a read-only disk: a finished recording is read, recording is refused" {
  "$ISOTACH" record -i 10ms -n 5 disk/run.isotach </dev/null 2>/dev/null
  in_namespace '
    mount --bind disk disk && mount -o remount,bind,ro disk
    "$ISOTACH" replay --json-stream disk/run.isotach | wc -l
    status=0
    "$ISOTACH" record -n 1 disk/new.isotach </dev/null || status=$?
    echo "status $status"
  '
  exit_code 0
  out '^5$'
  out '^status 1$'
  err 'cannot create disk/new\.isotach: Read-only file system'
}

@test "a read-only disk: what a killed recorder left is read, its -wal file included" {
  "$ISOTACH" record -i 10ms disk/run.isotach </dev/null 2>/dev/null 3>&- &
  local pid=$! deadline=$((SECONDS + 30))
  until (($("$ISOTACH" replay --info --json disk/run.isotach 2>/dev/null | jq .samples) > 20)); do
    ((SECONDS < deadline)) || { kill -9 $pid; return 1; }
    sleep 0.05
  done
  kill -9 $pid
  wait $pid || true
  [[ -s disk/run.isotach-wal ]]
  rm -f disk/run.isotach-shm
  in_namespace '
    mount --bind disk disk && mount -o remount,bind,ro disk
    "$ISOTACH" replay --json-stream --view samples disk/run.isotach | wc -l
    ls disk
  '
  exit_code 0
  no_err
  (($(head -n 1 <<<"$output") > 20))
  lacks shm
}
