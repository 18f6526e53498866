#!/usr/bin/env bats
# Debian's real Prometheus scrapes `isotach agent`, and what it stored is asked back through its API.

setup() {
  load ../cli/helpers
  load ../cli/agent
  command -v prometheus >/dev/null || skip "prometheus is not installed"
  command -v curl >/dev/null || skip "curl is not installed"
  command -v jq >/dev/null || skip "jq is not installed"
}

teardown() { stop_started; }

# Starts Prometheus on a free port with these lines added to its one job; sets $prometheus.
start_prometheus() {
  local folder=$BATS_TEST_TMPDIR/prometheus
  mkdir -p "$folder"
  cat >"$folder/config.yml" <<CONFIG
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: isotach
    static_configs:
      - targets: ['$agent']
$1
CONFIG
  promtool check config --syntax-only "$folder/config.yml"
  prometheus --config.file="$folder/config.yml" --storage.tsdb.path="$folder/data" \
    --web.listen-address=127.0.0.1:0 >"$folder/log" 2>&1 3>&- &
  started+=($!)
  wait_until 30 grep -q 'msg="Listening on"' "$folder/log"
  prometheus=$(sed -n 's/.*msg="Listening on" address=\([0-9.:]*\).*/\1/p' "$folder/log")
}

# The value of an instant query; nothing when there is no series.
query() {
  curl -sS --max-time 10 --get "http://$prometheus/api/v1/query" --data-urlencode "query=$1" |
    jq -r '.data.result[0].value[1] // empty'
}

query_is() { [ "$(query "$1")" = "$2" ]; }
query_holds() { [ -n "$(query "$1")" ]; }

@test "prometheus scrapes the agent and stores what /proc says" {
  start_agent
  start_prometheus
  wait_until 30 query_is 'up{job="isotach"}' 1

  local total_kib
  total_kib=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
  wait_until 10 query_is 'isotach_memory_total_bytes' $((total_kib * 1024))
  query_is 'isotach_build_info' 1

  # Two scrapes later counters have grown and were never reset.
  wait_until 30 query_holds 'isotach_agent_scrapes_total >= 3'
  wait_until 10 query_holds 'changes(isotach_context_switches_total[1m]) >= 1'
  query_is 'resets(isotach_context_switches_total[1m])' 0
  # A CPU that is not idle works: together they move on whatever the machine does.
  wait_until 10 query_holds 'rate(isotach_cpu_idle_seconds_total[1m]) +
    rate(isotach_cpu_user_seconds_total[1m]) + rate(isotach_cpu_nice_seconds_total[1m]) +
    rate(isotach_cpu_system_seconds_total[1m]) > 0'
  query_holds 'isotach_network_receive_bytes_total{interface="lo"}'
}

@test "prometheus takes the OpenMetrics text, with units and types" {
  start_agent
  start_prometheus
  wait_until 30 query_is 'up{job="isotach"}' 1

  # The older text format has no units.
  local metadata
  metadata=$(curl -sS "http://$prometheus/api/v1/targets/metadata?metric=isotach_memory_free_bytes")
  [ "$(jq -r '.data[0].unit' <<<"$metadata")" = bytes ]
  [ "$(jq -r '.data[0].type' <<<"$metadata")" = gauge ]
  metadata=$(curl -sS "http://$prometheus/api/v1/targets/metadata?metric=isotach_cpu_user_seconds")
  [ "$(jq -r '.data[0].type' <<<"$metadata")" = counter ]
  [ "$(jq -r '.data[0].unit' <<<"$metadata")" = seconds ]
}

@test "prometheus sees which metrics are missing, and why" {
  start_agent
  start_prometheus
  wait_until 30 query_is 'up{job="isotach"}' 1

  # High memory exists on 32-bit kernels only.
  [ -z "$(query 'isotach_memory_high_total_bytes')" ]
  local why='metric="isotach_memory_high_total_bytes",reason="not supported by this kernel"'
  query_is "isotach_missing_info{$why}" 1
}

@test "prometheus with the token gets in" {
  echo 'a-long-secret-of-this-test-0123456789' >"$BATS_TEST_TMPDIR/token"
  start_agent --token-file "$BATS_TEST_TMPDIR/token"
  printf %s 'a-long-secret-of-this-test-0123456789' >"$BATS_TEST_TMPDIR/credentials"
  start_prometheus "    authorization:
      credentials_file: $BATS_TEST_TMPDIR/credentials"
  wait_until 30 query_is 'up{job="isotach"}' 1
}

@test "prometheus without the token stays out" {
  start_agent --token 'a-long-secret-of-this-test-0123456789'
  start_prometheus
  wait_until 30 query_is 'up{job="isotach"}' 0
  curl -sS "http://$prometheus/api/v1/targets" | jq -r '.data.activeTargets[0].lastError' | grep -E '40[13]'
}

@test "a series ends when the agent does" {
  start_agent
  local agent_pid=${started[0]}
  start_prometheus
  wait_until 30 query_is 'up{job="isotach"}' 1
  kill "$agent_pid"
  wait_until 30 query_is 'up{job="isotach"}' 0
  [ -z "$(query 'isotach_memory_total_bytes')" ]
}
