#!/usr/bin/env bats
# isotach nettest: the command line, formats, and ends. What goes over the wire is compared with iperf3 in
# tests/conformance, bad peers come in tests/hostile.

# shellcheck disable=SC2034,SC2154 # run sets $status and $output; helpers read $stderr

setup() {
  load helpers
  cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
  [[ -z ${server-} ]] || kill "$server" 2>/dev/null || true
}

# serve [OPTIONS]: a server in the background; sets $port.
serve() {
  "$ISOTACH" nettest -s -4 -p 0 "$@" >server.out 2>server.err 3>&- &
  server=$!
  local deadline=$((SECONDS + 20))
  until grep -q 'listening on' server.err; do
    ((SECONDS < deadline)) || fails_with "the server should listen: $(cat server.err)"
    kill -0 "$server" || fails_with "the server ended: $(cat server.err)"
  done
  port=$(sed -nE 's/.*listening on 127\.0\.0\.1:([0-9]+).*/\1/p' server.err)
}

@test "says what is missing" {
  isotach nettest
  usage_error
  err 'give -s for the server or -c HOST'
  isotach nettest -s -c localhost
  usage_error
}

@test "refuses what makes no sense" {
  isotach nettest -c localhost -R --bidir
  usage_error
  isotach nettest -c localhost -P 129
  usage_error
  err 'from 1 to 128'
  isotach nettest -c localhost -u -l 15
  usage_error
  isotach nettest -c localhost -n 1M -t 5
  usage_error
  isotach nettest -c localhost -r 1,1
  usage_error
  isotach nettest -c localhost --rr -R
  usage_error
  isotach nettest -c localhost --rr --cc
  usage_error
  isotach nettest -c localhost --rate 100
  usage_error
  err 'give --rr, --crr or --cc'
  isotach nettest -c localhost --rr --burst 1025
  usage_error
  isotach nettest -c localhost --cc -u
  usage_error
  isotach nettest -s --rr
  usage_error
  isotach nettest -s -u
  usage_error
  err 'for the client to say'
  isotach nettest -c localhost -b fast
  usage_error
  isotach nettest -c localhost --dscp none
  usage_error
  isotach nettest -c localhost --tx gso
  usage_error
  err 'sendfile, zerocopy, splice or uring'
  isotach nettest -c localhost -u --tx splice
  usage_error
  isotach nettest -c localhost -u --cold 4
  usage_error
}

@test "tells when nobody listens" {
  isotach nettest -c 127.0.0.1 -p 1
  exit_code 1
  no_out
  err 'Connection refused'
  err 'isotach nettest -s'
  isotach nettest -c 127.0.0.1 -p 1 --json
  exit_code 1
  json '.error | test("Connection refused")'
  [[ $(jq -s length <<<"$output") == 1 ]]
}

@test "listens on this machine only, unless told" {
  serve
  grep -q 'other machines cannot reach it' server.err
  # The kernel's table: 0100007F is 127.0.0.1.
  local hex
  hex=$(printf '%04X' "$port")
  grep -qE "0100007F:$hex 00000000:0000 0A" /proc/net/tcp
  run ! grep -qE " 00000000:$hex 00000000:0000 0A" /proc/net/tcp
}

@test "shows a test as text, with totals of both ends" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.6 -i 0.2 -b 20M
  exit_code 0
  out '^ +time +data +rate +resent'
  out '^ +0\.00-0\.2[0-9] s .*bit/s'
  out '^to server +sent '
  out '^to server +received '
  out '^client .*of a processor'
  err 'TCP, 1 stream, to the server'
  out '^client .*sent by send'
  isotach nettest -c 127.0.0.1 -p "$port" -n 1M --tx splice --skip-rx-copy
  exit_code 0
  out '^ +0\.00-0\.[0-9]{2} s .*bit/s'
  out '^client .*sent by splice, which copies nothing'
  out '^server .*thrown away by the kernel: copied nothing'
}

@test "in reverse the summary has what the server knows of its streams" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 -R -b 20M
  exit_code 0
  out '^from server +sent .* idle [0-9]+ %$'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 -R -b 20M --json
  exit_code 0
  json '.end.streams[0].sender | .max_snd_cwnd > 0 and .mean_rtt > 0 and .busy < 1'
}

@test "tells what the server says of the test, and fits the terminal" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 -b 20M --get-server-output
  exit_code 0
  out '^the server says:$'
  out '^  to server +received +[0-9]'
  script -qec "stty cols 80; $ISOTACH nettest -c 127.0.0.1 -p $port -t 0.3 -b 20M -P 2 --bidir" /dev/null >terminal.txt
  [[ $(grep -E '^[0-9]+ |^all ' terminal.txt | tr -d '\r' | wc -L) -le 80 ]]
  grep -q '^all from server  sent ' terminal.txt
}

