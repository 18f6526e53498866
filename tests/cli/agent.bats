#!/usr/bin/env bats
# isotach agent on the command line, and scrapers that behave badly.

# shellcheck disable=SC2030,SC2031 # bats runs each test in a process of its own

setup() {
  load helpers
  load agent
}

teardown() { stop_started; }

metric() { curl -sS --max-time 10 "http://$agent/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }

# A tree with nothing but what every Linux has.
saved_tree() {
  mkdir -p "$BATS_TEST_TMPDIR/tree/proc"
  printf 'MemTotal: 1000 kB\nMemFree: 250 kB\n' >"$BATS_TEST_TMPDIR/tree/proc/meminfo"
  printf 'cpu  123 0 7 1000 0 0 0 0 0 0\ncpu0 123 0 7 1000 0 0 0 0 0 0\nctxt 99\n' \
    >"$BATS_TEST_TMPDIR/tree/proc/stat"
  printf 'pgfault 18446744073709551615\n' >"$BATS_TEST_TMPDIR/tree/proc/vmstat"
}

@test "agent --once prints OpenMetrics text that ends" {
  run --separate-stderr "$ISOTACH" agent --once
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  [ "${lines[-1]}" = "# EOF" ]
  [[ $output == *"# UNIT isotach_memory_total_bytes bytes"* ]]
}

@test "promtool finds nothing to complain about" {
  command -v promtool >/dev/null || skip "promtool is not installed"
  "$ISOTACH" agent --once --format prometheus >"$BATS_TEST_TMPDIR/page"
  run promtool check metrics <"$BATS_TEST_TMPDIR/page"
  echo "$output"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
}

@test "values are those of the kernel's files, in base units and exact" {
  saved_tree
  run "$ISOTACH" agent --once --proc-root "$BATS_TEST_TMPDIR/tree"
  [ "$status" -eq 0 ]
  grep -qxF 'isotach_memory_total_bytes 1024000' <<<"$output"
  grep -qxF 'isotach_memory_used_bytes 768000' <<<"$output"
  grep -qxF 'isotach_cpu_user_seconds_total 1.23' <<<"$output"
  grep -qxF 'isotach_context_switches_total 99' <<<"$output"
  grep -qxF 'isotach_page_faults_total 18446744073709551615' <<<"$output"
}

@test "what is missing is absent, never 0" {
  saved_tree
  run "$ISOTACH" agent --once --proc-root "$BATS_TEST_TMPDIR/tree"
  [ "$status" -eq 0 ]
  [[ $output != *isotach_memory_cached_bytes\ * ]]
  grep -q '^isotach_missing_info{metric="isotach_memory_cached_bytes",reason="[a-z ]*"} 1$' <<<"$output"
}

@test "a machine that cannot be read is an error, not an empty page" {
  saved_tree
  rm "$BATS_TEST_TMPDIR/tree/proc/vmstat"
  run --separate-stderr "$ISOTACH" agent --once --proc-root "$BATS_TEST_TMPDIR/tree"
  [ "$status" -eq 1 ]
  [ -z "$output" ]
  [[ $stderr == *vmstat* ]]

  start_agent --proc-root "$BATS_TEST_TMPDIR/tree"
  run curl -sS -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "http://$agent/metrics"
  [ "$output" = 503 ]
  grep -q vmstat "$BATS_TEST_TMPDIR/body"
}

@test "the format follows the Accept header" {
  start_agent
  run curl -sS -o /dev/null -w '%{content_type}' "http://$agent/metrics"
  [[ $output == "text/plain; version=0.0.4"* ]]
  run curl -sS -o "$BATS_TEST_TMPDIR/body" -w '%{content_type}' \
    -H 'Accept: application/openmetrics-text; version=1.0.0' "http://$agent/metrics"
  [[ $output == "application/openmetrics-text; version=1.0.0"* ]]
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/body")" = "# EOF" ]
}

@test "--textfile --once writes a file for node_exporter" {
  run "$ISOTACH" agent --once --textfile "$BATS_TEST_TMPDIR/isotach.prom"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  grep -q '^isotach_memory_total_bytes ' "$BATS_TEST_TMPDIR/isotach.prom"
  run ! grep -q '^# EOF' "$BATS_TEST_TMPDIR/isotach.prom"
  [ "$(ls "$BATS_TEST_TMPDIR")" = isotach.prom ]
}

@test "--textfile writes again and again until it is told to stop" {
  local file=$BATS_TEST_TMPDIR/isotach.prom
  "$ISOTACH" agent --textfile "$file" -i 20ms 2>"$BATS_TEST_TMPDIR/err" 3>&- &
  started+=($!)
  written_thrice() { grep -qE '^isotach_agent_collections_total ([3-9]|[0-9]{2,})$' "$file"; }
  wait_until 20 written_thrice
  kill "${started[0]}"
  wait "${started[0]}"
}

