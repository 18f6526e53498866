#!/usr/bin/env bats
# The set-up of docs/fleet.md: three agents that test each other, one Prometheus with the rules made from the
# doctor's findings, and the dashboard's queries asked of it.

setup() {
  load ../cli/helpers
  load ../cli/agent
  command -v prometheus >/dev/null || skip "prometheus is not installed"
  command -v promtool >/dev/null || skip "promtool is not installed"
}

teardown() { stop_started; }

# The values of an instant query, one a line.
query() {
  curl -sS --max-time 10 --get "http://$prometheus/api/v1/query" --data-urlencode "query=$1" |
    jq -r '.data.result[].value[1]'
}
query_is() { [[ $(query "$1") == "$2" ]]; }
query_reaches() { [[ $(query "$1") -ge $2 ]]; }
# A finding may be over before its alert has come.
alerted_or_over() {
  [[ -n $(query "ALERTS{id=\"$1\"}") || -z $(query "isotach_finding_info{id=\"$1\"}") ]]
}

# Three hosts of a mesh on addresses of loopback.
start_fleet() {
  local host address=0 folder=$BATS_TEST_TMPDIR
  printf 'host %s 127.0.0.%s\n' one 1 two 2 three 3 >"$folder/mesh.conf"
  printf 'test nettest -t 0.2\nslot 2s\nport 5331\nlease-port 5332\n' >>"$folder/mesh.conf"
  targets=""
  for host in one two three; do
    start_agent --mesh "$folder/mesh.conf" --as "$host"
    targets+="${targets:+, }'$agent'"
  done
}

start_prometheus() {
  local folder=$BATS_TEST_TMPDIR
  "$ISOTACH" generate --prometheus-rules "$folder/rules.yml" --grafana "$folder/dashboard.json"
  # An alert that needs no fault: its way from rule to alert is that of all others.
  cat >"$folder/own.yml" <<'RULES'
groups:
  - name: own
    rules:
      - alert: MeshHasThroughput
        expr: isotach_mesh_throughput_bits_per_second > 0
RULES
  cat >"$folder/config.yml" <<CONFIG
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml, own.yml]
scrape_configs:
  - job_name: isotach
    static_configs: [{targets: [$targets]}]
CONFIG
  promtool check config "$folder/config.yml"
  prometheus --config.file="$folder/config.yml" --storage.tsdb.path="$folder/data" \
    --web.listen-address=127.0.0.1:0 >"$folder/log" 2>&1 3>&- &
  started+=($!)
  wait_until 30 grep -q 'msg="Listening on"' "$folder/log"
  prometheus=$(sed -n 's/.*msg="Listening on" address=\([0-9.:]*\).*/\1/p' "$folder/log")
}

@test "three agents, their tests of each other, alerts and the dashboard's queries" {
  start_fleet
  start_prometheus
  wait_until 60 query_is 'sum(up{job="isotach"})' 3
  # Which pairs had their turn depends on the second; each of these came from another host's agent.
  wait_until 90 query_reaches 'count(isotach_mesh_throughput_bits_per_second)' 2
  query_is 'count(isotach_mesh_throughput_bits_per_second <= 0) or vector(0)' 0
  wait_until 30 query_reaches 'count(ALERTS{alertname="MeshHasThroughput"})' 2

  # What the doctor finds comes with an alert of its name, pending or firing.
  local id
  while read -r id; do
    wait_until 30 alerted_or_over "$id"
  done < <(curl -sS "http://$prometheus/api/v1/series" --data-urlencode 'match[]=isotach_finding_info' |
    jq -r '.data[].id' | sort -u)

  # Every query of the dashboard is one that Prometheus takes, and the first panels have values.
  local folder=$BATS_TEST_TMPDIR expression
  jq -r '[.panels[] | .., .panels?] | .. | .expr? // empty' "$folder/dashboard.json" | sort -u |
    sed 's/\$__rate_interval/1m/g; s/\$job/isotach/g; s/\$instance/.*/g' >"$folder/expressions"
  [[ $(wc -l <"$folder/expressions") -gt 200 ]]
  jq -nR '{groups: [{name: "all", rules: [inputs | {record: "x", expr: .}]}]}' <"$folder/expressions" >"$folder/all.yml"
  promtool check rules --lint=none "$folder/all.yml"
  for expression in 'isotach_memory_available_bytes{job=~"isotach",instance=~".*"}' \
    '1 - avg by (instance) (rate(isotach_cpu_each_idle_seconds_total{job=~"isotach",instance=~".*"}[1m]))'; do
    grep -qxF "$expression" "$folder/expressions" || fails_with "the dashboard has not: $expression"
    wait_until 30 query_reaches "count($expression)" 3
  done
}
