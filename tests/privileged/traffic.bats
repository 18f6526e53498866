#!/usr/bin/env bats
# isotach traffic in network namespaces of its own, joined by a veth pair: what it counts against what the kernel
# counts, and flow records as nfdump reads them.

# shellcheck disable=SC2016 # expanded inside the namespace

setup() {
  load ../cli/helpers
  needs_root
  cd "$BATS_TEST_TMPDIR" || return 1
}

# in_namespaces SCRIPT: runs it where there is eth0 (10.9.0.1), whose other end is 10.9.0.2 in a second namespace;
# far COMMAND runs something there. until_true COMMAND waits.
in_namespaces() {
  unshare --net true 2>/dev/null || skip "namespaces are not permitted here"
  run --separate-stderr timeout --kill-after=5 60 unshare --net --mount bash -euo pipefail -c '
    exec 3>&-
    mount -t sysfs none /sys
    trap "kill \$(jobs -p) 2>/dev/null || true" EXIT
    until_true() {
      local deadline=$((SECONDS + 20))
      until "$@"; do
        ((SECONDS < deadline)) || { echo "never came true: $*" >&2; return 1; }
        read -rt 0.02 <> <(:) || true
      done
    }
    # Holds the other namespace until its input ends.
    coproc HOLDER { exec unshare --net bash -c "echo ready; read -r"; }
    read -r ready <&"${HOLDER[0]}"
    far() { nsenter --net="/proc/$HOLDER_PID/ns/net" "$@"; }
    ip link add eth0 type veth peer name eth0 netns "$HOLDER_PID"
    ip link set lo up
    ip addr add 10.9.0.1/24 dev eth0
    ip link set eth0 up
    far ip link set lo up
    far ip addr add 10.9.0.2/24 dev eth0
    far ip link set eth0 up
    is_up() { [[ $(</sys/class/net/eth0/operstate) == up ]]; }
    until_true is_up
    # send ADDRESS COUNT BYTES: datagrams to a socket there that nobody reads.
    cat >send.py <<END
import socket, sys
address, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("", 40000))
for i in range(count):
    sender.sendto(bytes(size), (address, 9000 + i % 4))
END
    '"$1"'
    true'
}

@test "totals are those of the interface, by flow, size and protocol, once the load has ended" {
  in_namespaces '
    "$ISOTACH" traffic eth0 --json-stream -i 100ms >stream.json & pid=$!
    has_line() { [[ -s stream.json ]]; }
    until_true has_line
    # What was there before is not part of it.
    far python3 send.py 10.9.0.1 5000 1000
    python3 send.py 10.9.0.2 3000 200
    sees_all() { tail -1 stream.json | jq -e ".total.in_packets >= 5000 and .total.out_packets >= 3000" >/dev/null; }
    until_true sees_all
    kill -TERM $pid
    wait $pid || true
    tail -1 stream.json >last.json
    jq -r "\"source \(.source) not accounted \(.accounting.not_accounted_packets)\"" last.json
    jq -r "if .source == \"counters\" then \"blind\" else
      [.flows[] | select(.protocol == \"udp\" and .local_port == 40000) | .out_packets] | add end" last.json
    jq -e ".source == \"counters\" or ([.flows[] | select(.protocol == \"udp\" and .remote_port == 40000)
      | .in_packets] | add) == 5000" last.json
    jq -e ".source == \"counters\" or ([.sizes[] | .in_packets + .out_packets] | add) ==
      .total.in_packets + .total.out_packets" last.json
    jq -e ".interfaces[0] | .in_packets == .kernel_in_packets and .out_packets == .kernel_out_packets and
      .in_bytes == .kernel_in_bytes and .out_bytes == .kernel_out_bytes" last.json
  '
  exit_code 0
  out '^source (bpf|ring|counters) not accounted (0|null)$'
  out '^(3000|blind)$'
  [[ $(grep -c '^false$' <<<"$output") == 0 ]]
}