@test "--textfile in a folder that is not there fails at once" {
  run "$ISOTACH" agent --textfile "$BATS_TEST_TMPDIR/none/isotach.prom"
  [ "$status" -eq 1 ]
  [[ $output == *"No such file or directory"* ]]
}

@test "serving to others needs a token" {
  run "$ISOTACH" agent --listen 0.0.0.0:0
  [ "$status" -eq 2 ]
  [[ $output == *"needs a token"* ]]
}

@test "a port that is taken is an error that names it" {
  start_agent
  run timeout 20 "$ISOTACH" agent --listen "$agent"
  [ "$status" -eq 1 ]
  [[ $output == *"${agent#*:}"* ]]
  [[ $output == *"in use"* ]]
}

@test "the token is asked for, taken as bearer, and never printed" {
  local secret=a-long-secret-of-this-test-0123456789
  echo "$secret" >"$BATS_TEST_TMPDIR/token"
  start_agent --token-file "$BATS_TEST_TMPDIR/token"
  run curl -sS -o /dev/null -w '%{http_code}' "http://$agent/metrics"
  [[ $output == 40[13] ]]
  run curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer ${secret}x" "http://$agent/metrics"
  [[ $output == 40[13] ]]
  run curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $secret" "http://$agent/metrics"
  [ "$output" = 200 ]
  kill "${started[0]}"
  run cat <&"$talk"
  [[ $output == *"scrapes served by"* ]]
  [[ $output != *"$secret"* ]]
}

@test "wrong option values are usage errors" {
  local words
  for words in '--listen nonsense:x' '--listen 127.0.0.1:99999' '-i 0' '-i -1' '-i abc' '--format json' \
    '--once --listen 127.0.0.1:0' '--textfile' '--token= ' '--token a --token-file b' \
    '--proc-root /nowhere/at/all' 'word'; do
    # shellcheck disable=SC2086
    run timeout 20 "$ISOTACH" agent $words
    echo "$words: $status $output"
    [ "$status" -eq 2 ] || { [ "$words" = '--proc-root /nowhere/at/all' ] && [ "$status" -eq 1 ]; }
    [[ $output == "isotach agent: "* ]]
  done
}

@test "a hundred scrapers at once cost one reading of the machine" {
  start_agent -i 1h
  curl -sS --parallel --parallel-immediate --parallel-max 100 --max-time 60 -w '%{http_code}\n' \
    -o "$BATS_TEST_TMPDIR/page.#1" "http://$agent/metrics?[1-100]" \
    >"$BATS_TEST_TMPDIR/codes" 2>"$BATS_TEST_TMPDIR/err" || true
  # Those who find no place are told so (503) or not taken; nobody gets half a page.
  local page
  for page in "$BATS_TEST_TMPDIR"/page.*; do
    grep -q '^isotach_build_info' "$page" || [ "$(wc -c <"$page")" -lt 200 ]
  done
  [ "$(grep -c '^200$' "$BATS_TEST_TMPDIR/codes")" -ge 10 ]
  [ "$(metric isotach_agent_collections_total)" = 1 ]
}

@test "scrapers that send garbage or do not read disturb nobody" {
  start_agent
  local host=${agent%:*} port=${agent#*:} slow request
  local readers=()
  # More than the server has workers: some never end their request, some never read the answer.
  for request in {1..20}; do
    exec {slow}<>"/dev/tcp/$host/$port"
    printf 'GET /metrics HTTP/1.1\r\nHost: %s\r\n' "$agent" >&"$slow"
    [ $((request % 2)) -eq 0 ] || printf '\r\n' >&"$slow"
    readers+=("$slow")
  done
  head -c 100000 /dev/urandom |
    timeout 5 curl -sS --max-time 5 -X POST --data-binary @- "http://$agent/metrics" >/dev/null || true
  exec {slow}<>"/dev/tcp/$host/$port"
  { head -c 65536 /dev/urandom >&"$slow"; } 2>"$BATS_TEST_TMPDIR/err" || true
  exec {slow}>&-
  local total_kib
  total_kib=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
  [ "$(metric isotach_memory_total_bytes)" = $((total_kib * 1024)) ]
  for slow in "${readers[@]}"; do exec {slow}>&-; done
  [ -n "$(metric isotach_agent_requests_refused_total)" ]
}

@test "connections are counted by what holds them up" {
  start_agent
  until [[ $(metric 'isotach_tcp_connections') =~ ^[0-9]+$ ]]; do :; done
  [ "$(metric 'isotach_tcp_busy_connections{cause="policer"}')" = 0 ]
}
