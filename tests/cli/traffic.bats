#!/usr/bin/env bats
# isotach traffic as any user: what it prints whatever the source may be, and what it refuses. All on loopback.

setup() {
  load helpers
  cd "$BATS_TEST_TMPDIR" || return 1
}

# Datagrams over loopback, as long as the test runs.
send_datagrams() {
  python3 -c '
import socket, time
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 30
while time.monotonic() < end:
    sender.sendto(bytes(100), receiver.getsockname())
    receiver.recv(200)
    time.sleep(0.002)' &
  sender=$!
}

teardown() {
  [[ -z ${sender-} ]] || kill "$sender" 2>/dev/null || true
}

@test "a report says what counted, what was not accounted for, and how much there was" {
  send_datagrams
  isotach traffic lo -t 300ms
  exit_code 0
  no_err
  out '^interfaces +lo$'
  out '^source +(eBPF|packet ring|counters), not accounted ([0-9]+|unknown)'
  out '^in +[0-9.]+ [kM]?bit/s, [0-9.]+ k?/s packets; in all '
  out '^interface +of speed +not accounted +dropped +in +out +packets +total'
  out '^lo +- '
}

@test "a narrow terminal leaves columns out, not the row" {
  COLUMNS=40 isotach traffic lo -t 100ms --by interface
  exit_code 0
  out '^lo '
  [[ $(sed -n '/^interface /,$p' <<<"$output" | wc -L) -le 40 ]]
}

@test "JSON: one document with every key" {
  send_datagrams
  isotach traffic lo --json -t 300ms
  exit_code 0
  json '.schema' isotach.traffic.v1
  json '.source | IN("bpf", "ring", "counters")'
  json '.interval_ns > 200000000 and .running_ns >= .interval_ns - 1'
  json '(.total | keys - ["in_bytes", "out_bytes", "in_packets", "out_packets", "in_bits_per_second",
    "out_bits_per_second", "in_packets_per_second", "out_packets_per_second", "peak_bits_per_second",
    "mean_bits_per_second"]) == []'
  json '.total.in_packets > 10 and .total.in_bytes > 1000 and .total.in_bits_per_second > 0'
  json '.accounting | has("not_accounted_packets") and has("other_packets") and has("source_dropped_packets")'
  json '[.protocols, .interfaces, .flows, .hosts, .stations, .ports, .processes, .containers, .sizes, .vlans,
    .dscp, .casts | type == "array"] | all'
  json '.interfaces[0].interface' lo
  json '.interfaces[0] | has("kernel_in_packets") and has("not_accounted_in_packets") and has("in_dropped")'
}

@test "where packets are seen flows, totals and the kernel's counters agree" {
  send_datagrams
  isotach traffic lo --json -t 300ms
  [[ $(jq -r .source <<<"$output") != counters ]] || skip "only counters may be read here"
  json '.accounting.counted_packets == .accounting.in_flows_packets'
  json '[.flows[] | select(.protocol == "udp" and .remote_address == "127.0.0.1")] | length > 0'
  json '.flows[0] | has("state") and has("rtt_ns") and has("process") and has("vlan") and has("flags_in")'
  json '([.sizes[].in_packets] | add) == .total.in_packets'
  json '([.casts[].out_packets] | add) == .total.out_packets'
}

