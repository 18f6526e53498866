#!/usr/bin/env bats
# isotach link on interfaces of the test's own, in network namespaces that are gone with the test: tap
# interfaces that look like cards, and veth pairs.

# shellcheck disable=SC2016 # expanded inside the namespace

setup() {
  load ../cli/helpers
  needs_root
  [[ -e /dev/net/tun ]] || skip "there is no /dev/net/tun"
  export ISOTACH_STATE=$BATS_TEST_TMPDIR/state
  cd "$BATS_TEST_TMPDIR" || return 1
}

# in_namespace SCRIPT: runs it in a network namespace. tap makes or changes an interface; until_true waits.
in_namespace() {
  unshare --net --mount mount -t sysfs none /sys 2>/dev/null || skip "namespaces are not permitted here"
  run --separate-stderr timeout --kill-after=5 30 unshare --net --mount bash -euo pipefail -c '
    exec 3>&-
    mount -t sysfs none /sys  # the interfaces of this namespace
    trap "kill \$(jobs -p) 2>/dev/null || true" EXIT
    coproc TAPS { exec "$ISOTACH" internal-practice-links; }
    tap() {
      local answer
      echo "$*" >&"${TAPS[1]}"
      read -r answer <&"${TAPS[0]}"
      [[ $answer == ok ]] || { echo "tap $*: $answer" >&2; return 1; }
    }
    until_true() {
      local deadline=$((SECONDS + 20))
      until "$@"; do
        ((SECONDS < deadline)) || { echo "never came true: $*" >&2; return 1; }
        read -rt 0.02 <> <(:) || true
      done
    }
    speed_is() {
      [[ $("$ISOTACH" link --json -i 10ms "$1" | jq -r ".interfaces[0] | \"\(.speed_mbit_s) \(.duplex)\"") == "$2" ]]
    }
    mtu_is() { [[ $(<"/sys/class/net/$1/mtu") == "$2" ]]; }
    waits() { grep -qs "will be put back" "$1"; }
    '"$1"'
    true'
}

card='supported=62ef advertised=62ef partner=62ef speed=1000 duplex=full autoneg=on'

@test "29 configurations, each named with its cause" {
  # Name, modes supported, advertised and of the partner, speed, duplex, autonegotiation; finding; its cause.
  cat >cases <<'END'
full|62ef 62ef 62ef 1000 full on|none|
fast|62cf 62cf 62ef 100 full on|none|
ten|72ef 72ef 72ef 10000 full on|none|
bare|0 0 0 10000 full off|none|
silent|62ef 62ef 0 1000 full on|none|
odd|0 0 0 12345 full off|none|
unknown|62ef 62ef 0 -1 unknown on|none|the speed is unknown
noduplex|0 0 0 1000 unknown off|none|the duplex is unknown
halfpart|62ef 62ef 6245 100 half on|half-duplex|the partner offers no other
halften|62cf 62cf 6241 10 half on|half-duplex|the partner offers no other
parallel|62ef 62ef 628f 100 half on|half-duplex|the partner does not negotiate
parten|62cf 62cf 628f 10 half on|half-duplex|the partner does not negotiate
halfadv|62ef 6245 62ef 100 half on|half-duplex|this end advertises no other
halfset|62ef 62ef 0 100 half off|half-duplex|forced at this end
halfboth|62ef 62ef 62ef 1000 half on|half-duplex|although both sides offer full
halfwhy|62ef 62ef 0 100 half on|half-duplex|the link runs half duplex
halfbare|0 0 0 100 half off|half-duplex|forced at this end
cable100|62ef 62ef 62ef 100 full on|below-common|both ends offer
cable10|62ef 62ef 62ef 10 full on|below-common|both ends offer
cable10g|72ef 72ef 72ef 1000 full on|below-common|10 Gbit/s full duplex, which both
narrow|62ef 62cf 62ef 100 full on|advertised-narrowed|advertises less than 1 Gbit/s
onemode|62ef 6248 62ef 100 full on|advertised-narrowed|both ends support
narrow0|62ef 62cf 0 100 full on|advertised-narrowed|which it supports
slowpart|62ef 62ef 62cf 100 full on|partner-slower|the partner offers no more than 100
gigport|72ef 72ef 62ef 1000 full on|partner-slower|the partner offers no more than 1 Gbit/s
below|62ef 62ef 0 100 full on|below-advertised|runs below 1 Gbit/s
oneside|62ef 62ef 62ef 100 full off|autonegotiation-one-side|off at this end and on at the partner
forced|62ef 62ef 0 100 full off|forced-below-supported|forced to 100 Mbit/s full duplex
fixed|62cf 62cf 0 100 full off|autonegotiation-off|autonegotiation is off
END
  in_namespace '
    while IFS="| " read -r name supported advertised partner speed duplex autoneg _; do
      tap "$name supported=$supported advertised=$advertised partner=$partner" \
        "speed=$speed duplex=$duplex autoneg=$autoneg"
    done <cases
    code=0
    "$ISOTACH" link check --json >found.json || code=$?
    echo "code $code"
    "$ISOTACH" link check --json gigport >/dev/null && echo "info alone is no problem"
    "$ISOTACH" link check --json unknown --expect 1G >/dev/null && echo "unknown is not wrong"
    "$ISOTACH" link check --json fast --expect 1G | jq -r "\"expected: \(.findings[].id)\"" || true
  '
  exit_code 0
  out '^code 1$'
  out '^info alone is no problem$'
  out '^unknown is not wrong$'
  out '^expected: below-expected$'
  local name id phrase
  local -i cases=0
  while IFS='|' read -r name _ id phrase; do
    cases+=1
    found=$(jq -r --arg name "$name" '.findings[] | select(.interface == $name) | "\(.id): \(.title)"' found.json)
    if [[ $id == none ]]; then
      [[ -z $found ]] || fails_with "$name: found $found"
      [[ -z $phrase ]] || jq -e --arg line "$name: $phrase" '.not_judged | index($line) != null' found.json
    else
      grep -q "^$id: .*$phrase" <<<"$found" || fails_with "$name: should be $id ($phrase), not: $found"
    fi
  done <cases
  ((cases >= 24))
  # Every problem comes with its evidence and with something to do.
  jq -e '[.findings[] | select(.evidence == "" or .remedy == "")] | length == 0' found.json
}

