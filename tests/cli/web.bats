#!/usr/bin/env bats
# isotach web on the command line and over HTTP; tests/browser looks at the page itself.

# shellcheck disable=SC2030,SC2031 # bats runs each test in a process of its own
# shellcheck disable=SC2016 # jq and the inner shells expand their own variables

load helpers

setup() {
  command -v curl >/dev/null || skip "curl is not installed"
  started=()
}

teardown() {
  local pid
  for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
}

# Starts the server on a free port; sets $url (without token), $pid, and $talk to what else it says.
# It becomes a job of its own session, because background jobs of a script ignore SIGINT.
start_web() {
  local line
  exec {talk}< <(exec python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.setsid()
os.execv(sys.argv[1], sys.argv[1:])' "$ISOTACH" web --listen 127.0.0.1:0 "$@" 2>"$BATS_TEST_TMPDIR/talk" 3>&-)
  pid=$!
  started+=("$pid")
  read -r -t 30 -u "$talk" line || { cat "$BATS_TEST_TMPDIR/talk" >&2; return 1; }
  [[ $line == http://127.0.0.1:* ]]
  url=${line%%\?*}
  address=$line
}

get() { curl -sS --max-time 20 "$@"; }

# Ends when the server has.
wait_for_end() { timeout 20 tail --pid="$pid" -f /dev/null; }

@test "web says its address, answers, and Ctrl-C ends it with 0" {
  start_web
  run get -o /dev/null -w '%{http_code} %{content_type}' "$url"
  [ "$output" = "200 text/html; charset=utf-8" ]
  kill -INT "$pid"
  wait_for_end
  run cat "$BATS_TEST_TMPDIR/talk"
  [[ $output != *terminate* ]]
}

@test "web's numbers are the kernel's" {
  start_web
  output=$(get "${url}api/latest")
  json '.schema' isotach.web.latest.v1
  json '.values.memory_total_bytes' "$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) * 1024))"
  json '.number >= 1'
}

@test "web gives the history as columns of the same length" {
  start_web -i 10ms
  until output=$(get "${url}api/history?series=memory_*"); [ "$(jq .last_number <<<"$output")" -ge 5 ]; do :; done
  json '.schema' isotach.web.history.v1
  json '(.wall_time_ms | length) as $n | [.series[] | length == $n] | all'
  json '[.series | keys[] | startswith("memory_")] | all'
}

@test "web tells what the doctor finds, and which connections are busy" {
  start_web
  until output=$(get "${url}api/findings"); [ "$(jq .number <<<"$output")" -ge 1 ]; do :; done
  json '.schema' isotach.web.findings.v1
  json '.connection_count >= 0 and (.connections | type == "array")'
  json '[.findings[] | .id and .title and .meaning and .how] | all'
  run timeout 20 bash -c 'curl -sN --max-time 15 "$1api/events" | grep -m 1 "^event: findings"' _ "$url"
  [ "$status" -eq 0 ]
}

@test "web streams samples in order, and resumes where a viewer was" {
  start_web -i 10ms
  run timeout 20 bash -c 'curl -sN --max-time 15 "$1api/events" | grep -m 5 "^id:"' _ "$url"
  numbers=$(cut -d: -f3 <<<"$output")
  [ "$(wc -l <<<"$numbers")" -eq 5 ]
  [ "$numbers" = "$(seq "$(head -1 <<<"$numbers")" "$(tail -1 <<<"$numbers")")" ]
  last=$(tail -1 <<<"$output" | sed 's/^id: //')
  run timeout 20 bash -c 'curl -sN --max-time 15 -H "Last-Event-ID: $2" "$1api/events" | grep -m 1 "^id:"' _ "$url" "$last"
  [ "$output" = "id: ${last%:*}:$((${last##*:} + 1))" ]
}

@test "web shows the ninth viewer that there is no place" {
  start_web
  for _ in 1 2 3 4 5 6 7 8; do
    exec {stream}< <(exec curl -sN --max-time 60 "${url}api/events" 3>&-)
    started+=($!)
    read -r -t 20 -u "$stream" _
  done
  run get -o /dev/null -w '%{http_code}' "${url}api/events"
  [ "$output" = 503 ]
  run get -o /dev/null -w '%{http_code}' "${url}api/latest"
  [ "$output" = 200 ]
}

@test "web wants a token where others can reach it" {
  isotach web --listen 0.0.0.0:0
  exit_code 2
  no_out
  err 'token'
  err -- '--token auto'
}

@test "web --token auto prints one that opens everything" {
  start_web --token auto
  token=${address##*=}
  [[ $token =~ ^[0-9a-f]{32}$ ]]
  for path in "" api/latest api/series metrics; do
    run get -o /dev/null -w '%{http_code}' "$url$path"
    [ "$output" = 401 ]
    run get -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$url$path"
    [ "$output" = 200 ]
  done
  run get -o /dev/null -w '%{http_code}' -L -c "$BATS_TEST_TMPDIR/jar" -b "$BATS_TEST_TMPDIR/jar" "$address"
  [ "$output" = 200 ]
}

@test "web takes its token from a file too" {
  printf 'a-token-from-a-file\n' >"$BATS_TEST_TMPDIR/token"
  start_web --token-file "$BATS_TEST_TMPDIR/token"
  run get -o /dev/null -w '%{http_code}' -H "Authorization: Bearer a-token-from-a-file" "${url}api/latest"
  [ "$output" = 200 ]
}

@test "web refuses requests meant for another site" {
  start_web
  run get -o /dev/null -w '%{http_code}' -H 'Host: evil.example' "${url}api/latest"
  [ "$output" = 403 ]
}

@test "web names the port that is in use" {
  start_web
  port=${url##*:}
  port=${port%/}
  isotach web --listen "127.0.0.1:$port"
  exit_code 1
  no_out
  err "port $port of 127.0.0.1 is in use"
  err -- '--listen'
}

@test "web refuses nonsense" {
  for arguments in '-i 0' '-i -1' '-i abc' '-i 1ms' '--history 0' '--history x' '--listen 1.2.3' '--listen :99999' \
    '--listen a:b:c' '--token short' '--token ' '--token a --token-file b' 'a.isotach -i 1' '--nonsense'; do
    IFS=' ' read -r -a words <<<"$arguments"
    [[ $arguments != '--token ' ]] || words=(--token '')
    isotach web "${words[@]}"
    usage_error
  done
}

@test "web of a recording that is none says so" {
  printf 'this is no recording' >"$BATS_TEST_TMPDIR/x.isotach"
  isotach web "$BATS_TEST_TMPDIR/x.isotach"
  exit_code 1
  no_out
  isotach web "$BATS_TEST_TMPDIR/absent.isotach"
  exit_code 1
  err 'absent.isotach'
}

@test "web records what it shows, and shows what was recorded" {
  start_web -i 20ms --record "$BATS_TEST_TMPDIR/r.isotach"
  until [ "$(get "${url}api/latest" | jq .number)" -ge 10 ]; do :; done
  recorded=$(get "${url}api/history?series=memory_free_bytes&limit=5" | jq -c '[.wall_time_ms, .series]')
  kill -INT "$pid"
  wait_for_end
  grep -q 'wrote [0-9]* samples' "$BATS_TEST_TMPDIR/talk"
  start_web "$BATS_TEST_TMPDIR/r.isotach"
  shown=$(get "${url}api/history?series=memory_free_bytes&limit=5" | jq -c '[.wall_time_ms, .series]')
  [ "$shown" = "$recorded" ]
  output=$(get "${url}api/series")
  json .session.mode recording
  # Without a browser the recording is the overview's.
  "$ISOTACH" replay "$BATS_TEST_TMPDIR/r.isotach" | grep -q 'health report'
}

@test "web --files lists a folder, and opens its recordings and reports" {
  mkdir "$BATS_TEST_TMPDIR/files"
  "$ISOTACH" record -i 10ms -n 5 "$BATS_TEST_TMPDIR/files/a.isotach" </dev/null
  echo '<title>a report</title>' >"$BATS_TEST_TMPDIR/files/r.html"
  ln -s /etc/passwd "$BATS_TEST_TMPDIR/files/link.html"
  start_web --files "$BATS_TEST_TMPDIR/files/"
  output=$(get "${url}api/files")
  json '.schema' isotach.web.files.v1
  json '.folder' "$BATS_TEST_TMPDIR/files"
  json '[.files[] | [.name, .kind]] | sort | tojson' '[["a.isotach","recording"],["r.html","report"]]'
  output=$(get "${url}api/series?recording=a.isotach")
  json '.session.mode' recording
  output=$(get "${url}api/history?recording=a.isotach")
  json '.wall_time_ms | length' 5
  run get -D - "${url}report?name=r.html"
  [[ $output == *sandbox*'<title>a report</title>'* ]]
  [[ $output != *"default-src 'self'"* ]]
  for outside in link.html ../files/r.html /etc/passwd; do
    run get -o /dev/null -w '%{http_code}' -G --data-urlencode "name=$outside" "${url}report"
    [ "$output" = 404 ]
  done
  isotach web --files "$BATS_TEST_TMPDIR/absent"
  exit_code 1
  err absent
}

# Captures that cost more than they look: frames without end, connections without end, nothing without end.
make_bombs() {
  python3 - "$1" <<'PYTHON'
import gzip
import struct
import sys

folder = sys.argv[1]
head = struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 228)  # link type IPV4


def zstd_frame(blocks):  # (kind, size, bytes): kind 0 is plain, 1 is one byte repeated
    out = b"\x28\xb5\x2f\xfd\x00\x38"
    for i, (kind, size, data) in enumerate(blocks):
        last = 1 if i == len(blocks) - 1 else 0
        out += struct.pack("<I", size << 3 | kind << 1 | last)[:3] + data
    return out


def syn(i):
    tcp = struct.pack(">HHIIBBHHH", i & 0xffff, 80, 1, 0, 0x50, 2, 1000, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, i & 0xffff, 0, 64, 6, 0,
                     struct.pack(">I", 0x0a000000 + (i >> 16)), bytes([10, 1, 0, 2]))
    return struct.pack("<IIII", i // 1000, 0, 40, 40) + ip + tcp


zeros = zstd_frame([(1, 1 << 17, b"\0")] * 1024)  # 128 MiB in 4 KiB: 8 million empty frames
with open(folder + "/frames.pcap.zst", "wb") as file:
    file.write(zstd_frame([(0, len(head), head)]) + zeros * 1000)
with gzip.open(folder + "/syns.pcap.gz", "wb", compresslevel=1) as file:
    file.write(head)
    for i in range(200_000):
        file.write(syn(i))
with open(folder + "/nothing.pcap.gz", "wb") as file:
    file.write(gzip.compress(bytes(1 << 24)) * 20)
PYTHON
}

@test "web's reader of captures is shut in, and ends where it should" {
  cd "$BATS_TEST_TMPDIR"
  make_bombs .
  talk=$BATS_TEST_DIRNAME/../../fuzz/corpus/captures/talk
  isotach internal-capture-page talk.pcap <"$talk"
  exit_code 0
  out '<td>10\.0\.0\.1:40000</td>'
  isotach internal-capture-page --within 0.2 frames.pcap.zst <frames.pcap.zst
  exit_code 0
  out 'Only the beginning is shown, [0-9]+ frames: reading ends after 200 ms'
  isotach internal-capture-page syns.pcap.gz <syns.pcap.gz
  exit_code 0
  out 'a page is made of 100000 connections at most'
  isotach internal-capture-page nothing.pcap.gz <nothing.pcap.gz
  exit_code 1
  out 'cannot read nothing\.pcap\.gz: it is no capture'
  isotach internal-capture-page cut.pcap.gz < <(head -c 300 syns.pcap.gz)
  exit_code 0
  out 'class="notice">cut\.pcap\.gz: .*what is shown ends there'
  # Less memory than it takes: said in a sentence.
  run bash -c 'ulimit -v 300000; "$1" internal-capture-page syns.pcap.gz <syns.pcap.gz' _ "$ISOTACH"
  [[ $status == 1 && $output == *"it takes more than the"*"of memory"* ]]
}

@test "web opens captures of its folder, and none keeps it from answering" {
  files=$BATS_TEST_TMPDIR/files
  mkdir "$files"
  make_bombs "$files"
  cp "$BATS_TEST_DIRNAME/../../fuzz/corpus/captures/talk" "$files/talk.pcap"
  echo 'no capture' >"$files/notes.pcap"
  start_web --files "$files"
  output=$(get "${url}api/files")
  json '[.files[] | [.name, .kind]] | sort | tojson' \
    '[["frames.pcap.zst","capture"],["nothing.pcap.gz","capture"],["syns.pcap.gz","capture"],["talk.pcap","capture"]]'
  output=$(get "${url}report?name=talk.pcap")
  out '<td>10\.0\.0\.1:40000</td>.*<td>loss</td>'
  run get -w ' %{http_code}' "${url}report?name=nothing.pcap.gz"
  [[ $output == *"it is no capture"*404 ]]
  # While one is read for somebody, others are told so, and Ctrl-C waits for nobody.
  get -o /dev/null "${url}report?name=frames.pcap.zst" 2>/dev/null &
  reader=$!
  until pgrep -P "$pid" >/dev/null; do kill -0 "$reader"; done
  output=$(get -o /dev/null -w '%{http_code}' "${url}report?name=talk.pcap")
  [ "$output" = 503 ]
  output=$(get "${url}api/latest")
  json '.schema' isotach.web.latest.v1
  child=$(pgrep -P "$pid")
  kill -INT "$pid"
  wait_for_end
  run ! kill -0 "$child"
  wait "$reader" || true
}

@test "web without viewers costs less than a hundredth of a CPU" {
  start_web
  until [ "$(get "${url}api/latest" | jq .number)" -ge 2 ]; do :; done
  local before after
  before=$(cat /proc/"$pid"/task/*/schedstat | awk '{sum += $1} END {print sum}')
  timeout 4 tail --pid="$pid" -f /dev/null || true
  after=$(cat /proc/"$pid"/task/*/schedstat | awk '{sum += $1} END {print sum}')
  ((after - before <= 40000000)) || fails_with "$((after - before)) ns of CPU time in four seconds"
}

@test "web --for ends by itself" {
  isotach web --listen 127.0.0.1:0 --for 50ms -i 10ms
  exit_code 0
  out '^http://127.0.0.1:[0-9]+/$'
}

@test "web reads a saved tree" {
  mkdir -p "$BATS_TEST_TMPDIR/tree/proc"
  printf 'MemTotal: 1000 kB\nMemFree: 250 kB\n' >"$BATS_TEST_TMPDIR/tree/proc/meminfo"
  printf 'cpu  123 0 7 1000 0 0 0 0 0 0\n' >"$BATS_TEST_TMPDIR/tree/proc/stat"
  printf 'pgfault 1\n' >"$BATS_TEST_TMPDIR/tree/proc/vmstat"
  start_web --proc-root "$BATS_TEST_TMPDIR/tree"
  output=$(get "${url}api/latest")
  json .values.memory_free_bytes 256000
  json .values.memory_cached_bytes null
}

@test "a slow viewer does not hold up sampling" {
  start_web -i 10ms
  # Reads the first line only, and keeps the connection.
  exec {stream}< <(exec curl -sN --limit-rate 1 --max-time 60 "${url}api/events" 3>&-)
  started+=($!)
  first=$(get "${url}api/latest" | jq .number)
  until [ "$(get "${url}api/latest" | jq .number)" -ge $((first + 50)) ]; do :; done
  output=$(get "${url}api/history?series=uptime_seconds")
  json '.skipped == 0'
}
