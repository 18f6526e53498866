#!/usr/bin/env bash
# The exercise of labs/traffic.md: two namespaces joined by a veth pair, known traffic between them, what isotach
# traffic tells of it, and the pictures of that page. Needs root, tmux and python3; takes half a minute, and
# leaves nothing behind.
#
# usage: sudo ISOTACH=build/isotach labs/traffic/pictures.sh
set -euo pipefail

isotach=$(realpath "$(command -v "${ISOTACH:-isotach}")")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
terminal=isotach-lab-$$

clean_up() {
  local job
  tmux -L "$terminal" kill-server 2>/dev/null || true
  for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
  ip netns del lab-client 2>/dev/null || true
  ip netns del lab-server 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

server() { ip netns exec lab-server "$@"; }

ip netns add lab-client
ip netns add lab-server
ip link add eth0 netns lab-client type veth peer name eth0 netns lab-server
for name in lab-client lab-server; do
  ip -n "$name" link set lo up
  ip -n "$name" link set eth0 up
done
ip -n lab-client addr add 10.7.0.1/24 dev eth0
ip -n lab-server addr add 10.7.0.2/24 dev eth0

# Not by the function: the job is to be the program itself, which clean_up ends.
ip netns exec lab-server "$isotach" nettest -s -B 10.7.0.2 >"$work/server" 2>&1 &
until server ss -Hltn 'sport = 5201' | grep -q 5201; do read -rt 0.05 <> <(:) || true; done

# Known traffic: 40 Mbit/s of TCP in two streams, 4 Mbit/s of UDP in datagrams of 200 bytes.
load() {
  ip netns exec lab-client "$isotach" nettest -c 10.7.0.2 -b 20M -P 2 -t "$1" >/dev/null 2>&1 &
  ip netns exec lab-client "$isotach" nettest -c 10.7.0.2 -u -b 4M -l 200 -t "$1" >/dev/null 2>&1 &
}

load 26
read -rt 1 <> <(:) || true # the load is on its way
COLUMNS=114 server "$isotach" traffic eth0 --record "$work/run.isotach" -i 100ms -t 10s \
  --by interface --by protocol --by flow --by process --by station --by size >"$here/report.txt"
tmux -L "$terminal" -f /dev/null new-session -d -x 120 -y 32 \
  "TERM=xterm-256color LC_ALL=C.UTF-8 ip netns exec lab-server $isotach traffic eth0 -i 100ms"
until tmux -L "$terminal" capture-pane -p | grep -q '^FLOWS'; do read -rt 0.1 <> <(:) || true; done
read -rt 5 <> <(:) || true # the graphs fill
tmux -L "$terminal" capture-pane -e -p |
  python3 "$here/../../docs/images/terminal_svg.py" 120 32 'isotach traffic eth0' >"$here/live.svg"

"$isotach" plot "$work/run.isotach" 'traffic_protocol_in_bytes*' --svg "$here/protocols.svg"
"$isotach" plot "$work/run.isotach" 'traffic_size_in_packets*' --svg "$here/sizes.svg"