@test "one object a line, and CSV with one head" {
  isotach traffic lo --json-stream -i 20ms -n 3
  exit_code 0
  [[ ${#lines[@]} == 3 ]]
  [[ $(jq -r .schema <<<"$output" | sort -u) == isotach.traffic.v1 ]]
  local kind
  for kind in interface flow host protocol port process size; do
    isotach traffic lo --csv --by "$kind" -i 50ms -n 2
    exit_code 0
    [[ ${lines[0]} == time,* && ${lines[0]} == *,mean_bits_per_second ]]
    [[ $(grep -c ^time, <<<"$output") == 1 ]]
  done
  isotach traffic lo --csv -i 20ms -n 2
  [[ ${#lines[@]} == 3 ]]
}

@test "only what was asked for" {
  isotach traffic lo --json -t 100ms --by size --by interface --top 1
  exit_code 0
  json '[has("sizes"), has("interfaces"), has("flows"), has("hosts")] == [true, true, false, false]'
  send_datagrams
  isotach traffic lo --json -t 200ms --by flow --top 1
  json '.flows | length <= 1'
}

@test "what cannot be meant is refused, with what was meant" {
  isotach traffic lp
  usage_error
  err "there is no interface 'lp'"
  err 'did you mean: lo\?'
  isotach traffic --by hosts
  usage_error
  err "host"
  local wrong
  for wrong in '-i fast' '-n 0' '-t soon' '--top some' '--sort size' '--source magic' '--flow-limit 0' \
    '--csv --by flow --by host' '--rotate 1M' '--log x --rotate tiny' '--log x --rotate 12' \
    '--ipfix nowhere' '--ipfix host:99999' '--ipfix ::1:4739'; do
    # shellcheck disable=SC2086
    isotach traffic lo $wrong
    usage_error
  done
  for wrong in '--json --csv' '--log x --json'; do
    # shellcheck disable=SC2086
    isotach traffic lo $wrong
    exit_code 2
    json '.schema' isotach.error.v1
  done
}

@test "a filter that is not understood is a usage error" {
  isotach traffic lo --filter 'tcp prt 80' -t 100ms
  [[ $status == 2 || $status == 4 ]] || fails_with "should be refused"
  no_out
}

@test "a log is rotated, and holds whole lines" {
  isotach traffic lo --log traffic.log --rotate 8Ki -i 20ms -n 12 --by interface --by size
  exit_code 0
  no_out
  [[ -e traffic.log && -e traffic.log.1 ]]
  cat traffic.log.? traffic.log | jq -e 'select(.schema != "isotach.traffic.v1")' && return 1
  [[ $(cat traffic.log.? traffic.log | wc -l) == 12 ]]
  local file
  for file in traffic.log*; do [[ $(wc -c <"$file") -le 8192 ]]; done
}

@test "a log of CSV has a head in each file, and a second run goes on in it" {
  isotach traffic lo --log traffic.csv --csv -i 20ms -n 2
  isotach traffic lo --log traffic.csv --csv -i 20ms -n 2
  exit_code 0
  [[ $(grep -c ^time, traffic.csv) == 1 ]]
  [[ $(wc -l <traffic.csv) == 5 ]]
  isotach traffic lo --log no/such/folder -n 1
  exit_code 1
  err 'cannot open no/such/folder'
}

@test "a recording holds the counters, and is replayed and plotted" {
  send_datagrams
  isotach traffic lo --record run.isotach -i 50ms -n 6 --by interface
  exit_code 0
  isotach replay --info run.isotach --json
  json '.command' traffic
  isotach replay --json --view samples run.isotach
  exit_code 0
  json '[.series[].key] | index("traffic_interface_in_bytes{interface=\"lo\"}") != null'
  json '.samples | length >= 6'
  isotach plot run.isotach 'traffic_interface_in_bytes*' --svg lo.svg
  exit_code 0
  [[ -s lo.svg ]]
  isotach traffic lo --record run.isotach -n 1
  exit_code 1
  err 'run.isotach'
}

@test "Ctrl-C prints what there is: 130 when a planned time was cut short, else 0" {
  local planned
  for planned in '-t 60s' ''; do
    # A program started with & in a script ignores SIGINT, so it is started by Python.
    # shellcheck disable=SC2086
    run --separate-stderr python3 - "$ISOTACH" traffic lo --json-stream -i 50ms $planned <<'PYTHON'
import signal, subprocess, sys
program = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
assert program.stdout.readline().startswith("{")
program.send_signal(signal.SIGINT)
rest = program.communicate(timeout=20)[0]
sys.exit(program.returncode)
PYTHON
    if [[ -n $planned ]]; then exit_code 130; else exit_code 0; fi
  done
}

@test "a closed pipe ends it quietly" {
  run bash -o pipefail -c '"$ISOTACH" traffic lo --json-stream -i 10ms | head -1 >/dev/null'
  [[ $status == 0 || $status == 141 ]]
  [[ -z $output ]]
}

@test "looking names up holds nothing up" {
  SECONDS=0
  isotach traffic lo --resolve --json -t 100ms
  exit_code 0
  ((SECONDS < 10))
  json 'has("hosts")'
}

@test "without rights the counters are read, and what would help is said" {
  ((EUID == 0)) || skip "needs root to drop its rights"
  run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all \
    "$ISOTACH" traffic lo --json -t 100ms
  exit_code 0
  json '.source' counters
  json '.reason != "" and (.missing | length > 0)'
  err 'only the interfaces. counters and TCP sockets are seen: .*; run as root'
  json '.accounting.counted_packets' null
  json '.interfaces[0].interface' lo
}

@test "the agent and the page count traffic when asked to" {
  send_datagrams
  isotach agent --once --traffic --format prometheus
  exit_code 0
  out '^isotach_traffic_protocol_in_bytes_total\{protocol="UDP"\} [0-9]+$'
  out '^isotach_traffic_size_out_packets_total\{size="64-127"\} [0-9]+$'
  out '^isotach_traffic_interface_in_packets_total\{interface="lo"\} [0-9]+$'
  isotach agent --once
  if grep -q traffic_ <<<"$output"; then fails_with 'nobody asked for traffic'; fi
  isotach agent --once --traffic --proc-root /
  exit_code 2
  isotach web --traffic --proc-root /
  exit_code 2
}
