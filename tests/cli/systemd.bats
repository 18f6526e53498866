#!/usr/bin/env bats
# The systemd units: well formed, least privilege, and nothing in them that the program needs and is
# forbidden.

# shellcheck disable=SC2030,SC2031 # bats runs each test in a process of its own

setup() {
  load helpers
  units=$(cd "$BATS_TEST_DIRNAME/../../packaging/systemd" && pwd)
  started=()
}

teardown() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
}

# The unit with this program in the place of the installed one, and without the man pages that may
# not be installed.
installed() {
  sed -e "s|/usr/bin/isotach|$ISOTACH|" -e '/^Documentation=/d' "$units/$1" >"$BATS_TEST_TMPDIR/$1"
  echo "$BATS_TEST_TMPDIR/$1"
}

@test "systemd has nothing against the units" {
  command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
  local unit
  for unit in isotach-agent.service isotach-record.service; do
    run systemd-analyze verify "$(installed "$unit")"
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
  done
}

@test "the units are rated as safe as what they do allows" {
  command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
  # In tenths: the agent must use the network, both must see all of /proc.
  run systemd-analyze security --offline=true --threshold=13 "$units/isotach-agent.service"
  [ "$status" -eq 0 ]
  run systemd-analyze security --offline=true --threshold=10 "$units/isotach-record.service"
  [ "$status" -eq 0 ]
}

@test "the man pages that the units name exist" {
  "$ISOTACH" generate --man "$BATS_TEST_TMPDIR/man"
  local page
  while read -r page; do
    [ -e "$BATS_TEST_TMPDIR/man/$page.1.scd" ]
  done < <(sed -n 's/^Documentation=man:\(.*\)(1)$/\1/p' "$units"/*.service)
}

@test "the agent needs no right: nobody without capabilities sees the same metrics" {
  [ "$(id -u)" -eq 0 ] || skip "only root can become nobody"
  command -v setpriv >/dev/null || skip "setpriv is not installed"
  names() { sed -n 's/^\(isotach_[a-z0-9_]*\)[ {].*/\1/p' | sort -u; }
  "$ISOTACH" agent --once | names >"$BATS_TEST_TMPDIR/root"
  install -m 755 "$ISOTACH" "$BATS_TEST_TMPDIR/isotach"
  local nobody=(--reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all)
  # By its descriptor: nobody may not look into the folder of the test.
  (cd / && setpriv "${nobody[@]}" /proc/self/fd/9 agent --once 9<"$BATS_TEST_TMPDIR/isotach") |
    names >"$BATS_TEST_TMPDIR/nobody"
  [ -s "$BATS_TEST_TMPDIR/nobody" ]
  diff "$BATS_TEST_TMPDIR/root" "$BATS_TEST_TMPDIR/nobody"
}

@test "the agent uses no system call that its unit forbids" {
  command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
  command -v strace >/dev/null || skip "strace is not installed"
  strace -f -qq -o "$BATS_TEST_TMPDIR/trace" true 2>/dev/null || skip "processes may not be traced here"
  # Names in a group of system calls, with those of the groups in it.
  calls() {
    local name
    for name in $(systemd-analyze syscall-filter "$1" | sed -n 's/^    \([@a-z0-9_-]*\)$/\1/p'); do
      if [[ $name == @* ]]; then calls "$name"; else echo "$name"; fi
    done
  }
  calls @system-service | sort -u >"$BATS_TEST_TMPDIR/granted"
  { calls @privileged; calls @resources; } | sort -u >"$BATS_TEST_TMPDIR/refused"
  comm -23 "$BATS_TEST_TMPDIR/granted" "$BATS_TEST_TMPDIR/refused" >"$BATS_TEST_TMPDIR/allowed"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/allowed")" -gt 100 ]

  local line talk
  # As the unit starts it: as a user without rights. By descriptors: nobody may not look into the test's folder.
  local -a as_user=()
  ((EUID != 0)) || as_user=(setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all --bounding-set=-all)
  cp "$ISOTACH" "$BATS_TEST_TMPDIR/isotach"
  install -m 666 /dev/null "$BATS_TEST_TMPDIR/trace"
  exec {talk}< <(cd / && exec "${as_user[@]}" strace -f -qq -o /proc/self/fd/8 \
    /proc/self/fd/9 agent --listen 127.0.0.1:0 2>&1 3>&- 8>>"$BATS_TEST_TMPDIR/trace" 9<"$BATS_TEST_TMPDIR/isotach")
  started+=($!)
  read -r -t 30 -u "$talk" line
  [[ $line =~ serving\ (http://[^\ ]*) ]]
  curl -sS -o /dev/null "${BASH_REMATCH[1]}"
  pkill -TERM -P "${started[0]}"
  cat <&"$talk" >/dev/null
  # execve is what systemd itself calls before the filter counts.
  sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$BATS_TEST_TMPDIR/trace" |
    sort -u | grep -vx execve >"$BATS_TEST_TMPDIR/used"
  grep -qx read "$BATS_TEST_TMPDIR/used"
  run comm -13 "$BATS_TEST_TMPDIR/allowed" "$BATS_TEST_TMPDIR/used"
  echo "forbidden but used: $output"
  [ -z "$output" ]
}

@test "the agent stays far below the memory that its unit allows" {
  local line talk
  exec {talk}< <(exec "$ISOTACH" agent --listen 127.0.0.1:0 2>&1 3>&-)
  started+=($!)
  read -r -t 30 -u "$talk" line
  [[ $line =~ serving\ (http://[^\ ]*) ]]
  curl -sS --parallel --parallel-max 12 -o /dev/null "${BASH_REMATCH[1]}?[1-50]"
  [ "$(awk '/^VmHWM:/ { print $2 }' "/proc/${started[0]}/status")" -lt 32768 ]
}
