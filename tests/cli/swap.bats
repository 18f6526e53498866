#!/usr/bin/env bats
# isotach swap: what is shown, and what is refused before anything is changed. What changes the machine is
# tested in tests/privileged/swap.bats.

setup() {
  load helpers
  tree=$BATS_TEST_TMPDIR/tree
  mkdir -p "$tree/proc"
  printf 'MemTotal: 4000000 kB\nMemFree: 1000000 kB\nMemAvailable: 2000000 kB\nSwapCached: %s kB\n' 1024 \
    >"$tree/proc/meminfo"
  printf 'Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n' >"$tree/proc/swaps"
}

# area PATH SIZE USED PRIORITY: one more, in KiB.
area() {
  printf '%s                  file\t\t%s\t\t%s\t\t%s\n' "$@" >>"$tree/proc/swaps"
}

@test "no swap: what to type next" {
  isotach swap --proc-root "$tree"
  exit_code 0
  out '^No swap'
  out 'isotach swap create /swapfile'
  isotach swap --proc-root "$tree" --json
  json '.schema' isotach.swap.v1
  json '.areas == [] and .used_bytes == 0'
  isotach swap --proc-root "$tree" --csv
  [[ $output == path,type,size_bytes,used_bytes,swapped_least_bytes,swapped_most_bytes,priority ]]
}

@test "areas in the order in which they are filled, and what is truly out" {
  area '/my\040swap' 1048572 4096 10
  area /fast 524284 2048 20
  isotach swap --proc-root "$tree"
  exit_code 0
  [[ ${lines[1]} == /fast* && ${lines[2]} == "/my swap"* ]]
  out '^all .* 6 MiB +5 MiB'
  out '^1 MiB of what is used .* is in memory as well'
  isotach swap --proc-root "$tree" --json
  json '.swapped_bytes' 5242880
  json '.areas[1].swapped_least_bytes == 3145728 and .areas[1].swapped_most_bytes == 4194304'
  json '.areas[0].priority' 20
}

@test "a narrow terminal gets the columns that matter" {
  command -v script >/dev/null || skip "needs script(1) for a terminal"
  area /a/rather/long/path/to/a/swap/file 1048572 4096 10
  local widest
  widest=$(COLUMNS=40 TERM=xterm script -qec "$ISOTACH swap --proc-root $tree" /dev/null | tr -d '\r' | head -2 | wc -L)
  ((widest > 20 && widest <= 40)) || fails_with "the table is $widest columns wide"
}

@test "without a file of swaps there are none" {
  rm "$tree/proc/swaps"
  isotach swap --proc-root "$tree" --json
  exit_code 0
  json '.areas == []'
}

@test "who uses swap: nobody" {
  area /a 1048572 4096 10
  isotach swap top --proc-root "$tree"
  exit_code 0
  out '^No process has anything swapped out'
  out '^the rest +4 MiB +swap cache \(at most 1 MiB\)'
  isotach swap top --proc-root "$tree" --json
  json '.schema' isotach.swap.top.v1
  json '.unaccounted_bytes == 3145728 and .rest_bytes == 4194304 and .processes == []'
  isotach swap top --proc-root "$tree" --csv
  [[ $output == time,pid,command,group,swap_bytes,swap_share_bytes ]]
}

@test "who uses swap, again and again" {
  area /a 1048572 4096 10
  isotach swap top --proc-root "$tree" --json-stream -i 10ms -n 3
  exit_code 0
  [[ $(jq -c .used_bytes <<<"$output" | wc -l) == 3 ]]
  isotach swap top --json -i 1
  exit_code 2
  err '\-\-json-stream'
  isotach swap top --rows many
  usage_error
  isotach swap top --sort size
  usage_error
}

@test "what is no size, priority, label or path is refused" {
  local words
  for words in '' "$BATS_TEST_TMPDIR/x" "$BATS_TEST_TMPDIR/x 1Gi more" "$BATS_TEST_TMPDIR/x big" \
    "$BATS_TEST_TMPDIR/x 4Ki" "$BATS_TEST_TMPDIR/x 1Mi --on -p 32768" "$BATS_TEST_TMPDIR/x 1Mi --on -p -1" \
    "$BATS_TEST_TMPDIR/x 1Mi -p 5" "$BATS_TEST_TMPDIR/x 1Mi --label sixteen-letters-" \
    "$BATS_TEST_TMPDIR/x 1Mi --persist --for 1s" "$BATS_TEST_TMPDIR/x 1Mi --keep --for 1s"; do
    # shellcheck disable=SC2086  # words
    isotach swap create $words
    usage_error
  done
  isotach swap create "$BATS_TEST_TMPDIR/no/such/folder/x" 1Mi --dry-run
  exit_code 1
  err 'mkdir -p'
  [[ ! -e $BATS_TEST_TMPDIR/x ]]
}