@test "prints every format" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 -i 0.2 -u -b 2M -l 500 --json
  exit_code 0
  json .schema isotach.nettest.v1
  json '.end.sum.packets == .end.sum_sent.packets'
  json '.end.sum_received.bytes + 500 * .end.sum.lost_packets == .end.sum_sent.bytes'
  json .end.peer isotach
  json '.start.test_start.protocol' UDP
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 -i 0.2 -b 20M --json-stream
  exit_code 0
  [[ $(jq -rs '[.[].event] | unique | join(",")' <<<"$output") == end,interval,start ]]
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 -i 0.2 -b 20M --csv
  exit_code 0
  out '^stream,direction,start_s'
  [[ $(awk -F, '{print NF}' <<<"$output" | sort -u | wc -l) == 1 ]]
  # What copies nothing is named in each row, once something has moved.
  [[ $(awk -F, 'NR > 1 && $6 > 0 {print $NF}' <<<"$output" | sort -u) == send ]]
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 -R --skip-rx-copy --csv
  exit_code 0
  [[ $(awk -F, 'NR > 1 && $6 > 0 {print $NF}' <<<"$output" | sort -u) == discard ]]
}

@test "ends after so many transactions" {
  serve
  for kind in '--rr' '--crr' '--rr -u' '--cc'; do
    # shellcheck disable=SC2086 # words of their own
    isotach nettest -c 127.0.0.1 -p "$port" $kind -k 37
    exit_code 0
    out '^37 transactions in '
  done
  isotach nettest -c 127.0.0.1 -p "$port" --rr -r 1,3 -n 100
  exit_code 0
  out '^25 transactions in '
  # Those that were under way beside the last one may still have their answers.
  isotach nettest -c 127.0.0.1 -p "$port" --rr -P 4 --threads 1 -k 500
  exit_code 0
  out '^50[0-3] transactions in '
  isotach nettest -c 127.0.0.1 -p "$port" --cc -n 100
  usage_error
  err 'give their number by -k'
}

@test "tells the latency of transactions" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --rr -r 2K,32K
  exit_code 0
  out '^p99\.99 '
  out '^client .*[0-9] [mun]s each'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --crr --json
  exit_code 0
  json '.end.transactions.count > 0'
  json '.end.transactions.count == ([.end.transactions.histogram[][1]] | add)'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --rr -u -P 3 --json
  exit_code 0
  json '.end.transactions | .min_ns <= .p50_ns and .p50_ns <= .p99_ns and .p99_ns <= .max_ns'
}

@test "has several transactions under way, and asks at a rate" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --rr --burst 8 --json
  exit_code 0
  json '.start.test_start | .outstanding == 8 and .transaction == "rr"'
  json '.end.transactions.count == ([.end.transactions.histogram[][1]] | add)'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.5 --rr --rate 200 -u --json
  exit_code 0
  json '.end.transactions | .count > 0 and .lost == 0 and .never_sent >= 0 and .unanswered >= 0'
  json .end.sum.lost_packets 0
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --rr -P 8 --threads 1 -r 100,3K --json
  exit_code 0
  json '.end.streams | length' 8
  json '[.intervals[].streams[].transactions] | add > 0'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --rr --busy-poll
  exit_code 0
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 --rr --no-follow --json
  exit_code 0
  json '.end.transactions.count > 0 and .end.data_path.remote.followed_packets == false'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 --rr --json
  exit_code 0
  json '.end.data_path | .host.followed_packets == false and (.remote.followed_packets | type) == "boolean"'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.4 -u -b 0 -w 16M --no-follow --json
  exit_code 0
  json .end.data_path.remote.followed_packets false
  for kind in --crr --cc; do
    isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 "$kind" --burst 4 --json
    exit_code 0
    json '.end.transactions.count > 0 and .end.transactions.lost == 0'
  done
}

@test "prints netperf's names" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 -b 20M --netperf-output
  exit_code 0
  out '^PROTOCOL=TCP$'
  out '^THROUGHPUT=[0-9]+\.[0-9]{2}$'
  out '^THROUGHPUT_UNITS=10\^6bits/s$'
  out '^COMMAND_LINE="isotach nettest -c '
  [[ $(grep -cv '^[A-Z0-9_]*=' <<<"$output") == 0 ]]
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --rr -r 100,200 --netperf-output
  exit_code 0
  out '^THROUGHPUT_UNITS=Trans/s$'
  out '^P99_LATENCY='
  out '^REQUEST_SIZE=100$'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.3 --cc --netperf-output
  exit_code 0
  out '^DIRECTION=Connection$'
  out '^SOURCE_FAMILY=inet$'
}

