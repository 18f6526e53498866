# isotach vm --pid P and isotach vm -- COMMAND: rows of processes.

setup() {
  load helpers
  child=
}

teardown() {
  [[ -z $child ]] || kill -KILL "$child" 2>/dev/null || true
}

# A process that stays until the test ends it; its number is $child.
start_process() {
  # Without bats's descriptor 3, which would keep the test waiting.
  "$@" >/dev/null 2>&1 3>&- &
  child=$!
}

# Runs isotach ARGS... in a process group of its own, with signals as a terminal gives them.
in_own_group() {
  exec setsid env --default-signal=INT,TERM "$@"
}

wait_for() {
  local i
  for ((i = 0; i < 600; i++)); do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.05
  done
  return 1
}

@test "one row of a process without a delay" {
  start_process sleep 1000
  isotach vm --pid "$child"
  exit_code 0
  no_err
  [[ $(wc -l <<<"$output") == 2 ]] || fails_with "should be the head and a row"
  out 'pid +cpu% +thr +rss +pss +uss +swap +heap +minflt/s +majflt/s +command'
  out " $child .* sleep$"
}

@test "several processes, delay and count" {
  start_process sleep 1000
  isotach vm --csv --pid "$child,$$" 0.01 3
  exit_code 0
  [[ $(wc -l <<<"$output") == 7 ]] || fails_with "should be the head and 3 rows of each"
  [[ $(cut -d, -f3 <<<"$output" | sort -u | wc -l) == 3 ]]
}

@test "the numbers agree with /proc" {
  start_process sleep 1000
  wait_for grep -q sleep "/proc/$child/comm"
  isotach vm --json --pid "$child"
  exit_code 0
  local status_file=/proc/$child/status rss pss
  rss=$(awk '/^VmRSS:/ {print $2 * 1024}' "$status_file")
  json '.samples[0].processes[0].rss_bytes' "$rss"
  json '.samples[0].processes[0].rss_peak_bytes' "$(awk '/^VmHWM:/ {print $2 * 1024}' "$status_file")"
  json '.samples[0].processes[0].swap_bytes' "$(awk '/^VmSwap:/ {print $2 * 1024}' "$status_file")"
  json '.samples[0].processes[0].data_bytes' "$(awk '/^VmData:/ {print $2 * 1024}' "$status_file")"
  json '.samples[0].processes[0].minor_faults' "$(awk '{print $10}' "/proc/$child/stat")"
  needs_root
  pss=$(awk '/^Pss:/ {print $2 * 1024}' "/proc/$child/smaps_rollup")
  # Other processes share its pages and come and go.
  json ".samples[0].processes[0].pss_bytes / $pss | . > 0.5 and . < 2"
}

@test "what may not be read is missing, with its reason" {
  needs_root
  start_process sleep 1000
  wait_for grep -q sleep "/proc/$child/comm"
  run --separate-stderr setpriv --reuid 65534 --clear-groups --bounding-set=-all \
    "$ISOTACH" vm --json --pid "$child"
  exit_code 0
  json '.samples[0].processes[0].pss_bytes' null
  json '.samples[0].processes[0].missing.pss_bytes' 'not permitted'
  json '.samples[0].processes[0].rss_bytes > 0'
  err 'pss, uss and heap are not permitted'
}

@test "a process that does not exist" {
  isotach vm --pid 2147483647
  exit_code 1
  no_out
  err 'there is no process 2147483647'
}

@test "no process number" {
  local word
  for word in abc 0 -1 1.5 '' 99999999999 1,,2; do
    isotach vm "--pid=$word"
    usage_error
  done
}

@test "options that do not go together" {
  isotach vm --pid 1 -- true
  usage_error
  isotach vm --pid 1 --stats
  usage_error
  isotach vm --children rows
  usage_error
  isotach vm --pid 1 --pss-interval 0.1
  usage_error
  isotach vm --pid 1 --children some
  usage_error
  isotach vm --pid 1 0
  usage_error
  isotach vm --
  usage_error
}

@test "a process that ends" {
  start_process sleep 1000
  # Killed once the first row is there.
  run --separate-stderr bash -c '"$ISOTACH" vm --pid "$0" 0.02 |
    { read -r head; read -r row; echo "$row"; kill -KILL "$0"; cat; }; exit "${PIPESTATUS[0]}"' "$child"
  exit_code 0
  out ' sleep$'
  err "sleep \($child\) ended$"
  err 'peak rss'
}

