# Arguments that are wrong, huge or not text at all.

setup() { load ../cli/helpers; }

# What is no time to wait.
not_a_delay=("" " " abc -1 0 -0 0.000001 nan inf -inf 1e999 0x10 1,5 "1 2" 1s2 99999999999999999999999999 --
  $'\xff' $'1\n' ٣)

@test "an unknown command names the nearest one" {
  isotach vmm
  usage_error
  err "unknown command 'vmm'"
  err 'isotach vm\?'
}

@test "an unknown command without a near one is refused too" {
  isotach qqqqqqqqqqqq
  usage_error
  err "unknown command 'qqqqqqqqqqqq'"
}

@test "every command refuses an unknown option and says which" {
  local command
  [[ $(listed_commands | wc -l) -ge 5 ]]
  for command in "" $(listed_commands); do
    # shellcheck disable=SC2086  # the empty command is no word
    isotach $command --no-such-option
    usage_error
    err '--no-such-option'
  done
}

@test "every command refuses an unknown letter" {
  local command
  for command in "" $(listed_commands); do
    # shellcheck disable=SC2086
    isotach $command -@
    usage_error
  done
}

@test "a mistyped option names the nearest one" {
  isotach vm --jsn 1 1
  usage_error
  err '--json'
}

@test "isotach vm refuses what is no delay" {
  local text
  for text in "${not_a_delay[@]}"; do
    [[ $text != -- ]] || continue
    isotach vm "$text" 1
    usage_error
    ended_by_itself
  done
}

@test "isotach vm refuses what is no count" {
  local text
  for text in "" abc 0 -1 1.5 99999999999999999999999999 $'\xff'; do
    isotach vm 1 "$text"
    usage_error
  done
}

@test "isotach vm refuses more words than it knows" {
  # shellcheck disable=SC2046  # thousands of words are the point
  isotach vm $(seq 1 20000)
  usage_error
}

@test "an argument of 100 kB gives a short message" {
  local long command
  long=$(printf 'x%.0s' {1..100000})
  for command in "$long" "--$long" "vm $long" "vm --$long" "replay $long" "plot $long" "agent --listen $long"; do
    # shellcheck disable=SC2086
    run --separate-stderr timeout 20 "$ISOTACH" $command
    ended_by_itself
    [[ $status != 0 && $status != 124 ]] || fails_with "should fail"
    [[ ${#stderr} -lt 4000 ]] || fails_with "the message should be short"
  done
}

@test "a message shows no control characters of an argument" {
  isotach vm $'\e[31mred\a\xff\xfe'
  usage_error
  ! grep -qP '[\x00-\x08\x0b-\x1f]' <<<"$stderr"
}

@test "two formats at once are refused" {
  isotach vm --json --csv 1 1
  exit_code 2
  err 'only one of'
  isotach --csv --json-stream
  exit_code 2
}

@test "with --json a usage error is an object too" {
  isotach vm --json abc
  exit_code 2
  json '.schema' isotach.error.v1
}

@test "an unreadable --proc-root says what is wrong with it" {
  isotach vm --proc-root "$BATS_TEST_TMPDIR/none" 1 1
  exit_code 1
  err 'No such file or directory'
  no_out
  isotach vm --proc-root /dev/null 1 1
  exit_code 1
  err 'Not a directory'
  mkdir "$BATS_TEST_TMPDIR/empty"
  isotach vm --proc-root "$BATS_TEST_TMPDIR/empty" 1 1
  exit_code 2
  err 'holds no saved proc'
}

@test "a --proc-root of binary files is reported, not believed" {
  local root=$BATS_TEST_TMPDIR/root file
  mkdir -p "$root/proc"
  for file in meminfo stat vmstat uptime diskstats swaps loadavg; do
    head -c 65536 /dev/urandom >"$root/proc/$file"
  done
  for file in "" --json --csv; do
    # shellcheck disable=SC2086
    isotach vm $file --proc-root "$root" 0.01 2
    ended_by_itself
  done
}

@test "what is no recording is refused with a reason" {
  local file=$BATS_TEST_TMPDIR/file
  for file in /dev/null / "$BATS_TEST_TMPDIR/none" /etc/passwd "$ISOTACH"; do
    isotach replay "$file"
    exit_code 1
    ended_by_itself
    no_out
    err "$file"
  done
}

@test "random bytes are no vmstat output" {
  head -c 200000 /dev/urandom >"$BATS_TEST_TMPDIR/noise"
  run --separate-stderr timeout 20 "$ISOTACH" plot memory --from vmstat --svg "$BATS_TEST_TMPDIR/out.svg" \
    <"$BATS_TEST_TMPDIR/noise"
  ended_by_itself
  [[ $status != 0 && $status != 124 ]] || fails_with "should fail"
}