@test "what link check says to type mends it" {
  in_namespace '
    tap nic supported=62ef advertised=62cf partner=62ef speed=100 duplex=full autoneg=on
    remedy=$("$ISOTACH" link check --json nic | jq -r ".findings[0].remedy" || true)
    echo "remedy $remedy"
    $ISOTACH ${remedy#isotach } --keep
    "$ISOTACH" link --json -i 10ms nic | jq -c ".interfaces[0].advertised"
    "$ISOTACH" link check --json nic | jq -r "\"then: \(.findings[].id)\"" || true
  '
  exit_code 0
  out '^remedy isotach link set nic advertise all$'
  out '1000baseT/Full'
  # The tap does not negotiate anew by itself; what is left is that both now offer more.
  out '^then: below-common$'
}

@test "100 full is set for real, and put back when nobody confirms" {
  in_namespace "tap nic $card"'
    "$ISOTACH" link set nic speed 100 duplex full autoneg off --for 2s >said 2>told & pid=$!
    until_true waits told
    speed_is nic "100 full" && echo "it is 100 full"
    code=0; wait $pid || code=$?
    echo "code $code"
    cat said told
    speed_is nic "1000 full" && echo "it is 1000 full again"
    "$ISOTACH" link --json -i 10ms nic |
      jq -c "[.interfaces[0] | .autonegotiation, (.advertised | index(\"1000baseT/Full\") != null)]"
    ls -A "$ISOTACH_STATE" 2>/dev/null || true
  '
  exit_code 0
  out '^it is 100 full$'
  out '^nic: autoneg off speed 100 duplex full$'
  out '^  before: autoneg on speed 1000 duplex full'
  out 'not confirmed in time: put back as it was'
  out '^code 1$'
  out '^it is 1000 full again$'
  out '^\[true,true\]$'
  [[ ! -e $ISOTACH_STATE/changes ]]
}

@test "confirmed from another session, also from another namespace" {
  in_namespace "tap nic $card"'
    "$ISOTACH" link set nic speed 100 duplex full autoneg off --for 40s >said 2>told & pid=$!
    until_true waits told
    ! "$ISOTACH" link set nic mtu 1400 --for 1s 2>refused
    grep -o "isotach link set nic (process [0-9]*) is changing" refused
    unshare --net "$ISOTACH" link confirm
    wait $pid
    echo "code $?"
    speed_is nic "100 full" && echo "it stays"
    ! "$ISOTACH" link confirm
  '
  exit_code 0
  out '^the change stays$'
  out '^code 0$'
  out '^it stays$'
  err 'no change of an interface waits'
  [[ ! -e $ISOTACH_STATE/changes ]]
}

@test "Enter on the terminal confirms; Ctrl-C puts back at once" {
  in_namespace "tap nic $card"'
    cat >typed.py <<END
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(os.environ["ISOTACH"], ["isotach", "link", "set", "nic", "mtu", sys.argv[1], "--for", "40s"])
seen = b""
while b"another session" not in seen:
    seen += os.read(terminal, 4096)
os.write(terminal, b"\n" if sys.argv[2] == "enter" else b"\x03")
status = os.waitpid(pid, 0)[1]
print(sys.argv[2], os.waitstatus_to_exitcode(status), open("/sys/class/net/nic/mtu").read().strip())
END
    python3 typed.py 1400 enter
    python3 typed.py 1300 interrupt
  '
  exit_code 0
  out '^enter 0 1400$'
  out '^interrupt 130 1400$'
}

@test "kill -9 of the command: its watchdog puts back" {
  in_namespace "tap nic $card"'
    for signal in KILL HUP TERM; do
      rm -f told
      "$ISOTACH" link set nic speed 100 duplex full autoneg off mtu 1400 --for 1h >said 2>told & pid=$!
      until_true waits told
      speed_is nic "100 full"
      kill -$signal $pid
      wait $pid 2>/dev/null || true
      until_true speed_is nic "1000 full"
      until_true mtu_is nic 1500
      echo "$signal: put back"
    done
  '
  exit_code 0
  out '^KILL: put back$'
  out '^HUP: put back$'
  out '^TERM: put back$'
}

@test "kill -9 of the watchdog too: the next start puts back, from any namespace" {
  in_namespace "tap nic $card"'
    "$ISOTACH" link set nic mtu 1400 --for 1h >said 2>told & pid=$!
    until_true waits told
    watchdog=$(pgrep -P $pid)
    kill -9 "$watchdog"
    kill -9 $pid
    wait $pid 2>/dev/null || true
    mtu_is nic 1400
    ip link set nic name renamed
    unshare --net "$ISOTACH" --version 2>recovered
    cat recovered
    mtu_is renamed 1500 && echo "put back under its new name"
  '
  exit_code 0
  out 'put back what isotach link set nic had changed'
  out '^put back under its new name$'
  [[ ! -e $ISOTACH_STATE/changes ]]
}

@test "as long as a command runs, and kept" {
  in_namespace "tap nic $card"'
    "$ISOTACH" link set nic mtu 1400 -- cat /sys/class/net/nic/mtu
    mtu_is nic 1500 && echo "put back"
    "$ISOTACH" link set nic mtu 1400 --keep --json | jq -c "[.outcome, .changes[0].read_back]"
    mtu_is nic 1400 && echo "kept"
    "$ISOTACH" link set nic mtu 1400 --keep
    code=0; "$ISOTACH" link set nic mtu 1300 rx-ring 5 --keep || code=$?
    echo "code $code"
    mtu_is nic 1400 && echo "nothing half done"
  '
  exit_code 0
  out '^1400$'
  out '^put back$'
  out '^\["kept","mtu 1400"\]$'
  out '^kept$'
  err 'nothing had to be changed'
  out '^code 5$'
  out '^nothing half done$'
}

@test "gigabit copper: advice before it is tried" {
  in_namespace "tap nic $card"'
    "$ISOTACH" link set nic speed 1000 duplex full autoneg off --for 10ms || true
  '
  exit_code 0
  err 'needs autonegotiation.*isotach link set nic advertise 1000baseT/Full'
}

@test "drops that grow are found" {
  in_namespace "tap nic $card"'
    ip addr add 10.9.9.1/24 dev nic
    ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:02 dev nic
    python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    try:
        s.sendto(bytes(100), (\"10.9.9.2\", 9))
    except OSError:
        pass" & sender=$!
    dropping() { (($(<"/sys/class/net/nic/statistics/tx_dropped") > 100)); }
    until_true dropping
    code=0; "$ISOTACH" link check -i 300ms nic || code=$?
    kill $sender
    echo "code $code"
    "$ISOTACH" link check nic && echo "one reading judges no growth"
  '
  exit_code 0
  out '^warning: nic: packets are dropped$'
  out '^code 1$'
  out '^one reading judges no growth$'
}

@test "an MTU that differs from the other end, also in another namespace, and from the bridge" {
  in_namespace '
    ip link add near type veth peer name far
    ip link add br0 type bridge
    ip link set near up mtu 9000
    ip link set far up
    "$ISOTACH" link check --json | jq -r ".findings[] | \"here: \(.id) \(.interface)\"" || true
    unshare --net bash -c "echo ready; read -r" < <(sleep 1000 & echo $! >sleeper; wait) >ready & holder=$!
    until_true test -s ready
    ip link set far netns $holder
    nsenter --net=/proc/$holder/ns/net ip link set far up
    "$ISOTACH" link check --json | jq -r ".findings[] | \"apart: \(.id) \(.interface)\"" || true
    kill $holder $(<sleeper)
    ip link add name port0 type veth peer name port1
    ip link set port0 up mtu 1400
    ip link set port1 up mtu 1400
    ip link set port0 master br0
    ip link set br0 mtu 1300 up
    "$ISOTACH" link check --json | jq -r ".findings[] | \"bridge: \(.id) \(.interface)\"" || true
  '
  exit_code 0
  out '^here: mtu-differs-from-peer far$|^here: mtu-differs-from-peer near$'
  out '^apart: mtu-differs-from-peer near$'
  out '^bridge: bridge-member-mtu port0$'
}

@test "300 interfaces are judged within 50 ms" {
  in_namespace '
    for ((i = 0; i < 150; ++i)); do echo "link add v$i type veth peer name w$i"; done | ip -batch -
    # CPU time, which is the time that it takes where nothing else runs.
    TIMEFORMAT="%U %S" best=1000000
    for ((i = 0; i < 20; ++i)); do
      { time "$ISOTACH" link check --json >found.json 2>errors; } 2>took || true
      us=$(awk "{ print int((\$1 + \$2) * 1000000) }" took)
      ((us >= best)) || best=$us
    done
    jq -r "\"interfaces \(.interfaces)\"" found.json
    echo "best $best us"
    ((best < 50000))
  '
  exit_code 0
  out '^interfaces 300$'
}
