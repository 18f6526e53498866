#!/usr/bin/env bats
# isotach vm from the outside: options, errors, formats, signals, pipes, terminals, saved trees.

# The program is named inside quoted scripts on purpose.
# shellcheck disable=SC2016
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
  # One sequence of snapshots, saved from this machine.
  "$ISOTACH" vm --save-tree "$BATS_FILE_TMPDIR/saved" 0.05 4 2> /dev/null
  export SAVED=$BATS_FILE_TMPDIR/saved
}

# in_terminal COLUMNS ARGS...: what vm prints on a terminal so wide (20 rows), notes left out.
in_terminal() {
  python3 - "$ISOTACH" "$@" << 'PYTHON'
import fcntl, os, pty, struct, sys, termios
program, columns, *words = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 20, int(columns), 0, 0))
    os.execv(program, [program, "vm", *words])
text = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    text += piece
sys.stdout.write(text.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
}

# interrupted_after LINES SIGNALS ARGS...: signals vm once it has printed so many lines. Standard output
# and standard error, then the exit code.
interrupted_after() {
  python3 - "$ISOTACH" "$@" << 'PYTHON'
import signal, subprocess, sys
program, lines, *words = sys.argv[1:]
# A shell's background jobs ignore SIGINT; a child of Python does not.
child = subprocess.Popen([program, "vm", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         start_new_session=True)
text = "".join(child.stdout.readline() for _ in range(int(lines)))
child.send_signal(signal.SIGINT)
rest, errors = child.communicate(timeout=20)
sys.stdout.write(text + rest)
sys.stderr.write(errors)
sys.exit(child.returncode)
PYTHON
}

@test "one row without a delay, and as many as COUNT" {
  isotach vm
  exit_code 0
  [ "${#lines[@]}" -eq 3 ]
  [[ ${lines[0]} == procs* ]]
  isotach vm 0.01 4
  exit_code 0
  [ "${#lines[@]}" -eq 6 ]
  isotach vm -y 0.01 4
  [ "${#lines[@]}" -eq 6 ]
}

@test "a wrong delay or count is a usage error" {
  local words
  for words in 0 -1 abc 0.001 '1 0' '1 -1' '1 x' '1 2 3' '' nan inf 1e99; do
    # shellcheck disable=SC2086
    if [[ -z $words ]]; then isotach vm ''; else isotach vm $words; fi
    usage_error
    ended_by_itself
  done
}

@test "modes that exclude each other, and options without their mode" {
  local words
  for words in '-s -d' '-d -D' '-m -p sda' '--free -s' '-h' '--si' '--free --si' '-S x' '-S Mx' \
    '--explain nothing' '--save-tree /tmp/x' '--save-tree /tmp/x 1' '-m --record /tmp/x'; do
    # shellcheck disable=SC2086
    isotach vm $words
    usage_error
  done
}

@test "two formats at once are a usage error, as an object too" {
  isotach vm --json --csv
  exit_code 2
  json .exit_code 2
}

@test "-f prints the forks whatever else is asked for" {
  isotach vm -d -f
  exit_code 0
  out '^ +[0-9]+ forks$'
}

@test "every mode prints" {
  local words
  for words in -a -w -t -s -d '-d -w -t' -D -f --free '--free -h' '--free -w' --pressure '-S B' \
    '-S k' '-S K' '-S m' '-S M' '-s -S M'; do
    # shellcheck disable=SC2086
    isotach vm $words
    exit_code 0
    no_err
    [ -n "$output" ]
  done
}

@test "-m says that it needs root, or prints" {
  if ((EUID == 0)); then
    isotach vm -m
    exit_code 0
    out '^Cache +Num +Total +Size +Pages$'
  else
    isotach vm -m
    exit_code 4
    err 'sudo'
  fi
}

@test "-p takes a name with /dev/ before it, and says that a name is unknown" {
  local name
  name=$(awk 'NR == 1 {print $3}' /proc/diskstats)
  [ -n "$name" ] || skip "this machine has no disks"
  isotach vm -p "/dev/$name"
  exit_code 0
  [[ ${lines[0]} == "$name "* ]]
  isotach vm -p no-such-disk
  exit_code 1
  err "no disk or partition 'no-such-disk'"
}

@test "--explain explains every column of every mode" {
  local column
  for column in r b swpd free buff cache inact active si so bi bo in cs us sy id wa st gu memf cur sec \
    available 'requested writes' 'swap cache' cpu_idle_ratio; do
    isotach vm --explain "$column"
    exit_code 0
    out 'From '
  done
  isotach vm --explain all
  exit_code 0
  out 'isotach vm --slabs:'
  isotach vm --explain cach
  exit_code 2
  err 'did you mean cache'
  isotach vm --explain all --json
  json '.columns | length > 90'
}

@test "--json is one document" {
  isotach vm --json 0.01 3
  exit_code 0
  json .schema isotach.vm.v1
  json '.samples | length' 3
  json '.samples[0].since_boot and (.samples[1].since_boot | not)'
  json '.samples[1].elapsed_ns > 5000000'
  json '[.samples[] | .memory_free_bytes > 0 and .wall_ns > 0 and .monotonic_ns > 0] | all'
  json '.samples[0] | has("pressure_io_full_ratio")' false
  json .interrupted false
}

@test "--json-stream is one object a line, --csv one row a line under a head" {
  isotach vm --json-stream 0.01 3
  exit_code 0
  [ "$(jq -c 'select(.schema == "isotach.vm.v1" and .mode == "row")' <<< "$output" | wc -l)" -eq 3 ]
  isotach vm --csv --pressure 0.01 3
  exit_code 0
  [ "$(wc -l <<< "$output")" -eq 4 ]
  [ "$(awk -F, '{print NF}' <<< "$output" | sort -u | wc -l)" -eq 1 ]
  out '^time,.*,memory_free_bytes,.*,pressure_io_full_ratio$'
}

@test "every mode has JSON and CSV" {
  local words
  for words in -s -d -D -f --free; do
    # shellcheck disable=SC2086
    isotach vm $words --json
    exit_code 0
    json '.samples | length' 1
    # shellcheck disable=SC2086
    isotach vm $words --csv
    exit_code 0
    [ "$(awk -F, '{print NF}' <<< "$output" | sort -u | wc -l)" -eq 1 ]
  done
}

@test "what is missing is null with the reason, - in the table and empty in CSV" {
  cp -r "$SAVED/0" "$BATS_TEST_TMPDIR/tree"
  sed -i '/^pgpgin/d' "$BATS_TEST_TMPDIR/tree/proc/vmstat"
  rm -f "$BATS_TEST_TMPDIR/tree/proc/pressure/io"
  isotach vm --json --pressure --proc-root "$BATS_TEST_TMPDIR/tree"
  exit_code 0
  json '.samples[0].paged_in_bytes_per_second' null
  json '.samples[0].missing.paged_in_bytes_per_second' 'not supported by this kernel'
  json '.samples[0].missing.pressure_io_some_ratio' 'not supported by this kernel'
  isotach vm --proc-root "$BATS_TEST_TMPDIR/tree"
  [[ $(awk 'NR == 3 {print $9}' <<< "$output") == - ]]
}

@test "an error is an error object too, with the same exit code" {
  isotach vm --json --proc-root /no/such/folder
  exit_code 1
  json '.exit_code' 1
  isotach vm --json 0
  exit_code 2
}

@test "a saved tree is read as if it were live, file by file" {
  cp -r "$SAVED/0" "$BATS_TEST_TMPDIR/tree"
  isotach vm --proc-root "$BATS_TEST_TMPDIR/tree" --json 0.01 3
  exit_code 0
  json '.samples | length' 3
  json '.samples[1].context_switches_per_second' 0
  json '.samples[1].missing.cpu_idle_ratio' 'no time passed between the readings'
}

@test "a saved sequence gives one sample a tree, without waiting, and ends" {
  isotach vm --proc-root "$SAVED" --json 10
  exit_code 0
  json '.samples | length' 4
  json '[.samples[1:][] | .elapsed_ns % 10000000 == 0] | all'
  isotach vm --proc-root "$SAVED" -d 1
  exit_code 0
}

@test "an unusable saved tree is a clear error" {
  isotach vm --proc-root /no/such/folder 1
  exit_code 1
  err 'No such file'
  isotach vm --proc-root /etc/passwd 1
  exit_code 1
  err 'Not a directory'
  isotach vm --proc-root "$BATS_TEST_TMPDIR" 1
  exit_code 2
  local file
  for file in meminfo stat vmstat; do
    cp -r "$SAVED/0" "$BATS_TEST_TMPDIR/without_$file"
    rm "$BATS_TEST_TMPDIR/without_$file/proc/$file"
    isotach vm --proc-root "$BATS_TEST_TMPDIR/without_$file" 1
    exit_code 1
    err "proc/$file"
    err 'save-tree'
    ended_by_itself
  done
}

@test "a saved tree that may not be read is not permitted" {
  needs_root
  cp -r "$SAVED/0" "$BATS_TEST_TMPDIR/tree"
  chmod 0700 "$BATS_TEST_TMPDIR/tree/proc"
  # Everything on the way must be open to others, and so must the program.
  local folder=$BATS_TEST_TMPDIR
  while [[ $folder != / ]]; do
    chmod o+x "$folder"
    folder=$(dirname "$folder")
  done
  install -m 0755 "$ISOTACH" "$BATS_TEST_TMPDIR/isotach"
  run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups \
    "$BATS_TEST_TMPDIR/isotach" vm --proc-root "$BATS_TEST_TMPDIR/tree" 1
  exit_code 4
  err 'Permission denied'
}

@test "hostile files do not crash" {
  cp -r "$SAVED/0" "$BATS_TEST_TMPDIR/tree"
  local proc=$BATS_TEST_TMPDIR/tree/proc file words
  for file in meminfo stat vmstat uptime diskstats slabinfo; do
    head -c 70000 /dev/urandom > "$proc/$file"
  done
  for words in '' -s -d -D -m -f --free '--json 0.01 3' '-p sda'; do
    # shellcheck disable=SC2086
    isotach vm --proc-root "$BATS_TEST_TMPDIR/tree" $words
    ended_by_itself
  done
  for file in meminfo stat vmstat uptime diskstats slabinfo; do : > "$proc/$file"; done
  isotach vm --proc-root "$BATS_TEST_TMPDIR/tree" --json
  exit_code 0
  json '.samples[0].memory_free_bytes' null
}

@test "Ctrl-C ends with a summary and exit code 0" {
  run --separate-stderr interrupted_after 5 0.02
  exit_code 0
  err '^[0-9]+ samples in .*, [0-9]+ missed deadlines?$'
  err '^ +min +mean +max$'
  err '^  free '
}

@test "a JSON document that Ctrl-C ends is whole" {
  run --separate-stderr interrupted_after 4 --json 0.02
  exit_code 0
  json '.samples | length >= 3'
  json .interrupted true
}

@test "a closed pipe ends quietly and at once" {
  local words
  for words in 0.01 '--json-stream 0.01' '-d 0.01'; do
    # shellcheck disable=SC2086
    run --separate-stderr timeout 20 bash -c '"$ISOTACH" vm "$@" | head -2' - $words
    exit_code 0
    no_err
    [ "$(wc -l <<< "$output")" -eq 2 ]
  done
  # Also while it waits for a sample that is an hour away.
  run --separate-stderr timeout 20 bash -c '"$ISOTACH" vm 3600 | head -3'
  exit_code 0
  no_err
}

@test "no line is wider than a narrow terminal" {
  local columns words
  for columns in 5 20 40 79 80 83; do
    for words in '0.02 3' '-w 0.02 2' '-t 0.02 2' '-s' '-d' '-D' '-f' '--free' '--free -h' '--pressure'; do
      # shellcheck disable=SC2086
      run in_terminal "$columns" $words
      [ "$status" -eq 0 ]
      [ "$(wc -L <<< "$output")" -le "$columns" ] || fails_with "too wide for $columns columns: $words"
    done
  done
}

@test "a terminal of 20 columns shows free memory and the CPUs" {
  run in_terminal 20 0.02 2
  [[ ${lines[1]} =~ free\ us\ sy\ id\ wa ]] || fails_with "head"
  [ "${#lines[@]}" -eq 4 ]
}

@test "a recording shows the same again" {
  local words
  for words in '0.02 5' '-w -a -y 0.02 4' '--pressure -t 0.02 3' '-s' '-d 0.02 2' '-D' '--free 0.02 2'; do
    rm -f "$BATS_TEST_TMPDIR/run.isotach"
    # shellcheck disable=SC2086
    isotach vm --record "$BATS_TEST_TMPDIR/run.isotach" $words
    exit_code 0
    local live=$output
    isotach replay --speed max "$BATS_TEST_TMPDIR/run.isotach"
    exit_code 0
    [[ $output == "$live" ]] || fails_with "the replay of '$words' differs from: $live"
  done
}

@test "a recording shows the same JSON and CSV again" {
  local format
  for format in --json --json-stream --csv; do
    rm -f "$BATS_TEST_TMPDIR/run.isotach"
    isotach vm --record "$BATS_TEST_TMPDIR/run.isotach" "$format" 0.02 4
    exit_code 0
    local live=$output
    isotach replay --speed max "$format" "$BATS_TEST_TMPDIR/run.isotach"
    exit_code 0
    [[ $output == "$live" ]] || fails_with "the replay as $format differs from: $live"
  done
}

@test "a recording does not overwrite a file" {
  echo precious > "$BATS_TEST_TMPDIR/file"
  isotach vm --record "$BATS_TEST_TMPDIR/file"
  exit_code 1
  [ "$(cat "$BATS_TEST_TMPDIR/file")" = precious ]
}

@test "saving trees refuses a folder that has them" {
  isotach vm --save-tree "$SAVED" 0.01 1
  exit_code 1
  err 'File exists'
}
