# Streams that are closed or full, terminals of one column, users without rights or a home.

setup() { load ../cli/helpers; }

@test "a reader who leaves ends isotach vm quietly" {
  run --separate-stderr bash -c '"$ISOTACH" vm 0.01 | head -n 2; exit "${PIPESTATUS[0]}"'
  exit_code 141
  no_err
  [[ $(wc -l <<<"$output") == 2 ]]
}

@test "a reader who leaves ends every format quietly" {
  local format
  for format in --json-stream --csv; do
    run --separate-stderr bash -c '"$ISOTACH" vm "$0" 0.01 | head -n 2 >/dev/null; exit "${PIPESTATUS[0]}"' "$format"
    exit_code 141
    no_err
  done
}

@test "nobody reads the help" {
  run --separate-stderr bash -c '"$ISOTACH" --help | true; exit "${PIPESTATUS[0]}"'
  # 0 where all of it fitted into the pipe before the reader left.
  [[ $status == 0 || $status == 141 ]] || fails_with "should end quietly"
  no_err
}

@test "a full disk under standard output is an error" {
  local arguments
  for arguments in "" --help --version "vm 0.01 2" "vm --json 0.01 2" "vm --csv 0.01 2" "vm --explain si"; do
    # shellcheck disable=SC2016
    run --separate-stderr bash -c 'eval "\"$ISOTACH\" $0" >/dev/full' "$arguments"
    exit_code 1
    err 'No space left on device'
    ended_by_itself
  done
}

@test "a full disk ends a watch without a count" {
  run --separate-stderr bash -c 'timeout 20 "$ISOTACH" vm 0.01 >/dev/full'
  exit_code 1
  err 'No space left on device'
}

@test "standard output is closed" {
  run --separate-stderr bash -c '"$ISOTACH" vm 0.01 2 >&-'
  exit_code 1
  err 'Bad file descriptor'
  run --separate-stderr bash -c '"$ISOTACH" --help >&-'
  exit_code 1
}

@test "with standard output closed nothing is written into a file opened later" {
  local file=$BATS_TEST_TMPDIR/closed.isotach
  run --separate-stderr bash -c '"$ISOTACH" vm --record "$0" 0.01 3 >&-' "$file"
  ended_by_itself
  if [[ -s $file ]]; then [[ $(head -c 15 "$file") == "SQLite format 3" ]]; fi
}

@test "standard input and standard error are closed" {
  run bash -c '"$ISOTACH" vm 0.01 2 <&- 2>&-'
  [[ $status == 0 && $(wc -l <<<"$output") -ge 4 ]]
  run bash -c '"$ISOTACH" vm abc <&- 2>&-'
  [[ $status == 2 && -z $output ]]
}

@test "all three streams are closed" {
  run bash -c '"$ISOTACH" <&- >&- 2>&-'
  ended_by_itself
  [[ $status == 1 ]]
}

@test "any width of the terminal that a user can set" {
  local columns
  for columns in 0 1 7 20 -5 abc 99999999999999999999 500; do
    for arguments in --help "vm --help" "" "vm 0.01 2"; do
      # shellcheck disable=SC2086
      COLUMNS=$columns LINES=$columns run --separate-stderr "$ISOTACH" $arguments
      exit_code 0
      no_err
      [[ -n $output ]]
    done
  done
}

@test "help in 20 columns breaks its sentences" {
  COLUMNS=20 run "$ISOTACH" vm --help
  [[ $status == 0 ]]
  # Names of options and usage lines are not broken; running text is.
  [[ $(awk 'length > 20 && !/^usage|^ *isotach|--|^exit codes|^  /' <<<"$output" | wc -l) -le 3 ]]
}

@test "an empty environment" {
  run --separate-stderr env -i "$ISOTACH" vm 0.01 2
  exit_code 0
  no_err
  run --separate-stderr env -i "$ISOTACH"
  exit_code 0
  no_err
}

@test "locales that say little or do not exist" {
  local locale plain
  for locale in C POSIX en_XX.UTF-8 $'\xff'; do
    LC_ALL=$locale LANG=$locale run --separate-stderr "$ISOTACH" vm --help
    exit_code 0
    no_err
    : "${plain:=$output}"
    [[ $output == "$plain" ]]
  done
}

@test "numbers have points in every locale" {
  LC_ALL=de_DE.UTF-8 LC_NUMERIC=de_DE.UTF-8 isotach vm --json 0.01 2
  exit_code 0
  jq -e . <<<"$output" >/dev/null
}

@test "home is missing, or no folder" {
  local home
  for home in "" /nonexistent /dev/null; do
    HOME=$home XDG_CONFIG_HOME=$home XDG_CACHE_HOME=$home isotach vm 0.01 2
    exit_code 0
    no_err
  done
}

@test "the current folder is gone" {
  mkdir "$BATS_TEST_TMPDIR/gone"
  cd "$BATS_TEST_TMPDIR/gone"
  rmdir "$BATS_TEST_TMPDIR/gone"
  isotach vm 0.01 2
  exit_code 0
}

@test "no descriptor is left to open a file with" {
  local limit
  # The dynamic linker needs the fourth.
  for limit in 4 5 6 7; do
    run --separate-stderr bash -c "exec 3>&-; ulimit -n $limit; exec \"\$ISOTACH\" vm 0.01 2"
    ended_by_itself
    ((status == 0)) || err 'Too many open files'
  done
  run --separate-stderr bash -c 'exec 3>&-; ulimit -n 4; exec "$ISOTACH" vm 0.01 2'
  exit_code 1
}

@test "there is hardly any memory" {
  local kib
  for kib in 20000 40000 80000; do
    run --separate-stderr bash -c "ulimit -v $kib; exec \"\$ISOTACH\" vm 0.01 2"
    # The dynamic linker itself reports 127 where not even the libraries fit.
    ((status == 127)) || ended_by_itself
  done
}

@test "a user without rights sees the same machine" {
  needs_root
  # Copied to where that user may read it.
  local place
  place=$(mktemp -d)
  chmod 755 "$place"
  install -m 755 "$ISOTACH" "$place/isotach"
  cd /
  run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$place/isotach"
  exit_code 0
  out '[Mm]emory'
  run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$place/isotach" vm 0.01 2
  exit_code 0
  no_err
  rm -r "$place"
}

@test "a recording cannot be written where the user has no right" {
  needs_root
  local place
  place=$(mktemp -d)
  chmod 755 "$place"
  install -m 755 "$ISOTACH" "$place/isotach"
  run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$place/isotach" vm --record "$place/x.isotach" 0.01 2
  rm -r "$place"
  exit_code 4
  err 'Permission denied'
  ended_by_itself
}
