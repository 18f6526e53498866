#!/usr/bin/env bats
# isotach swap for real: files that are swapped to, control groups that are full, commands that are killed.
# After each test the machine is as it was before.

# Each test is a shell of its own, which is where its arrays are meant to change.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # expanded inside the namespace; run sets $stderr

setup() {
  load ../cli/helpers
  needs_root
  export ISOTACH_STATE=$BATS_TEST_TMPDIR/state
  mkdir -m 700 "$ISOTACH_STATE"
  pids=()
  groups=()
  swaps_before=$(awk 'NR > 1 {print $1, $3, $5}' /proc/swaps)
  fstab_before=$(md5sum </etc/fstab)
  groups_before=$(list_groups)
  find_folder
}

teardown() {
  ((EUID == 0)) || return 0
  local pid path group
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait_for not alive "$pid" || true; done
  # What a test that failed has left.
  "$ISOTACH" restore >/dev/null 2>&1 || true
  while read -r path _; do
    [[ $path == "$folder"/* ]] && swapoff "$path"
  done < <(tail -n +2 /proc/swaps)
  for group in "${groups[@]}"; do wait_for rmdir_if_there "$group" || true; done
  [[ -z ${made_folder-} ]] || rm -rf "$made_folder"
  [[ $(awk 'NR > 1 {print $1, $3, $5}' /proc/swaps) == "$swaps_before" ]] || fails_with "other swap areas than before"
  [[ $(md5sum </etc/fstab) == "$fstab_before" ]] || fails_with "another fstab than before"
  [[ $(list_groups) == "$groups_before" ]] || fails_with "other control groups than before: $(list_groups)"
  [[ -z $(find /var/tmp -maxdepth 1 -name 'isotach-*') ]] || fails_with "files were left in /var/tmp"
}

rmdir_if_there() {
  [[ ! -d $1 ]] || rmdir "$1"
}

not() {
  ! "$@"
}

alive() {
  kill -0 "$1"
}

wait_for() {
  local i
  for ((i = 0; i < 600; i++)); do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.05
  done
  return 1
}

# A folder whose file system can hold swap files.
find_folder() {
  local candidate
  for candidate in "$BATS_TEST_TMPDIR" /var/tmp; do
    case $(stat -f -c %T "$candidate") in
      ext2/ext3 | xfs | btrfs)
        folder=$(mktemp -d "$candidate/swap.XXXXXX")
        made_folder=$folder
        return
        ;;
    esac
  done
  skip "no file system here can hold a swap file"
}

# Where memory control groups are; version 1 or 2.
hierarchy() {
  if [[ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]]; then
    printf '/sys/fs/cgroup/memory'
  elif grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
    printf '/sys/fs/cgroup'
  fi
}

list_groups() {
  local root
  root=$(hierarchy)
  [[ -z $root ]] || find "$root" -maxdepth 1 -type d -name 'isotach-*'
}

# make_group NAME BYTES: leaves its folder in $group.
make_group() {
  local root
  root=$(hierarchy)
  [[ -n $root ]] || skip "no memory control groups here"
  group=$root/isotach-test-$1-$$
  mkdir "$group"
  groups+=("$group")
  limit_file=$group/memory.limit_in_bytes
  [[ -e $limit_file ]] || limit_file=$group/memory.max
  printf '%s' "$2" >"$limit_file"
}

# start_program BYTES: one that takes so much in $group, filled when this returns; its number is $program.
start_program() {
  "$ISOTACH" internal-fill-memory --bytes "$1" --group "$group" --rest-ns 3600000000000 \
    >"$BATS_TEST_TMPDIR/program.txt" 3>&- &
  program=$!
  pids+=("$program")
  wait_for grep -q filled "$BATS_TEST_TMPDIR/program.txt" || fails_with "the program did not fill its memory"
}

# column PATH N: of /proc/swaps: 3 is the size, 4 what is used, in KiB, 5 the priority.
column() {
  awk -v path="$1" -v n="$2" '$1 == path {print $n}' /proc/swaps
}

is_on() {
  [[ -n $(column "$1" 5) ]]
}

swap_of() {
  awk '/^VmSwap:/ {print $2}' "/proc/$1/status"
}

Mi=$((1 << 20))

@test "a swap file is what util-linux takes for one" {
  isotach swap create "$folder/swap" 64Mi --label "my swap" --keep
  exit_code 0
  [[ $(stat -c '%a %U %s' "$folder/swap") == "600 root $((64 * Mi))" ]]
  [[ $(blkid -p -o value -s TYPE "$folder/swap") == swap ]]
  [[ $(blkid -p -o value -s LABEL "$folder/swap") == "my swap" ]]
  [[ $output == *"$(blkid -p -o value -s UUID "$folder/swap")"* ]]
  if command -v file >/dev/null; then file -b "$folder/swap" | grep -q 'swap file.*size 16383 pages'; fi
  swapon "$folder/swap"
  [[ $(column "$folder/swap" 3) == $((64 * 1024 - 4)) ]]
  swapoff "$folder/swap"
  # One that is not in use is made anew; nothing of the old one is left.
  isotach swap create "$folder/swap" 32Mi --keep
  exit_code 0
  [[ $(ls "$folder") == swap && $(stat -c %s "$folder/swap") == $((32 * Mi)) ]]
  isotach swap remove "$folder/swap" --keep
  exit_code 0
  [[ -z $(ls "$folder") ]]
}

@test "without --keep it lasts as long as a command, and its name may have blanks" {
  isotach swap create "$folder/my swap" 64Mi --on --priority 7 -- awk '{print "seen", $1, $5}' /proc/swaps
  exit_code 0
  out '^seen .*/my\\040swap 7$'
  err 'put back as it was'
  [[ -z $(ls "$folder") ]]
}

@test "what is somebody else's is not touched" {
  printf 'a letter' >"$folder/letter"
  ln -s letter "$folder/link"
  mkdir "$folder/dir"
  local name
  for name in letter link dir; do
    isotach swap create "$folder/$name" 64Mi --keep
    exit_code 1
    err 'is not overwritten'
    isotach swap remove "$folder/$name" --keep
    exit_code 1
  done
  [[ $(<"$folder/letter") == "a letter" && -L $folder/link && -d $folder/dir ]]
  "$ISOTACH" swap create "$folder/used" 64Mi --on --keep
  isotach swap create "$folder/used" 64Mi --keep
  exit_code 1
  err 'is in use'
  is_on "$folder/used"
  isotach swap create "$folder/large" 15Ti --keep
  exit_code 1
  err 'too little room'
  isotach swap remove "$folder/used" --keep
  exit_code 0
}

@test "on, off and remove are put back in the right order" {
  "$ISOTACH" swap create "$folder/swap" 64Mi --keep
  isotach swap on "$folder/swap" -p 9 -- awk 'NR > 1 {print "seen", $5}' /proc/swaps
  exit_code 0
  out '^seen 9$'
  not is_on "$folder/swap"
  "$ISOTACH" swap on "$folder/swap" -p 9 --keep
  isotach swap off "$folder/swap" -- cat /proc/swaps
  exit_code 0
  [[ $output != *"$folder/swap  "* ]]
  [[ $(column "$folder/swap" 5) == 9 ]]
  isotach swap off "$folder/swap" --json --for 10ms
  json '.schema == "isotach.swap.off.v1" and .returned_bytes == 0 and .priority == 9'
  isotach swap remove "$folder/swap" -- true
  usage_error
  isotach swap remove "$folder/swap" --for 10ms
  exit_code 0
  [[ $(column "$folder/swap" 5) == 9 && $(ls "$folder") == swap ]]
  isotach swap remove "$folder/swap" --keep
  exit_code 0
}

@test "--persist: the line in fstab is one that mount and swapon take" {
  unshare --mount --propagation private true 2>/dev/null || skip "mount namespaces are not permitted here"
  export folder
  run --separate-stderr unshare --mount --propagation private bash -euo pipefail -c '
    cp -a /etc "$folder/etc"
    printf "# mine\n\ntmpfs  /tmp\ttmpfs rw 0 0\n" >"$folder/etc/fstab"
    chmod 640 "$folder/etc/fstab"
    mount --bind "$folder/etc" /etc
    "$ISOTACH" swap create "$folder/my swap" 64Mi --priority 12 --persist
    cat /etc/fstab
    stat -c "mode %a" /etc/fstab
    findmnt --verify --tab-file /etc/fstab | grep -ciE "error.*swap|parse error" || true
    swapon -a
    swapon --show=NAME,PRIO --noheadings --raw
    "$ISOTACH" swap create "$folder/my swap" 64Mi --persist 2>/dev/null || echo "refused: in use"
    swapoff -a
    "$ISOTACH" swap create "$folder/my swap" 64Mi --priority 12 --persist >/dev/null
    echo "lines $(grep -c swap /etc/fstab)"
    diff /etc/fstab.isotach-backup <(printf "# mine\n\ntmpfs  /tmp\ttmpfs rw 0 0\n") && echo "backup is the first one"
    "$ISOTACH" swap remove "$folder/my swap" --keep
    cat /etc/fstab | md5sum
  '
  exit_code 0
  out '/my\\040swap none swap sw,pri=12,nofail 0 0$'
  out '^mode 640$'
  out '^0$'
  out '/my\\x20swap 12$'
  out '^refused: in use$'
  out '^lines 1$'
  out '^backup is the first one$'
  [[ ${lines[-1]} == "$(printf '# mine\n\ntmpfs  /tmp\ttmpfs rw 0 0\n' | md5sum)" ]]
}

@test "killed with -9 while a file is swapped to: all is as before" {
  "$ISOTACH" swap create "$folder/swap" 64Mi --on >/dev/null 2>&1 3>&- &
  local pid=$!
  pids+=("$pid")
  wait_for is_on "$folder/swap"
  kill -KILL "$pid"
  wait_for not is_on "$folder/swap"
  wait_for test ! -e "$folder/swap"
}

@test "killed with its watchdog: the next start puts all back" {
  "$ISOTACH" swap create "$folder/swap" 64Mi --on >/dev/null 2>&1 3>&- &
  local pid=$! watchdog
  pids+=("$pid")
  wait_for is_on "$folder/swap"
  watchdog=$(pgrep -P "$pid")
  kill -STOP "$pid"
  kill -KILL "$watchdog" "$pid"
  wait_for not alive "$watchdog"
  is_on "$folder/swap"
  isotach --version
  exit_code 0
  err 'put back what isotach swap create'
  not is_on "$folder/swap"
  [[ ! -e $folder/swap ]]
}

@test "two files: priority 20 is filled before priority 10" {
  make_group prio $((64 * Mi))
  "$ISOTACH" swap create "$folder/ten" 128Mi --on -p 10 --keep
  "$ISOTACH" swap create "$folder/twenty" 64Mi --on -p 20 --keep
  "$ISOTACH" internal-fill-memory --bytes $((192 * Mi)) --group "$group" --fill-ns 1500000000 \
    --rest-ns 3600000000000 >"$BATS_TEST_TMPDIR/program.txt" 3>&- &
  pids+=($!)
  local seen=0 i ten twenty
  for ((i = 0; i < 1200; i++)); do
    ten=$(column "$folder/ten" 4)
    twenty=$(column "$folder/twenty" 4)
    # Each CPU takes its pages in clusters, so the last few hundred KiB come at the same time.
    if ((ten > 0)); then
      ((twenty > 60 * 1024)) || fails_with "10 is in use ($ten KiB) while 20 is not full ($twenty KiB)"
      seen=1
    fi
    if ((ten > 16 * 1024)); then break; fi
    sleep 0.02
  done
  ((seen == 1)) || fails_with "nothing went to the second file"
  # What isotach says is what the kernel says.
  isotach swap --json
  json '.areas[0].priority' 20
  json '.areas[0].used_bytes > .areas[0].size_bytes * 0.9 and .areas[1].used_bytes > 16000000'
}

@test "two files of equal priority are filled in turns" {
  make_group stripe $((64 * Mi))
  "$ISOTACH" swap create "$folder/one" 128Mi --on -p 15 --keep
  "$ISOTACH" swap create "$folder/other" 128Mi --on -p 15 --keep
  start_program $((192 * Mi))
  local one other difference
  one=$(column "$folder/one" 4)
  other=$(column "$folder/other" 4)
  difference=$((one > other ? one - other : other - one))
  ((one > 20 * 1024 && difference * 10 < one + other)) || fails_with "one holds $one KiB, the other $other KiB"
}

@test "who uses swap: the process, its group and its area, and the sums" {
  make_group top $((64 * Mi))
  "$ISOTACH" swap create "$folder/swap" 256Mi --on --keep
  start_program $((160 * Mi))
  isotach swap top --json
  exit_code 0
  local expected
  expected=$(($(swap_of "$program") * 1024))
  jq -e --argjson swap "$expected" --argjson pid "$program" --arg group "/${group##*/}" '
    (.processes[] | select(.pid == $pid)) as $p
    | ($p.swap_bytes - $swap | fabs) < 4194304 and $p.group == $group
      and (($p.swap_bytes - $p.swap_share_bytes) | fabs) < 4194304
      and (.groups[] | select(.path == $group) | .own_swap_bytes) > 50000000
      and ((.areas[0].of_processes_bytes - $p.swap_bytes) | fabs) < 4194304
      and .used_bytes == .of_processes_bytes + .rest_bytes - .excess_bytes' <<<"$output" ||
    fails_with "the sums should agree"
  isotach swap top
  out "^ *$program +isotach "
  out '^the rest'
}

# The OOM killer would end the process: 400 MiB of it are in a group of 256 MiB.
@test "a drain that would kill is refused, with the command that makes it safe" {
  make_group drain $((256 * Mi))
  "$ISOTACH" swap create "$folder/swap" 512Mi --on -p 7 --keep
  start_program $((400 * Mi))
  isotach swap drain
  exit_code 1
  err "control group /${group##*/}: .* of its limit of 256 MiB"
  err "echo [0-9]+ > $limit_file"
  alive "$program"
  [[ $(column "$folder/swap" 5) == 7 ]]
  isotach swap drain --dry-run
  exit_code 1
  out '^full control group'
  isotach swap off "$folder/swap" --keep
  exit_code 1
  local command
  command=$(sed -nE 's/.*raise its limit first: (echo [0-9]+ > .*)/\1/p' <<<"$stderr")
  eval "$command"
  isotach swap drain --dry-run --json
  exit_code 0
  json '.safe and .rate_measured and .estimated_seconds > 0'
  local estimated
  estimated=$(jq .estimated_seconds <<<"$output")
  isotach swap drain --json
  exit_code 0
  json '.complete'
  printf '# estimated %s s, took %s s\n' "$estimated" "$(jq '.drained[0].seconds' <<<"$output")" >&3
  alive "$program"
  [[ $(swap_of "$program") == 0 ]]
  [[ $(column "$folder/swap" 5) == 7 && $(column "$folder/swap" 4) -lt 4096 ]]
}

@test "an area is not taken back where that would kill; restore does it once there is room" {
  make_group back $((256 * Mi))
  "$ISOTACH" swap create "$folder/swap" 512Mi --on >"$BATS_TEST_TMPDIR/said.txt" 2>&1 3>&- &
  local holder=$!
  pids+=("$holder")
  wait_for is_on "$folder/swap"
  start_program $((400 * Mi))
  kill -INT "$holder"
  status=0
  wait "$holder" || status=$?
  exit_code 1
  grep -q "stays on: what it holds does not fit into the control group /${group##*/}" "$BATS_TEST_TMPDIR/said.txt"
  alive "$program"
  is_on "$folder/swap"
  isotach restore --dry-run
  out "switch off swapping to $folder/swap"
  kill -KILL "$program"
  wait_for not alive "$program"
  isotach restore
  exit_code 0
  not is_on "$folder/swap"
  [[ ! -e $folder/swap ]]
}

# start_drain ARGS...: returns while the area is being emptied; its number is $drain.
start_drain() {
  local before
  before=$(swap_of "$program")
  "$ISOTACH" swap drain "$@" >"$BATS_TEST_TMPDIR/drain.txt" 2>&1 3>&- &
  drain=$!
  pids+=("$drain")
  # More than was brought back to measure how fast that is.
  wait_for shrinks $((before - 32 * 1024)) ||
    fails_with "the drain should begin: $(<"$BATS_TEST_TMPDIR/drain.txt")"
}

shrinks() {
  (($(swap_of "$program") < $1))
}

# ended_with CODE: what the drain must end with.
ended_with() {
  local status=0
  wait "$drain" || status=$?
  [[ $status == "$1" ]] || fails_with "should end with $1, not $status: $(<"$BATS_TEST_TMPDIR/drain.txt")"
}

@test "a drain that is ended, or killed with -9, leaves the area on as it was" {
  make_group ended $((128 * Mi))
  "$ISOTACH" swap create "$folder/swap" 1Gi --on -p 7 --keep >/dev/null
  start_program $((448 * Mi))
  printf '%s' $((1024 * Mi)) >"$limit_file"
  start_drain --reserve 64Mi
  kill -TERM "$drain"
  ended_with 130
  [[ $(column "$folder/swap" 5) == 7 ]]
  (($(swap_of "$program") > 0)) || fails_with "it should have been stopped in the middle"
  start_drain
  kill -KILL "$drain"
  wait_for test ! -e "$ISOTACH_STATE/changes/swap.journal"
  [[ $(column "$folder/swap" 5) == 7 ]]
  alive "$program"
}

@test "a drain stops when programs have to wait for memory" {
  [[ -e /proc/pressure/memory ]] || skip "no pressure stall information here"
  make_group pressed $((64 * Mi))
  "$ISOTACH" swap create "$folder/swap" 1Gi --on -p 7 --keep >/dev/null
  start_program $((512 * Mi))
  printf '%s' $((1024 * Mi)) >"$limit_file"
  "$ISOTACH" swap create "$folder/other" 512Mi --on -p 20 --keep >/dev/null
  local first=$program i
  make_group short $((32 * Mi))
  "$ISOTACH" swap drain "$folder/swap" --max-pressure 5 >"$BATS_TEST_TMPDIR/drain.txt" 2>&1 3>&- &
  drain=$!
  pids+=("$drain")
  # Once it works, programs that have no room: what they take goes to the other area.
  wait_for shrinks $((400 * 1024))
  for i in 1 2 3; do
    "$ISOTACH" internal-fill-memory --bytes $((160 * Mi)) --group "$group" --read >/dev/null 2>&1 3>&- &
    pids+=($!)
  done
  ended_with 1
  grep -q 'stopped emptying .*: programs waited for memory' "$BATS_TEST_TMPDIR/drain.txt" ||
    fails_with "$(<"$BATS_TEST_TMPDIR/drain.txt")"
  [[ $(column "$folder/swap" 5) == 7 ]]
  alive "$first"
}

@test "the demonstration swaps, and the machine stays responsive" {
  isotach swap demo --size 96Mi --fill 1s --rest 300ms --json --report "$folder/demo.html" --svg "$folder/demo.svg"
  exit_code 0
  json '.complete and .swapped_out_bytes > 30000000 and .swap_used_peak_bytes > 30000000'
  json '.seconds.started < .seconds.first_page_out and .seconds.first_page_out < .seconds.ended'
  json '.wake_latency.p99_seconds < 0.1 and .wake_latency.count > 100'
  json '.interpretation | length >= 2'
  grep -q 'first page out' "$folder/demo.svg"
  grep -q 'first page out' "$folder/demo.html"
  not grep -qE '(src|href)="https?:' "$folder/demo.html"
}

@test "the demonstration without a control group" {
  isotach swap demo --method advice --size 64Mi --fill 300ms --rest 200ms --json
  exit_code 0
  json '.method' advice
  json '.complete and .swapped_out_bytes > 20000000'
}

@test "the demonstration killed with -9: no file, no area, no group, no program is left" {
  "$ISOTACH" swap demo --size 64Mi --fill 8s >/dev/null 2>&1 3>&- &
  local pid=$! children
  pids+=("$pid")
  wait_for swap_is_in_use
  children=$(pgrep -P "$pid")
  kill -KILL "$pid"
  local child
  for child in $children; do wait_for not alive "$child"; done
  wait_for test ! -e "$ISOTACH_STATE/changes/swap.journal"
}

@test "the demonstration killed with its watchdog: the next start puts all back" {
  "$ISOTACH" swap demo --size 64Mi --fill 8s >/dev/null 2>&1 3>&- &
  local pid=$! watchdog
  pids+=("$pid")
  wait_for swap_is_in_use
  watchdog=$(pgrep -P "$pid" -x isotach-watch)
  kill -STOP "$pid"
  kill -KILL "$watchdog" "$pid"
  wait_for not alive "$watchdog"
  grep -q isotach-demo /proc/swaps || fails_with "nobody is left who could have switched it off"
  isotach swap --json
  err 'put back what isotach swap demo'
  json '.areas == []'
}

swap_is_in_use() {
  awk 'NR > 1 && $1 ~ /isotach-demo/ && $4 > 1024 {found = 1} END {exit !found}' /proc/swaps
}