@test "repeats a test until its mean is known, or ends it then" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.2 -b 20M --confidence 95,90 --runs 2,4 --json
  exit_code 0
  json '.end.confidence | (.runs | length) >= 2 and (.runs | length) <= 4 and .mean > 0'
  json '.end.confidence | .reached == (.half_width_percent <= 45)'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.2 -b 20M --confidence 95,90 --runs 2,4
  exit_code 0
  out '^run 2: .*bit/s; mean '
  out '^mean of [2-4] runs: '
  # A paced stream is known well long before its time is over.
  isotach nettest -c 127.0.0.1 -p "$port" -t 60 -i 0.05 -b 20M --until 50% --json
  exit_code 0
  json '.end.until | .reached and .half_width_percent <= 50'
  isotach nettest -c localhost --confidence 10,5
  usage_error
  isotach nettest -c localhost --until 1% --confidence 99,5
  usage_error
  isotach nettest -c localhost --until 1% -n 1M
  usage_error
}

@test "measures latency alone and under load" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 1 -b 50M --latency-under-load --json
  exit_code 0
  json '.end.latency_under_load | .idle.count > 0 and .loaded.count > 0 and .round_trips_per_minute > 0'
  json '.end.latency_under_load.bufferbloat_grade | test("^(A[+]?|[BCDF])$")'
  isotach nettest -c localhost --latency-under-load --rr
  usage_error
}

@test "keeps a recording, and draws the test" {
  serve
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.6 -i 0.1 -b 20M --record run.isotach
  exit_code 0
  isotach plot run.isotach 'nettest_bytes*' --csv
  exit_code 0
  out 'nettest_bytes'
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.6 -i 0.1 -b 20M --record run.isotach
  exit_code 1
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.5 -i 0.1 -u -b 5M -l 1000 --plot --record udp.isotach
  exit_code 0
  out 'bit/s'
  out '^to server +received '
  [[ -s udp.isotach ]]
  isotach nettest -c localhost --plot --netperf-output
  usage_error
}

@test "ends early on Ctrl-C, with the results of both ends" {
  serve
  "$ISOTACH" nettest -c 127.0.0.1 -p "$port" -t 60 -i 0.1 -b 20M >out.txt 2>err.txt 3>&- &
  local client=$! deadline=$((SECONDS + 20))
  until [[ $(wc -l <out.txt) -ge 3 ]]; do ((SECONDS < deadline)); done
  kill -INT "$client"
  status=0
  wait "$client" || status=$?
  output=$(<out.txt) stderr=$(<err.txt)
  exit_code 130
  out '^to server +received +[0-9]'
  err 'ended early'
}

@test "a server that is killed leaves the partial result" {
  serve
  "$ISOTACH" nettest -c 127.0.0.1 -p "$port" -t 60 -i 0.1 -b 20M >out.txt 2>err.txt 3>&- &
  local client=$! deadline=$((SECONDS + 20))
  until [[ $(wc -l <out.txt) -ge 3 ]]; do ((SECONDS < deadline)); done
  kill -KILL "$server"
  status=0
  wait "$client" || status=$?
  output=$(<out.txt) stderr=$(<err.txt)
  exit_code 1
  out '^to server +sent +[0-9]'
  out '^to server +received +not told'
}

@test "a server for one test ends after it" {
  serve -1
  isotach nettest -c 127.0.0.1 -p "$port" -t 0.2 -b 20M
  exit_code 0
  status=0
  wait "$server" || status=$?
  exit_code 0
  server=
  grep -q 'done' server.out
}

@test "in the background once it listens, and not where it cannot" {
  "$ISOTACH" nettest -s -D -4 -p 0 --json-stream >server.out 2>server.err 3>&-
  port=$(jq -r 'select(.event == "listening") | .data[0] | sub(".*:"; "")' server.out)
  server=$(pgrep -f -- "-s -D -4 -p 0 --json-stream" | while read -r pid; do
    [[ $(readlink "/proc/$pid/fd/1") != "$PWD/server.out" ]] || echo "$pid"
  done)
  [[ -n $server ]]
  [[ $(ps -o tty= -p "$server") == "?"* ]]
  isotach nettest -c 127.0.0.1 -p "$port" -n 100K
  exit_code 0
  isotach nettest -s -D -4 -p "$port"
  [[ $status != 0 ]]
  err 'something else listens there'
}

@test "a closed pipe ends the client quietly" {
  serve
  "$ISOTACH" nettest -c 127.0.0.1 -p "$port" -t 60 -i 0.1 -b 20M 2>err.txt 3>&- | head -n 2 >out.txt
  [[ $(wc -l <out.txt) == 2 ]]
  run ! grep -q 'error' err.txt
}
