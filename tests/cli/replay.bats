#!/usr/bin/env bats
# isotach replay: every recording again, in every format, from any time; and files that are none.

# shellcheck disable=SC2030,SC2031 # bats runs each test in a process of its own

setup_file() {
  load helpers
  export RUN="$BATS_FILE_TMPDIR/run.isotach" VM="$BATS_FILE_TMPDIR/vm.isotach"
  "$ISOTACH" record -i 10ms -n 60 --mark begin "$RUN" </dev/null 2>/dev/null
}

setup() {
  load helpers
  # bats keeps files of its own in the folder above.
  mkdir "$BATS_TEST_TMPDIR/work"
  cd "$BATS_TEST_TMPDIR/work" || return 1
}

needs_sqlite() { command -v sqlite3 >/dev/null || skip "needs sqlite3"; }

@test "--info tells what the recording is" {
  isotach replay --info "$RUN"
  exit_code 0
  out '^recorded by +isotach record -i 10ms -n 60'
  out "^host +$(uname -n), Linux $(uname -r)"
  out '^samples +60'
  out '^interval +10 ms'
  out '^dropped +0 samples, 0 events'
  out '^state +finished'
  out 'mark: begin'
  isotach replay --info --json "$RUN"
  json .schema isotach.recording.v1
  json .samples 60
  json '.events[0].text' begin
}

@test "--list tells the series" {
  isotach replay --list "$RUN"
  exit_code 0
  out '^memory_free_bytes +gauge +bytes'
  isotach replay --list --json "$RUN"
  json .schema isotach.series.v1
  json '[.series[] | select(.key == "memory_free_bytes")][0].unit' bytes
  isotach replay --list --json-stream "$RUN"
  [[ $(jq -s 'map(.schema) | unique | join(",")' -r <<<"$output") == isotach.series.v1 ]]
}

@test "every format shows every sample" {
  isotach replay --json-stream "$RUN"
  exit_code 0
  [[ $(wc -l <<<"$output") == 60 ]]
  [[ $(jq -s 'all(.schema == "isotach.samples.v1")' <<<"$output") == true ]]
  isotach replay --json "$RUN"
  json .schema isotach.samples.v1
  json '.samples | length' 60
  json '.series | length > 50'
  json '.events[0].text' begin
  json '.samples[0].values.memory_total_bytes.raw' "$(awk '/^MemTotal/ {print $2}' /proc/meminfo)"
  isotach replay --csv "$RUN"
  [[ $(wc -l <<<"$output") == 61 ]]
  out '^time,elapsed_seconds,memory_total_bytes,'
  isotach replay "$RUN"
  out '^memory_total_bytes +[0-9.]+ [KMGT]iB'
}

@test "rates are shown as rates, and raw on request" {
  isotach replay --json "$RUN"
  json '.samples[0].values.context_switches.shown' null
  json '.samples[5].values.context_switches.shown >= 0'
  json '.samples[5].values.context_switches.raw > 1000'
  local column
  column=$("$ISOTACH" replay --csv "$RUN" | head -n 1 | tr ',' '\n' |
    grep -n '^context_switches$' | cut -d: -f1)
  [[ -z $("$ISOTACH" replay --csv "$RUN" | sed -n 2p | cut -d, -f"$column") ]]
  [[ $("$ISOTACH" replay --csv --raw "$RUN" | sed -n 2p | cut -d, -f"$column") -gt 1000 ]]
}

@test "--from and --to choose exactly" {
  local all third
  all=$("$ISOTACH" replay --json-stream "$RUN" | jq -r .monotonic_ns)
  third=$(sed -n 31p <<<"$all")
  local first
  first=$(head -n 1 <<<"$all")
  isotach replay --json-stream --from "$((third - first))ns" "$RUN"
  [[ $(head -n 1 <<<"$output" | jq .monotonic_ns) == "$third" ]]
  [[ $(wc -l <<<"$output") == 30 ]]
  isotach replay --json-stream --from "$((third - first + 1))ns" "$RUN"
  [[ $(wc -l <<<"$output") == 29 ]]
  isotach replay --json-stream --to "$((third - first))ns" "$RUN"
  [[ $(wc -l <<<"$output") == 31 ]]
  isotach replay --json-stream --from -0s "$RUN"
  [[ $(wc -l <<<"$output") == 1 ]]
  isotach replay --json-stream --from "$((third - first))ns" --to "$((third - first))ns" "$RUN"
  [[ $(wc -l <<<"$output") == 1 ]]
}

@test "--from takes the wall clock" {
  local times
  times=$("$ISOTACH" replay --json-stream "$RUN" | jq -r .time)
  local wanted
  wanted=$(sed -n 31p <<<"$times")
  isotach replay --json-stream --from "$wanted" "$RUN"
  exit_code 0
  # The written time is cut to milliseconds, so the sample itself is the first that is not before it.
  [[ $(head -n 1 <<<"$output" | jq -r .time) == "$wanted" ]]
  isotach replay --json-stream --to "$(head -n 1 <<<"$times" | sed 's/T.*//') 00:00" "$RUN"
  exit_code 0
  no_out
}