@test "in and out are what ip -s link counts, to the packet and the byte" {
  in_namespaces '
    # Nothing but what is sent here goes over the link.
    echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
    far sh -c "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"
    counters() {
      ip -json -stats link show dev eth0 | jq -c ".[0].stats64 | [.rx.packets, .rx.bytes, .tx.packets, .tx.bytes]"
    }
    quiet() { local first; first=$(counters); read -rt 0.3 <> <(:) || true; [[ $(counters) == "$first" ]]; }
    for source in bpf ring; do
      "$ISOTACH" traffic eth0 --source $source --json -t 20ms >/dev/null 2>&1 || { echo "$source: not here"; continue; }
      until_true quiet
      before=$(counters)
      "$ISOTACH" traffic eth0 --source $source --json-stream -i 100ms >stream.json & pid=$!
      has_line() { [[ -s stream.json ]]; }
      until_true has_line
      far python3 send.py 10.9.0.1 3000 700
      python3 send.py 10.9.0.2 2000 50
      agrees() {
        local after
        after=$(counters)
        tail -1 stream.json | jq -e --argjson before "$before" --argjson after "$after" \
          ".total | [.in_packets, .in_bytes, .out_packets, .out_bytes] ==
            [\$after[0] - \$before[0], \$after[1] - \$before[1], \$after[2] - \$before[2], \$after[3] - \$before[3]] and
            .in_packets >= 3000 and .out_packets >= 2000" >/dev/null
      }
      until_true agrees
      echo "$source: they agree"
      kill -TERM $pid
      wait $pid || true
    done
  '
  exit_code 0
  out '^bpf: (they agree|not here)$'
  out '^ring: they agree$'
}

@test "IPFIX: nfdump finds every packet and byte of each flow" {
  command -v nfcapd >/dev/null || skip "nfdump is not installed"
  in_namespaces '
    mkdir flows
    nfcapd -p 9995 -b 127.0.0.1 -w flows -t 3600 >nfcapd.log 2>&1 & collector=$!
    listens() { ss -Hlun "sport = 9995" | grep -q 9995; }
    until_true listens
    "$ISOTACH" traffic eth0 --ipfix 127.0.0.1:9995 --json-stream -i 100ms >stream.json 2>told & pid=$!
    has_line() { [[ -s stream.json ]]; }
    until_true has_line
    [[ $(tail -1 stream.json | jq -r .source) != counters ]] || { echo blind; exit 0; }
    far python3 send.py 10.9.0.1 4000 1000
    python3 send.py 10.9.0.2 2000 200
    sees_all() { tail -1 stream.json | jq -e ".total.in_packets >= 4000 and .total.out_packets >= 2000" >/dev/null; }
    until_true sees_all
    kill -TERM $pid
    wait $pid || true
    cat told
    kill -TERM $collector
    wait $collector || true
    nfdump -R flows -q -N -a -A proto,srcip,dstip,srcport -o "fmt:%pr %sa %da %sp %pkt %byt" "proto udp" |
      tr -s " " | sed "s/^ //; s/ $//"
  '
  exit_code 0
  [[ $output != *blind* ]] || skip "no packets may be seen here"
  out '^isotach traffic: [0-9]+ flow records sent to the collector$'
  # Datagrams of 1000 and 200 bytes with their UDP and IP heads of 28.
  out '^17 10.9.0.2 10.9.0.1 40000 4000 4112000$'
  out '^17 10.9.0.1 10.9.0.2 40000 2000 456000$'
}

@test "an interface that comes and one that goes" {
  in_namespaces '
    "$ISOTACH" traffic --json-stream -i 100ms >stream.json & pid=$!
    has_line() { [[ -s stream.json ]]; }
    until_true has_line
    ip link add late type veth peer name later
    ip link set late up
    ip link set later up
    sees_late() { tail -1 stream.json | jq -e "[.interfaces[].interface] | index(\"late\") != null" >/dev/null; }
    until_true sees_late
    ip link del late
    goes_on() { (($(wc -l <stream.json) > lines + 2)); }
    lines=$(wc -l <stream.json)
    until_true goes_on
    kill -TERM $pid
    wait $pid || true
    tail -1 stream.json | jq -r .schema
  '
  exit_code 0
  out '^isotach.traffic.v1$'
}
