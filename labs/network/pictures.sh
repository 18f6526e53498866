#!/usr/bin/env bash
# The exercises of labs/network.md with isotach nettest: a LAN of 100 Mbit/s (two namespaces, tbf) and a long path
# of the same rate (isotach lab net); every output and every picture of that page. Needs root; takes three minutes,
# and leaves nothing behind.
#
# usage: sudo ISOTACH=build/isotach [SECONDS_EACH=10] labs/network/pictures.sh
set -euo pipefail

isotach=$(realpath "$(command -v "${ISOTACH:-isotach}")")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
each=${SECONDS_EACH:-10}
client=lab-client-$$
server=lab-server-$$
path=lab$$

clean_up() {
  local job
  "$isotach" lab net down "$path" >/dev/null 2>&1 || true
  for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
  ip netns del "$client" 2>/dev/null || true
  ip netns del "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

# Until something listens on nettest's port there: the words that enter the place.
await_server() {
  local deadline=$((SECONDS + 20))
  until "$@" ss -Hltn 'sport = 5201' | grep -q 5201; do
    ((SECONDS < deadline)) || { echo "the server does not listen" >&2 && exit 1; }
    read -rt 0.05 <> <(:) || true
  done
}

# A LAN: each end sends at 100 Mbit/s at most, and a queue of 50 ms stands before that.
ip netns add "$client"
ip netns add "$server"
ip link add eth0 netns "$client" type veth peer name eth0 netns "$server"
for name in "$client" "$server"; do
  ip -n "$name" link set lo up
  ip -n "$name" link set eth0 up
  ip netns exec "$name" tc qdisc add dev eth0 root tbf rate 100mbit burst 32kb latency 50ms
done
ip -n "$client" addr add 10.8.0.1/24 dev eth0
ip -n "$server" addr add 10.8.0.2/24 dev eth0
# Not by a function: the job is to be the program itself, which clean_up ends.
ip netns exec "$server" "$isotach" nettest -s -B 10.8.0.2 >"$work/server" 2>&1 &
await_server ip netns exec "$server"

# lan NAME WORDS...: a test over the LAN; its output becomes NAME.txt, its course $work/NAME.isotach.
lan() {
  local name=$1
  shift
  {
    printf '$ isotach nettest -c 10.8.0.2 -t %s%s\n' "$each" "${*:+ $*}"
    COLUMNS=114 ip netns exec "$client" "$isotach" nettest -c 10.8.0.2 -t "$each" "$@" \
      --record "$work/$name.isotach" 2>/dev/null
  } >"$here/$name.txt"
}

lan tcp
lan rr --rr -r 1,1
lan rr-2k-32k --rr -r 2K,32K
lan udp-fits -u -b 50M -l 1400
lan under-load --latency-under-load

# A long path: 100 Mbit/s and 40 ms there and back. 100 Mbit/s times 40 ms are 488 KiB under way.
"$isotach" lab net up "$path" --links 1 --link "all both rate=100mbit delay=20ms queue=100ms" >/dev/null
"$isotach" lab net run "$path" b -- "$isotach" nettest -s -B 10.77.9.2 >"$work/far" 2>&1 &
await_server "$isotach" lab net run "$path" b --

far() {
  local name=$1
  shift
  {
    printf '$ isotach nettest -c 10.77.9.2 -t %s%s\n' "$each" "${*:+ $*}"
    COLUMNS=114 "$isotach" lab net run "$path" a -- "$isotach" nettest -c 10.77.9.2 -t "$each" "$@" \
      --record "$work/$name.isotach" 2>/dev/null
  } >"$here/$name.txt"
}

for window in 64K 256K 1M; do far "window-$window" -w "$window" -O 1; done
far window-auto -O 1
for streams in 1 2 4 8; do far "parallel-$streams" -w 64K -P "$streams" -O 1; done
"$isotach" lab net set "$path" all both rate=20mbit >/dev/null
far udp-too-much -u -b 30M -l 1400 -R
"$isotach" lab net set "$path" all both rate=100mbit loss=1% jitter=2ms >/dev/null
far udp-lossy -u -b 20M -l 1400 -R
far tcp-lossy -O 1

# picture NAME TITLE METRICS...
picture() {
  "$isotach" plot "$work/$1.isotach" "${@:3}" --title "$2" --svg "$here/$1.svg" >/dev/null 2>&1
}
picture tcp 'TCP over the LAN' 'nettest_bytes*' 'nettest_rtt*'
picture rr 'transactions of 1 and 1 byte' 'nettest_transactions*' 'nettest_latency*'
picture rr-2k-32k 'transactions of 2K and 32K' 'nettest_transactions*' 'nettest_latency*'
picture udp-fits 'UDP at 50 Mbit/s over the LAN' 'nettest_datagrams*'
picture udp-too-much 'UDP at 30 Mbit/s over a path of 20' 'nettest_datagrams*' 'nettest_lost*' 'nettest_jitter*'
picture under-load 'TCP beside which latency is measured' 'nettest_bytes*' 'nettest_rtt*'
picture window-64K '40 ms with a window of 64K' 'nettest_bytes*' 'nettest_rtt*'
picture window-auto '40 ms with the window of the kernel' 'nettest_bytes*' 'nettest_rtt*'
picture parallel-8 '40 ms, 64K, eight streams' 'nettest_bytes*'
picture udp-lossy 'UDP at 20 Mbit/s, 1 % lost, 2 ms of jitter' 'nettest_lost*' 'nettest_jitter*'
picture tcp-lossy 'TCP, 1 % lost' 'nettest_bytes*' 'nettest_cwnd*'