@test "where a swap file cannot be, it says why and what else" {
  [[ $(stat -f -c %T /dev/shm) == tmpfs ]] || skip "/dev/shm is no tmpfs"
  isotach swap create /dev/shm/swap 1Mi --dry-run
  exit_code 1
  err 'is on tmpfs, which cannot hold a swap file: it lives in memory'
  err 'give a path on a disk'
}

@test "what is there already is not overwritten" {
  printf 'a letter' >"$BATS_TEST_TMPDIR/letter"
  ln -s letter "$BATS_TEST_TMPDIR/link"
  local name
  for name in letter link tree; do
    isotach swap create "$BATS_TEST_TMPDIR/$name" 1Mi --dry-run
    exit_code 1
    err 'is not overwritten'
  done
  isotach swap remove "$BATS_TEST_TMPDIR/letter" --dry-run
  exit_code 1
  err 'is not removed'
}

@test "a dry run tells all that would be done, and does nothing" {
  case $(stat -f -c %T "$BATS_TEST_TMPDIR") in
    tmpfs | overlayfs | nfs) skip "no swap file can be made here" ;;
  esac
  export ISOTACH_FSTAB=$BATS_TEST_TMPDIR/fstab
  printf '# mine\n' >"$ISOTACH_FSTAB"
  isotach swap create "$BATS_TEST_TMPDIR/my swap" 1Mi --on -p 10 --persist --dry-run
  exit_code 0
  out '^would make the swap file .*/my swap: 1 MiB'
  out '^would switch on swapping to .*, priority 10$'
  out "^would add the line '.*/my.040swap none swap sw,pri=10,nofail 0 0' in "
  [[ $(<"$ISOTACH_FSTAB") == "# mine" && ! -e "$BATS_TEST_TMPDIR/my swap" ]]
  isotach swap create "$BATS_TEST_TMPDIR/my swap" 1Mi --on --dry-run --json
  json '.schema == "isotach.plan.v1" and (.changes | length) == 2 and (.put_back | length) == 2'
}

@test "areas that are not in use are named" {
  isotach swap off "$BATS_TEST_TMPDIR/none" --keep
  exit_code 1
  err 'is no swap area in use'
  isotach swap drain "$BATS_TEST_TMPDIR/none"
  exit_code 1
  err 'isotach swap lists the areas in use'
  isotach swap on "$BATS_TEST_TMPDIR/none" --keep
  exit_code 1
  err 'isotach swap create'
  printf 'a letter' >"$BATS_TEST_TMPDIR/letter"
  isotach swap on "$BATS_TEST_TMPDIR/letter" --keep
  exit_code 1
  err 'is a file that is no swap area'
  isotach swap drain --max-pressure 0
  usage_error
  isotach swap drain --reserve much
  usage_error
}

@test "the demonstration refuses what it cannot show" {
  local words
  for words in '--size 1Mi' '--size x' '--limit 512Mi' '--limit 1Mi' '--fill long' '--method magic'; do
    # shellcheck disable=SC2086  # words
    isotach swap demo $words
    usage_error
  done
  isotach swap demo --size 16Pi --dry-run
  exit_code 1
  err 'of memory are available'
  isotach swap demo --svg /no/such/folder/demo.svg
  exit_code 1
  isotach swap demo --dry-run --method advice --size 16Mi
  exit_code 0
}

@test "without the right to change anything" {
  if ((EUID == 0)); then
    command -v setpriv >/dev/null || skip "needs setpriv to give root away"
    as_user() { run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$ISOTACH" "$@"; }
  else
    as_user() { isotach "$@"; }
  fi
  chmod 755 "$BATS_TEST_TMPDIR"
  as_user swap
  exit_code 0
  as_user swap top
  exit_code 0
  as_user swap create /var/tmp/isotach-test.swap 1Mi --on
  exit_code 4
  err 'root'
  [[ ! -e /var/tmp/isotach-test.swap ]]
}