@test "a command is followed to its end, and its exit code told" {
  isotach vm 0.02 -- bash -c 'read -rt 0.2 <> <(:); exit 3'
  exit_code 0
  err 'ended with exit code 3 after'
  [[ $(wc -l <<<"$output") -ge 4 ]] || fails_with "should be some rows"
}

@test "a count ends the rows and not the command" {
  isotach vm --csv 0.02 2 -- bash -c 'read -rt 0.2 <> <(:); exit 5'
  exit_code 0
  [[ $(wc -l <<<"$output") == 3 ]] || fails_with "should be the head and two rows"
  err 'ended with exit code 5'
}

@test "a command that is killed" {
  isotach vm --json 0.02 -- bash -c 'kill -SEGV $$'
  exit_code 0
  json .started.signal 11
  json '.started.exit_code' null
}

@test "a command that does not exist is refused before anything else" {
  isotach vm --record "$BATS_TEST_TMPDIR/x.isotach" --output "$BATS_TEST_TMPDIR/rows" \
    -- isotach-no-such-program
  exit_code 1
  no_out
  err "there is no program 'isotach-no-such-program' in PATH"
  [[ ! -e $BATS_TEST_TMPDIR/x.isotach && ! -e $BATS_TEST_TMPDIR/rows ]]
  isotach vm -- ./isotach-no-such-program
  exit_code 1
  err "there is no file './isotach-no-such-program'"
  isotach vm -- /etc/passwd
  exit_code 1
  err "cannot start '/etc/passwd': Permission denied"
}

@test "a program that the kernel refuses to run leaves no recording" {
  printf '#!/isotach-no-such-interpreter\n' >"$BATS_TEST_TMPDIR/script"
  chmod +x "$BATS_TEST_TMPDIR/script"
  isotach vm --record "$BATS_TEST_TMPDIR/x.isotach" -- "$BATS_TEST_TMPDIR/script"
  exit_code 1
  ended_by_itself
  [[ ! -e $BATS_TEST_TMPDIR/x.isotach ]]
}

@test "memory that a command takes is seen, also between two samples" {
  # tail keeps what it read: 64 MB.
  isotach vm --json 10 -- bash -c 'head -c 64000000 /dev/zero | tail -c 64000000 >/dev/null'
  exit_code 0
  json '.summary[0].rss_peak_bytes > 60000000'
  json '.summary[0].minor_faults > 1000'
}

@test "children are summed into the row of the command" {
  isotach vm --json 0.02 -- bash -c 'sleep 0.3 & sleep 0.3 & wait'
  exit_code 0
  json '[.samples[].processes | length] | max' 1
  json '[.samples[].processes[0].threads] | max' 3
}

@test "or have rows of their own" {
  isotach vm --json --children rows 0.02 -- bash -c 'sleep 0.3 & sleep 0.3 & wait'
  exit_code 0
  json '[.samples[].processes | length] | max' 3
  json '[.summary[].command] | sort | join(" ")' 'bash sleep sleep'
}

@test "or are left out" {
  isotach vm --json --children none 0.02 -- bash -c 'sleep 0.2; true'
  json '[.samples[].processes[].threads] | max' 1
}

@test "the output of the command" {
  isotach vm -- echo hello
  exit_code 0
  out '^hello$'
  # JSON stays alone on standard output.
  isotach vm --json -- echo hello
  json '.started.exit_code' 0
  err '^hello$'
  isotach vm --csv --output "$BATS_TEST_TMPDIR/rows.csv" -- echo hello
  exit_code 0
  [[ $output == hello ]]
  grep -q '^time,since_start_seconds,pid,command,cpu_ratio' "$BATS_TEST_TMPDIR/rows.csv"
  isotach vm --output /nonexistent/rows -- echo hello
  exit_code 1
  no_out
}

@test "the command reads our standard input" {
  run --separate-stderr bash -c 'echo from-the-pipe | "$ISOTACH" vm --output /dev/null -- cat'
  [[ $output == from-the-pipe ]]
}

@test "full disk under the rows" {
  isotach vm --output /dev/full 0.02 -- sleep 0.1
  exit_code 1
  err 'No space left on device'
}

@test "Ctrl-C ends the command too, prints the summary and leaves no process" {
  in_own_group "$ISOTACH" vm 0.02 -- sleep 1000 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
  child=$!
  wait_for grep -q ' sleep$' "$BATS_TEST_TMPDIR/out"
  local started
  started=$(awk '/ sleep$/ {print $2; exit}' "$BATS_TEST_TMPDIR/out")
  # A terminal sends it to the whole group.
  kill -INT -- "-$child"
  status=0
  wait "$child" || status=$?
  child=
  [[ $status == 130 ]]
  grep -q 'sleep .* ended with signal 2 (Interrupt)' "$BATS_TEST_TMPDIR/err"
  grep -q 'peak rss' "$BATS_TEST_TMPDIR/err"
  [[ ! -e /proc/$started ]]
}

