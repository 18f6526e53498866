#!/usr/bin/env bats
# isotach connections from the outside: formats, selection, packed and damaged captures, pipes, errors.

bats_require_minimum_version 1.5.0
load helpers

setup() {
  CORPUS=$BATS_TEST_DIRNAME/../../fuzz/corpus/captures
  TALK=$CORPUS/talk
}

@test "the table has a line for each connection and what was sent again" {
  isotach connections "$TALK"
  exit_code 0
  no_err
  out '^2 connections in 18 TCP packets of 18 frames: 1 complete, 1 reset, 0 incomplete$'
  out '^1  10\.0\.0\.1:40000  10\.0\.0\.2:80 '
  [[ $(wc -l <<< "$output") == 4 ]] || fails_with "a sum, a head and two lines are expected"
}

@test "of a long list the first thousand, unless all are asked for" {
  many=$BATS_TEST_TMPDIR/many.pcap
  python3 - "$many" << 'PYTHON'
import struct
import sys

with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 228))  # link type IPV4
    for i in range(1003):
        tcp = struct.pack(">HHIIBBHHH", 10000 + i, 80, 1, 0, 0x50, 2, 1000, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, i, 0, 64, 6, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
        file.write(struct.pack("<IIII", i, 0, 40, 40) + ip + tcp)
PYTHON
  isotach connections "$many"
  exit_code 0
  out '^1003 connections in '
  out '^1000 of them are shown$'
  out '^3 more: --all lists them, --sort bytes --top 20 the largest$'
  [[ $(grep -c '10\.0\.0\.2:80' <<< "$output") == 1000 ]] || fails_with "a thousand lines are expected"
  for words in "--all" "--top 1003" "--csv"; do
    # shellcheck disable=SC2086
    isotach connections $words "$many"
    [[ $(grep -c '10\.0\.0\.2:80' <<< "$output") == 1003 ]] || fails_with "$words: all are expected"
  done
}

