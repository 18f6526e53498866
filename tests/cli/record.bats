#!/usr/bin/env bats
# isotach record on the command line: what it writes, how it ends, what it refuses.

# shellcheck disable=SC2030,SC2031 # bats runs each test in a process of its own

setup() {
  load helpers
  # bats keeps files of its own in the folder above.
  mkdir "$BATS_TEST_TMPDIR/work"
  cd "$BATS_TEST_TMPDIR/work" || return 1
}

# info FILTER: what replay --info --json says about run.isotach.
info() { "$ISOTACH" replay --info --json run.isotach | jq -r "$1"; }

# Waits until run.isotach has at least $1 samples.
has_samples() {
  local deadline=$((SECONDS + 30)) samples
  until samples=$(info .samples 2>/dev/null) && ((samples >= $1)); do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

# lacks PATTERN: no line of standard output may match.
lacks() {
  if grep -qE -e "$1" <<<"$output"; then fails_with "standard output should not match: $1"; fi
}

@test "records as many samples as asked and says what it did" {
  isotach record -i 20ms -n 10 run.isotach </dev/null
  exit_code 0
  no_out
  err '^isotach record: 10 samples of [0-9]+ series in .* in run\.isotach'
  err '0 dropped, [0-9]+ late, [0-9]+ deadlines missed'
  [[ $(info .samples) == 10 ]]
  [[ $(info .finished) == true ]]
  [[ $(info .command) == record ]]
  [[ $(info '.arguments | join(" ")') == "-i 20ms -n 10 run.isotach" ]]
  [[ $(info .host) == "$(uname -n)" ]]
  [[ $(info .kernel) == "$(uname -r)" ]]
  # One file, nothing beside it.
  [[ $(ls) == run.isotach ]]
}

@test "the file is a SQLite database in WAL mode that says what it is" {
  command -v sqlite3 >/dev/null || skip "needs sqlite3"
  isotach record -i 10ms -n 3 run.isotach </dev/null
  local asked='PRAGMA application_id; PRAGMA user_version; PRAGMA journal_mode; PRAGMA integrity_check'
  [[ $(sqlite3 run.isotach "$asked" | tr '\n' ' ') == "1232301908 1 wal ok " ]]
}

@test "ends by itself after --for" {
  isotach record -i 50ms --for 200ms run.isotach </dev/null
  exit_code 0
  # Deadlines at 0, 50, ... 200 ms; a busy machine may miss some.
  [[ $(info .samples) -le 5 ]]
  [[ $(info .samples) -ge 2 ]]
}

@test "Ctrl-C ends an open-ended recording with 0, a planned one with 130" {
  local options expected
  for options in "" "-n 100000" "-t 1h"; do
    expected=130
    [[ -n $options ]] || expected=0
    rm -f run.isotach
    # shellcheck disable=SC2086 # words
    "$ISOTACH" record -i 20ms $options run.isotach </dev/null 2>err.txt 3>&- &
    has_samples 1
    kill -INT $!
    status=0
    wait $! || status=$?
    [[ $status == "$expected" ]] || { echo "'$options': $status" >&2; return 1; }
    grep -q 'samples of' err.txt
    [[ $(info .finished) == true ]]
  done
}

@test "never overwrites" {
  echo precious >run.isotach
  isotach record -n 1 run.isotach </dev/null
  exit_code 1
  err 'run\.isotach exists already'
  err "rm 'run\.isotach'"
  [[ $(<run.isotach) == precious ]]
}

@test "says what is wrong with the place for the file" {
  isotach record -n 1 no/such/run.isotach </dev/null
  exit_code 1
  err 'cannot create no/such/run\.isotach: No such file or directory'
  err "mkdir -p 'no/such'"
  mkdir folder
  isotach record -n 1 folder </dev/null
  exit_code 1
  err 'folder exists already'
  isotach record -n 1 "" </dev/null
  exit_code 2
  [[ $(ls) == folder ]]
}

@test "a folder without the right to write is exit code 4" {
  mkdir folder
  chmod 555 folder
  if ((EUID == 0)); then
    command -v setpriv >/dev/null || skip "needs setpriv to give up root"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" .
    run --separate-stderr setpriv --reuid 65534 --clear-groups \
      "$ISOTACH" record -n 1 folder/run.isotach </dev/null
  else
    isotach record -n 1 folder/run.isotach </dev/null
  fi
  exit_code 4
  err 'cannot create folder/run\.isotach: Permission denied'
}

@test "usage errors" {
  local arguments
  for arguments in "" "a b" "-i 0 x" "-i abc x" "-n 0 x" "-n -1 x" "-t abc x" "--only nothing x" \
    "--onyl cpu x"; do
    # shellcheck disable=SC2086 # words
    isotach record $arguments </dev/null
    usage_error
  done
  [[ -z $(ls) ]]
}

@test "records only the parts asked for" {
  isotach record -n 1 --only memory,load run.isotach </dev/null
  exit_code 0
  isotach replay --list --csv run.isotach
  out '^memory_free_bytes,'
  out '^load_'
  lacks '^cpu_'
  lacks '^network_'
}

@test "lines on standard input and --mark become marks" {
  printf 'one\n\ntwo \033[31mred\nlast without end' | "$ISOTACH" record -i 50ms -n 5 --mark begin run.isotach
  [[ $(info '.events | map(.kind) | unique | join(",")') == mark ]]
  [[ $(info '.events | map(.text) | join("|")') == "begin|one|mark|two ?[31mred|last without end" ]]
}

@test "a long or binary standard input is bounded" {
  head -c 300000 /dev/zero | tr '\0' x | "$ISOTACH" record -i 20ms -n 10 run.isotach
  [[ $(info '.events | length') == 1 ]]
  [[ $(info '.events[0].text | length') == 1000 ]]
  rm run.isotach
  head -c 100000 /dev/urandom | "$ISOTACH" record -i 20ms -n 10 run.isotach
  [[ $(info .samples) == 10 ]]
}

@test "works without a standard input" {
  "$ISOTACH" record -i 10ms -n 3 run.isotach <&-
  [[ $(info .samples) == 3 ]]
}

@test "a recording can be read while it grows" {
  "$ISOTACH" record -i 10ms run.isotach </dev/null 2>/dev/null 3>&- &
  local pid=$! before after
  has_samples 1
  before=$(info .samples)
  [[ $(info .finished) == false ]]
  "$ISOTACH" replay --csv --view samples run.isotach >rows.csv
  (($(wc -l <rows.csv) > before))
  has_samples $((before + 50))
  after=$(info .samples)
  kill -INT $pid
  wait $pid
  (($(info .samples) >= after))
  [[ $(info .dropped_samples) == 0 ]]
}

# The promise is one second. What stands between the last sample and the death of the process is
# measured by the wall clock here, so that the start of two programs on a busy machine counts too:
# three seconds are the limit of this test; the unit test measures the second itself.
@test "kill -9 loses no more than the last moment, and the file opens cleanly" {
  local round last_ns killed_ns
  for round in 1 2 3 4; do
    rm -f run.isotach*
    "$ISOTACH" record -i 10ms run.isotach </dev/null 2>/dev/null 3>&- &
    local pid=$!
    has_samples $((round * 37))
    kill -9 $pid
    killed_ns=$(date +%s%N)
    wait $pid || true
    isotach replay --info --json run.isotach
    exit_code 0
    no_err
    json .finished false
    isotach replay --json-stream --view samples run.isotach
    exit_code 0
    no_err
    last_ns=$(tail -n 1 <<<"$output" | jq .time_ns)
    ((killed_ns - last_ns < 3000000000)) || { echo "lost $((killed_ns - last_ns)) ns" >&2; return 1; }
  done
}

@test "records a saved tree" {
  mkdir -p tree/proc/sys/kernel
  cp /proc/meminfo /proc/stat /proc/vmstat /proc/uptime /proc/loadavg tree/proc
  echo saved-host >tree/proc/sys/kernel/hostname
  isotach record -n 2 -i 10ms --proc-root tree run.isotach </dev/null
  exit_code 0
  [[ $(info .host) == saved-host ]]
  isotach record -n 2 --proc-root nowhere other.isotach </dev/null
  [[ $status != 0 ]]
  [[ ! -e other.isotach ]]
}