@test "a SIGTERM for us alone ends the command" {
  in_own_group "$ISOTACH" vm --json 0.02 -- sleep 1000 >"$BATS_TEST_TMPDIR/out" 2>/dev/null 3>&- &
  child=$!
  wait_for grep -q '"command":"sleep"' "$BATS_TEST_TMPDIR/out"
  local started
  started=$(grep -o '"pid":[0-9]*' "$BATS_TEST_TMPDIR/out" | head -n 1 | cut -d: -f2)
  kill -TERM "$child"
  status=0
  wait "$child" || status=$?
  child=
  [[ $status == 130 ]]
  output=$(<"$BATS_TEST_TMPDIR/out")
  json .interrupted
  json .started.signal 15
  [[ ! -e /proc/$started ]]
}

@test "when we are killed the command does not stay behind" {
  in_own_group "$ISOTACH" vm 0.02 -- sleep 1000 >"$BATS_TEST_TMPDIR/out" 2>/dev/null 3>&- &
  child=$!
  wait_for grep -q ' sleep$' "$BATS_TEST_TMPDIR/out"
  local started
  started=$(awk '/ sleep$/ {print $2; exit}' "$BATS_TEST_TMPDIR/out")
  kill -KILL "$child"
  wait "$child" || true
  child=
  wait_for test ! -e "/proc/$started"
}

@test "a reader who leaves ends it quietly, and the command" {
  run --separate-stderr bash -c '"$ISOTACH" vm 0.02 -- sleep 1000 | head -n 2; exit "${PIPESTATUS[0]}"'
  [[ $status == 141 || $status == 0 ]] || fails_with "should end quietly"
  local started
  started=$(awk '/ sleep$/ {print $2; exit}' <<<"$output")
  [[ ! -e /proc/$started ]]
}

@test "the schema, and one object a line" {
  isotach vm --json-stream 0.02 -- sleep 0.1
  exit_code 0
  [[ $(jq -r .schema <<<"$output" | sort -u) == isotach.vm.process.v1 ]]
  [[ $(jq -s 'map(select(.processes)) | length' <<<"$output") -ge 2 ]]
  [[ $(jq -s '.[-1].summary[0].command' <<<"$output") == '"sleep"' ]]
}

@test "a recording shows the same rows again" {
  isotach vm --csv --output "$BATS_TEST_TMPDIR/live.csv" --record "$BATS_TEST_TMPDIR/run.isotach" \
    0.02 -- sleep 0.2
  exit_code 0
  isotach replay --csv --speed max "$BATS_TEST_TMPDIR/run.isotach"
  exit_code 0
  diff <(printf '%s\n' "$output") "$BATS_TEST_TMPDIR/live.csv"
}

@test "a recording that exists is not overwritten, and the command not started" {
  echo precious >"$BATS_TEST_TMPDIR/run.isotach"
  isotach vm --record "$BATS_TEST_TMPDIR/run.isotach" -- touch "$BATS_TEST_TMPDIR/started"
  [[ $status != 0 ]]
  [[ $(<"$BATS_TEST_TMPDIR/run.isotach") == precious && ! -e $BATS_TEST_TMPDIR/started ]]
}

@test "columns are explained" {
  isotach vm --explain pss
  exit_code 0
  out 'smaps_rollup'
  isotach vm --pid 1 --explain all
  out '^majflt/s'
}

@test "a saved tree of a process with a hostile name" {
  local tree=${BATS_TEST_DIRNAME}/../fixtures/hostile/process
  isotach vm --proc-root "$tree" --pid 42
  exit_code 0
  out ' 42 .*  \) R \?\[31m\(\?$'
  isotach vm --proc-root "$tree" --pid 42 --json
  json '.samples[0].processes[0].rss_bytes' 1024000
  json '.samples[0].processes[0].missing.swap_bytes' malformed
  json '.samples[0].processes[0].pss_bytes' null
}

@test "a narrow terminal leaves columns out" {
  start_process sleep 1000
  local columns
  for columns in 20 40 80; do
    run --separate-stderr script -qec "stty cols $columns rows 24; '$ISOTACH' vm --pid $child" /dev/null
    exit_code 0
    out ' rss'
    [[ $(tr -d '\r' <<<"$output" | wc -L) -le $columns ]] || fails_with "should fit into $columns columns"
  done
}