@test "several files are pieces of one, in the order of their first frames" {
  python3 - "$TALK" "$BATS_TEST_TMPDIR" << 'PYTHON'
import struct
import sys

data = open(sys.argv[1], "rb").read()
places = [24]
while places[-1] < len(data):
    places.append(places[-1] + 16 + struct.unpack_from("<I", data, places[-1] + 8)[0])
middle = places[len(places) // 2]
for name, piece in ("10", data[24:middle]), ("2", data[middle:]):
    open(f"{sys.argv[2]}/piece{name}.pcap", "wb").write(data[:24] + piece)
PYTHON
  whole=$("$ISOTACH" connections --csv "$TALK")
  isotach connections --csv "$BATS_TEST_TMPDIR/piece10.pcap" "$BATS_TEST_TMPDIR/piece2.pcap"
  exit_code 0
  no_err
  [[ $output == "$whole" ]] || fails_with "in order they are one"
  isotach connections --csv "$BATS_TEST_TMPDIR/piece2.pcap" "$BATS_TEST_TMPDIR/piece10.pcap"
  exit_code 0
  err 'the files are read in the order of their first frames'
  [[ $output == "$whole" ]] || fails_with "in another order too"
}

@test "a time for an interface is told what it was meant for" {
  isotach connections -i 0.1 -n 3
  exit_code 2
  err "-i names an interface to capture on, and '0\.1' is a time"
  err 'write: isotach connections --interval 0\.1'
}

@test "no line is wider than the terminal" {
  for columns in 40 60 80 120; do
    COLUMNS=$columns isotach connections "$TALK"
    exit_code 0
    ! grep -qE ".{$((columns + 1))}" <<< "${output#*$'\n'}" || fails_with "wider than $columns columns"
  done
}

@test "details, by number" {
  isotach connections -l -o 1 "$TALK"
  exit_code 0
  out '^connection 1: a 10\.0\.0\.1:40000  b 10\.0\.0\.2:80$'
  out '^  retransmissions +2 +0$'
  ! grep -q '^connection 2' <<< "$output" || fails_with "only the first was asked for"
}

@test "what limited it, in all formats" {
  isotach connections --why "$TALK"
  exit_code 0
  no_err
  out '^1  10\.0\.0\.1:40000 -> 10\.0\.0\.2:80  '
  out '^   [a-z ]+ [0-9. ]+ %  '
  isotach connections --why --json "$TALK"
  exit_code 0
  [[ $(jq '.connections[0].why_a2b.shares | add | . > 0.99 and . < 1.01' <<< "$output") == true ]]
  isotach connections --why --csv "$TALK"
  exit_code 0
  [[ $(head -n 1 <<< "$output") == *,limit_a2b,sender_application_share_a2b,*,path_capacity_share_b2a ]]
  for columns in 40 70 120; do
    COLUMNS=$columns isotach connections --why "$TALK"
    exit_code 0
  done
}

@test "graphs: a page, pictures, and files for xplot" {
  cd "$BATS_TEST_TMPDIR"
  isotach connections -o 1 --report page.html --svg pictures --xplot xpl "$TALK"
  exit_code 0
  no_err
  grep -q 'Time and sequence, a to b' page.html
  grep -q 'Retransmissions and troubles, a to b' page.html
  grep -q '<a href="#section-1">1</a></td><td>10\.0\.0\.1' page.html || fails_with "a row leads to its graphs"
  ! grep -qE '(src|href)="?https?:' page.html || fails_with "the page must load nothing"
  rsvg-convert pictures/1_a2b_time_sequence.svg > picture.png
  grep -q '</svg>' pictures/1_a2b_timeline.svg
  [[ $(head -n 1 xpl/a2b_tsg.xpl) == "timeval double" && $(tail -n 1 xpl/a2b_tsg.xpl) == go ]]
  [[ $(grep -c '^R$' xpl/a2b_tsg.xpl) == 2 ]] || fails_with "two retransmissions are marked"
  [[ ! -e xpl/c2d_tsg.xpl ]] || fails_with "only the first connection was asked for"
  isotach connections --report /nowhere/page.html "$TALK"
  exit_code 1
  err 'cannot write /nowhere/page.html: No such file'
  isotach connections --report page.html --tcptrace-output "$TALK"
  usage_error
}

@test "conditions and filters choose, and say what is wrong with them" {
  isotach connections -f 'retransmits>1 && duration>1s' --csv "$TALK"
  exit_code 0
  [[ $(wc -l <<< "$output") == 2 && $(tail -n 1 <<< "$output") == 1,* ]]
  isotach connections --where 'state = reset or limit = loss' "$TALK"
  exit_code 0
  isotach connections --filter 'src host 10.0.0.1' --json "$TALK"
  exit_code 0
  [[ $(jq '[.connections[].b2a.total_packets] | add' <<< "$output") == 0 ]]
  err 'frames did not match the filter$'
  isotach connections -f 'retransmit>1' "$TALK"
  exit_code 2
  no_out
  err "there is no field 'retransmit'"
  err 'did you mean retransmits\?'
  isotach connections --filter 'tcp prt 80' "$TALK"
  exit_code 2
  err "'tcp prt 80' is no filter: "
  isotach connections --fields
  exit_code 0
  out '^retransmits '
  out '^rtt_avg +ms '
}

@test "JSON says what the table says" {
  isotach connections --json "$TALK"
  exit_code 0
  [[ $(jq -r .schema <<< "$output") == isotach.connections.v1 ]]
  [[ $(jq .tcp_packets <<< "$output") == 18 ]]
  [[ $(jq -c '[.connections[].complete]' <<< "$output") == '["yes","RESET"]' ]]
  [[ $(jq '.connections[0].a2b.rexmt_data_pkts' <<< "$output") == 2 ]]
  [[ $(jq '.connections[0].a2b.keep_alive_pkts' <<< "$output") == 1 ]]
}

@test "JSON a line, and CSV, have every connection and field" {
  isotach connections --json-stream "$TALK"
  exit_code 0
  [[ $(jq -r .conn <<< "$output" | tr '\n' ' ') == "1 2 " ]]
  local fields
  fields=$(head -n 1 <<< "$output" | jq '.a2b | length')
  isotach connections --csv "$TALK"
  exit_code 0
  [[ $(head -n 1 <<< "$output" | tr ',' '\n' | wc -l) == $((9 + 2 * fields)) ]]
  [[ $(wc -l <<< "$output") == 3 ]]
}

@test "what tcptrace prints" {
  isotach connections --tcptrace-output "$TALK"
  exit_code 0
  out '^TCP connection 2:$'
  out '^     total packets: +10 +total packets: +6 +$'
  out '^     throughput: +NA' || out '^     throughput: +[0-9]+ Bps'
}

@test "a packed capture, and one on a pipe, say the same" {
  isotach connections --csv "$CORPUS/gzip"
  exit_code 0
  local packed=$output
  isotach connections --csv "$CORPUS/zstd"
  exit_code 0
  [[ $output == "$packed" ]] || fails_with "zstd and gzip should hold the same"
  # shellcheck disable=SC2016  # the inner shell expands them
  run --separate-stderr bash -c 'zstd -dc "$1" | "$ISOTACH" connections --csv -' - "$CORPUS/zstd"
  exit_code 0
  [[ $output == "$packed" ]] || fails_with "the pipe should hold the same"
}

@test "several files are one capture" {
  head -c 600 "$TALK" > "$BATS_TEST_TMPDIR/first"
  isotach connections --json "$TALK" "$CORPUS/wrap_raw"
  exit_code 0
  [[ $(jq '.files | length' <<< "$output") == 2 ]]
  [[ $(jq .tcp_packets <<< "$output") == 32 ]]
}

@test "a capture that is cut short is shown up to there" {
  head -c 700 "$TALK" > "$BATS_TEST_TMPDIR/short"
  isotach connections "$BATS_TEST_TMPDIR/short"
  exit_code 1
  out '^1 connection in'
  err 'it ends in the middle of frame [0-9]+; what is shown ends there$'
}

@test "sorted, and only the first" {
  isotach connections --sort bytes --top 1 --csv "$TALK"
  exit_code 0
  [[ $(tail -n 1 <<< "$output") == 1,* ]]
  isotach connections -o 2- --csv "$TALK"
  [[ $(tail -n 1 <<< "$output") == 2,* ]]
}

@test "threads change nothing" {
  for format in --json --tcptrace-output; do
    isotach connections $format --threads 1 "$TALK"
    exit_code 0
    alone=$output
    isotach connections $format --threads 3 "$TALK"
    exit_code 0
    [[ $output == "$alone" ]] || fails_with "three threads have another result"
  done
  isotach connections --threads 65 "$TALK"
  exit_code 2
  err 'read by 64 threads at most'
}

@test "what is no capture" {
  isotach connections /etc/passwd
  exit_code 1
  no_out
  err 'cannot read /etc/passwd: it is no capture'
  isotach connections "$BATS_TEST_TMPDIR/nothing"
  exit_code 1
  err 'No such file'
  isotach connections "$BATS_TEST_TMPDIR"
  exit_code 1
  err 'Is a directory'
}

@test "the connections of this machine" {
  isotach connections --interval 100ms -n 1
  exit_code 0
  no_err
  out '^[0-9]+ TCP connections, [0-9]+ established; sends .*, receives .*$'
  isotach connections --json --interval 100ms
  exit_code 0
  [[ $(jq -r .schema <<< "$output") == isotach.connections.live.v1 ]]
  isotach connections --json-stream --interval 100ms -n 2
  exit_code 0
  [[ $(wc -l <<< "$output") == 2 ]]
  isotach connections --csv --interval 100ms -n 2
  exit_code 0
  [[ $(grep -c '^time,local,remote,' <<< "$output") == 1 ]]
  isotach connections --where 'rtt > 1'
  usage_error
}

@test "a file that grows is read on" {
  head -c 700 "$TALK" > "$BATS_TEST_TMPDIR/grows"
  "$ISOTACH" connections --follow --for 30s --json "$BATS_TEST_TMPDIR/grows" > "$BATS_TEST_TMPDIR/out" &
  local pid=$!
  tail -c +701 "$TALK" >> "$BATS_TEST_TMPDIR/grows"
  # It has read the rest once its place in the file is the end.
  local size place
  size=$(stat -c %s "$BATS_TEST_TMPDIR/grows")
  for _ in {1..300}; do
    place=$(grep -h -A1 pos: /proc/$pid/fdinfo/* 2> /dev/null | awk '/pos:/ {print $2}' | sort -n | tail -n 1)
    if [[ $place == "$size" ]]; then break; fi
    read -rt 0.05 < <(tail -f /dev/null) || true
  done
  kill -INT "$pid"
  wait "$pid"
  [[ $(jq .tcp_packets "$BATS_TEST_TMPDIR/out") == 18 ]]
  isotach connections --follow "$TALK" "$TALK"
  usage_error
}

@test "an interface that there is not" {
  isotach connections -i no-such-one -t 1s
  if ((status == 4)); then skip "capturing is not permitted here"; fi
  exit_code 1
  err 'there is no interface no-such-one'
  isotach connections -i lo "$TALK"
  usage_error
  isotach connections -n 3 "$TALK"
  usage_error
}

@test "an SQLite file has every statistic" {
  isotach connections --sqlite "$BATS_TEST_TMPDIR/c.sqlite" --why "$TALK"
  exit_code 0
  [[ $(sqlite3 "$BATS_TEST_TMPDIR/c.sqlite" \
    'SELECT conn, state, rexmt_data_pkts_a2b, limit_a2b FROM connections WHERE port_b = 80 ORDER BY conn LIMIT 1') \
    == '1|complete|2|loss' ]]
  isotach connections --sqlite "$BATS_TEST_TMPDIR/c.sqlite" "$TALK"
  exit_code 1
  err 'File exists'
}

# Message heads, templates and records by the rules of RFC 7011 alone: one line for each record.
read_ipfix() {
  /usr/bin/python3 - "$1" <<'PYTHON'
import ipaddress, struct, sys

data = open(sys.argv[1], "rb").read()
templates, at, records = {}, 0, 0
while at < len(data):
    version, length, _, sequence, _ = struct.unpack_from(">HHIII", data, at)
    assert version == 10 and sequence == records, (version, sequence, records)
    place = at + 16
    while place < at + length:
        kind, size = struct.unpack_from(">HH", data, place)
        body, end = place + 4, place + size
        while kind == 2 and body < end:
            number, count = struct.unpack_from(">HH", data, body)
            templates[number] = [struct.unpack_from(">HH", data, body + 4 + 4 * i) for i in range(count)]
            body += 4 + 4 * count
        while kind >= 256 and body < end:
            flow = {}
            for element, width in templates[kind]:
                flow[element] = int.from_bytes(data[body:body + width], "big")
                body += width
            records += 1
            source, target = (ipaddress.ip_address(flow[i]) for i in ((8, 12) if 8 in flow else (27, 28)))
            print(f"{source}:{flow[7]} {target}:{flow[11]} protocol {flow[4]}, {flow[2]} packets, {flow[1]} bytes,"
                  f" flags {flow[6]:02x}, {flow[153] - flow[152]} ms")
        place += size
    at += length
PYTHON
}

@test "flow records in an IPFIX file" {
  isotach connections --ipfix "$BATS_TEST_TMPDIR/c.ipfix" --csv "$TALK"
  exit_code 0
  err '^isotach connections: 4 flow records written to .*c\.ipfix$'
  rows=$output
  run --separate-stderr read_ipfix "$BATS_TEST_TMPDIR/c.ipfix"
  exit_code 0
  [[ $(wc -l <<< "$output") == 4 ]]
  # As many packets as the statistics have, SYN, FIN, PSH and ACK of a side that opened, sent and closed.
  sums=$(sed 's/.* \([0-9]*\) packets.*/\1/' <<< "$output" | paste -sd+ | bc)
  [[ $sums == 18 ]] || fails_with "$sums packets are in the records, and 18 in the capture"
  out '^10\.0\.0\.1:40000 10\.0\.0\.2:80 protocol 6, [0-9]+ packets, [0-9]+ bytes, flags [01][0-9a-f], [0-9]+ ms$'
  out '^10\.0\.0\.2:80 10\.0\.0\.1:40000 protocol 6, '
  [[ -n $rows ]]
  isotach connections --ipfix "$BATS_TEST_TMPDIR/c.ipfix" "$TALK"
  exit_code 1
  err 'File exists'
  isotach connections --ipfix "$BATS_TEST_TMPDIR/d.ipfix" --udp "$TALK"
  usage_error
  isotach connections --ipfix 127.0.0.1:99999 "$TALK"
  usage_error
  err "'127\.0\.0\.1:99999' is no HOST:PORT"
}

@test "flow records to a collector: nfdump finds every packet and byte" {
  command -v nfcapd >/dev/null || skip "nfdump is not installed"
  unshare -rn true 2>/dev/null || skip "no network namespaces here"
  mkdir "$BATS_TEST_TMPDIR/flows"
  isotach connections --ipfix "$BATS_TEST_TMPDIR/c.ipfix" --csv "$TALK"
  run --separate-stderr unshare -rn bash -c '
    cd "$1" && ip link set lo up
    nfcapd -p 9995 -b 127.0.0.1 -w flows -t 3600 >nfcapd.log 2>&1 & collector=$!
    until [[ -n $(ss -Hlun "sport = 9995") ]]; do read -rt 0.02 <> <(:) || true; done
    "$ISOTACH" connections --ipfix 127.0.0.1:9995 "$2" >&2
    until [[ -z $(ss -Hun "sport = 9995" | awk "\$2 > 0") ]]; do read -rt 0.02 <> <(:) || true; done
    kill -TERM $collector
    wait $collector
    nfdump -R flows -q -N -o "fmt:%sa:%sp %da:%dp protocol %pr, %pkt packets, %byt bytes" | tr -s " "
  ' - "$BATS_TEST_TMPDIR" "$TALK"
  exit_code 0
  told=$(tr -d ' ' <<< "$output" | sort)
  mine=$(read_ipfix "$BATS_TEST_TMPDIR/c.ipfix" | sed 's/, flags.*//' | tr -d ' ' | sort)
  [[ $told == "$mine" ]] || fails_with "nfdump says $told, the file $mine"
}

@test "flows of UDP" {
  isotach connections --udp "$TALK"
  exit_code 0
  out '^0 UDP flows in 0 datagrams of 18 frames$'
  isotach connections -u --json "$TALK"
  exit_code 0
  [[ $(jq -c .flows <<< "$output") == '[]' ]]
  isotach connections --udp --why "$TALK"
  usage_error
}

@test "usage errors" {
  isotach connections -o 0 "$TALK"
  usage_error
  isotach connections -o 5-2 "$TALK"
  usage_error
  isotach connections --sort name "$TALK"
  usage_error
  isotach connections --tcptrace-output --json "$TALK"
  exit_code 2
  isotach connections --why --long "$TALK"
  usage_error
  isotach connections - - < "$TALK"
  usage_error
}

@test "a closed pipe ends quietly" {
  # shellcheck disable=SC2016  # the inner shell expands them
  run --separate-stderr bash -c '"$ISOTACH" connections -l "$1" | head -n 1' - "$TALK"
  exit_code 0
  no_err
}
