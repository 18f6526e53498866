#!/usr/bin/env bats
# isotach lab net: paths are there, do what they say, and are gone again, also after kill -9.

setup() {
  load ../cli/helpers
  needs_root
  unshare --net true 2>/dev/null || skip "namespaces are not permitted here"
  NET=b$BASHPID
}

teardown() {
  if [[ -n ${NET-} ]]; then "$ISOTACH" lab net down "$NET" 2>/dev/null || true; fi
}

net() { isotach lab net "$@"; }

@test "hosts reach each other over the path, and every packet is counted" {
  net up "$NET" --for 2m --link '2 both delay=1ms'
  exit_code 0
  "$ISOTACH" lab net run "$NET" b -- "$ISOTACH" nettest -s -1 -B 10.77.9.2 2>"$BATS_TEST_TMPDIR/server" 3>&- &
  until grep -q listening "$BATS_TEST_TMPDIR/server"; do read -rt 0.02 <> <(:) || true; done
  net run "$NET" a -- "$ISOTACH" nettest -c 10.77.9.2 -n 200K --json
  exit_code 0
  json '.end.sum_received.bytes >= 204800'
  wait
  net show "$NET" --json
  exit_code 0
  json '.links | length' 6
  json '[.links[] | select(.direction == "ab") | .packets] | unique | length' 1
  json '[.links[] | .delivered == .packets] | all'
  json '[.ports[] | .ring_dropped] | add' 0
  net show "$NET"
  out '^2 ab +no limit +1 ms'
}

@test "what hosts send and get is captured" {
  net up "$NET" --capture "$BATS_TEST_TMPDIR" --link '2 ab lose-every=2 chance=udp' -- \
    python3 -c 'import socket
for _ in range(10): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x" * 500, ("10.77.9.2", 9))'
  exit_code 0
  # The answers "port unreachable" go back; half of the datagrams never came.
  python3 - "$BATS_TEST_TMPDIR" <<'EOF'
import struct, sys
def lengths(name):
    data, at = open(f"{sys.argv[1]}/{name}.pcap", "rb").read(), 24
    while at < len(data):
        kept, size = struct.unpack_from("<II", data, at + 8)
        yield size, data[at + 16 + 14 + 9]
        at += 16 + kept
for name, wanted in (("a", 10), ("b", 5)):
    found = sum(1 for size, protocol in lengths(name) if protocol == 17 and size == 542)
    assert found == wanted, (name, found)
EOF
  net up "$NET" --capture /nowhere --for 1m
  exit_code 1
  err '/nowhere/a.pcap'
}

@test "taps keep what ethtool sets, and carry packets" {
  [[ -c /dev/net/tun ]] || skip "no /dev/net/tun"
  net up "$NET" --taps --for 2m --link '2 both delay=1ms'
  exit_code 0
  net run "$NET" a -- "$ISOTACH" link set --keep eth0 speed 100 duplex half
  exit_code 0
  net run "$NET" a -- "$ISOTACH" link --json
  exit_code 0
  json '.interfaces[] | select(.name == "eth0") | .speed_mbit_s == 100 and .duplex == "half"'
  "$ISOTACH" lab net run "$NET" b -- "$ISOTACH" nettest -s -1 -B 10.77.9.2 2>"$BATS_TEST_TMPDIR/server" 3>&- &
  until grep -q listening "$BATS_TEST_TMPDIR/server"; do read -rt 0.02 <> <(:) || true; done
  net run "$NET" a -- "$ISOTACH" nettest -c 10.77.9.2 -n 200K --json
  exit_code 0
  json '.end.sum_received.bytes >= 204800'
  wait
}

@test "settings are changed while it is up; a mistake changes nothing" {
  net up "$NET" --for 2m
  net set "$NET" 2 ab loss=100% rate=5mbit
  exit_code 0
  net show "$NET" --json
  json '[.links[] | select(.rate_bps == 5000000)] | length' 1
  net set "$NET" 2 ab rate=9mbit los=1%
  exit_code 2
  err 'did you mean: loss?'
  net show "$NET" --json
  json '[.links[] | select(.rate_bps == 5000000)] | length' 1
}

@test "a command on host a, and the path is gone with it" {
  net up "$NET" -- sh -c 'cat /sys/class/net/eth0/address; exit 7'
  exit_code 7
  out '^02:00:00:00:01:01$'
  net show "$NET"
  exit_code 1
}

@test "two of one name, and a host that is not there" {
  net up "$NET" --for 2m
  net up "$NET"
  exit_code 1
  err "there is a path '$NET' already"
  net run "$NET" c -- true
  exit_code 2
  err 'its hosts are: a, b'
  net down "$NET"
  exit_code 0
  net down "$NET"
  exit_code 1
}

@test "after kill -9 nothing is left: no process on it, and the name is free" {
  net up "$NET" --for 2m
  # shellcheck disable=SC2016 # expanded by the shell that is on the path
  "$ISOTACH" lab net run "$NET" b -- sh -c 'echo $$; exec sleep 600' >"$BATS_TEST_TMPDIR/pid" 3>&- &
  until [[ -s $BATS_TEST_TMPDIR/pid ]]; do read -rt 0.02 <> <(:) || true; done
  net show "$NET" --json
  local pid
  pid=$(jq .pid <<<"$output")
  kill -9 "$pid"
  wait # the program on the path was ended
  net show "$NET"
  exit_code 1
  net up "$NET" --for 2m
  exit_code 0
}