@test "usage errors" {
  local arguments
  for arguments in "--from nonsense" "--from 1h" "--from 1s --to 0s" "--to 25:00" "--from 2026-13-01" \
    "--from 2026-02-31" "--speed 0" "--speed -1" "--speed fast" "--view nothing" "--json --csv" \
    "--info --list" "--info --csv"; do
    # shellcheck disable=SC2086 # words
    isotach replay $arguments "$RUN"
    [[ $status == 2 ]] || fails_with "'$arguments' should be a usage error"
  done
  isotach replay
  usage_error
}

@test "--speed keeps the pace of the recording" {
  local start
  start=$(date +%s%N)
  isotach replay --csv --speed 0.5 --to 200ms "$RUN"
  exit_code 0
  # 200 ms at half speed; a machine can only be slower.
  (($(date +%s%N) - start >= 350000000))
  isotach replay --csv --speed max "$RUN"
  exit_code 0
}

@test "Ctrl-C ends a slow replay" {
  "$ISOTACH" replay --json-stream --speed 0.0001 "$RUN" >out.txt 2>err.txt 3>&- &
  local pid=$! deadline=$((SECONDS + 20))
  until [[ -s out.txt ]]; do
    ((SECONDS < deadline)) || { kill $pid; return 1; }
    sleep 0.05
  done
  kill -INT $pid
  wait $pid
  jq -e .schema out.txt >/dev/null
}

@test "a closed pipe ends it quietly" {
  local speed
  for speed in max 0.01; do
    "$ISOTACH" replay --json-stream --speed $speed "$RUN" 2>err.txt | head -n 1 >/dev/null
    status=${PIPESTATUS[0]}
    [[ $status == 141 || $status == 0 ]] || fails_with "speed $speed"
    [[ ! -s err.txt ]]
  done
}

@test "vm looks the same live and replayed, in every format" {
  local format
  for format in "" --json --json-stream --csv; do
    rm -f vm.isotach
    # shellcheck disable=SC2086 # no word for the table
    "$ISOTACH" vm $format --record vm.isotach 0.05 6 >live.txt 2>/dev/null
    # shellcheck disable=SC2086
    "$ISOTACH" replay $format vm.isotach >again.txt
    cmp live.txt again.txt || return 1
    [[ -s again.txt ]]
  done
}

@test "vm's arguments are replayed, its format is not" {
  "$ISOTACH" vm -w -t --json --record vm.isotach 0.05 3 >/dev/null 2>&1
  isotach replay vm.isotach
  exit_code 0
  out '^ *r +b +swpd'
  isotach replay --view samples --csv vm.isotach
  [[ $(wc -l <<<"$output") == 4 ]]
}

@test "files that are no recordings" {
  isotach replay none.isotach
  exit_code 1
  err 'cannot open none\.isotach: No such file or directory'
  isotach replay /
  exit_code 1
  err '/ is a folder, not a recording'
  isotach replay /dev/null
  exit_code 1
  err 'no ordinary file'
  : >empty
  isotach replay empty
  exit_code 1
  err 'empty is empty'
  echo "some text" >text
  isotach replay text
  exit_code 1
  err 'text is not an isotach recording'
  head -c 100000 /dev/urandom >noise
  isotach replay noise
  exit_code 1
  ended_by_itself
  isotach replay --json text
  exit_code 1
  json .schema isotach.error.v1
}

@test "another program's database, and a newer format" {
  needs_sqlite
  sqlite3 other 'CREATE TABLE t(a)'
  isotach replay other
  exit_code 1
  err 'a SQLite database of another program'
  cp "$RUN" newer
  sqlite3 newer 'PRAGMA user_version = 9'
  isotach replay newer
  exit_code 1
  err 'recording format 9; this isotach reads up to format 1'
}

@test "truncated files are told, wherever they end" {
  local size whole
  whole=$(stat -c %s "$RUN")
  for size in 1 16 99 100 4096 5000 $((whole / 2)) $((whole - 1)); do
    head -c "$size" "$RUN" >short
    isotach replay --csv short
    exit_code 1
    ended_by_itself
    err 'truncated|is not an isotach recording'
  done
}

@test "a damaged block costs its samples, is told, and fails" {
  needs_sqlite
  "$ISOTACH" record -i 10ms -n 300 --only load long.isotach </dev/null 2>/dev/null
  sqlite3 long.isotach 'UPDATE block SET data = zeroblob(length(data)) WHERE number = 1'
  isotach replay --json-stream long.isotach
  exit_code 1
  err 'warning: block 1 of long\.isotach is damaged: its checksum is wrong'
  [[ $(wc -l <<<"$output") == 44 ]]
}

@test "overwritten bytes never crash it" {
  local size offset round
  size=$(stat -c %s "$RUN")
  for round in {1..40}; do
    cp "$RUN" hurt
    offset=$((round * 7919 % size))
    head -c 64 /dev/urandom | dd of=hurt bs=1 seek=$offset conv=notrunc status=none
    isotach replay --csv hurt
    ended_by_itself
    [[ $status == 0 || $status == 1 ]] || fails_with "round $round"
  done
}

@test "odd file names" {
  local name
  for name in 'a b?c%20#d.isotach' ':memory:' 'file:x' $'new\nline' '-dash'; do
    "$ISOTACH" record -i 10ms -n 2 -- "$name" </dev/null 2>/dev/null
    [[ -f $name ]]
    isotach replay --info --json -- "$name"
    exit_code 0
    json .samples 2
  done
}
