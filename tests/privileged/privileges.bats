# Servers that were started as root give up what they do not need, and still tell what root may see.

setup() {
  load ../cli/helpers
  load ../cli/agent
  ((EUID == 0)) || skip "needs root"
}

teardown() {
  stop_started
  rm -rf "${files:-}"
}

# Every thread of a process: a user that owns nothing, no capability but those of the mask, none to be gained.
has_dropped() {
  local pid=$1 mask=$2 task
  for task in /proc/"$pid"/task/*/status; do
    awk -v task="$task" '/^Uid:/ { if ($2 == 0 || $3 == 0) bad = 1 }
      /^NoNewPrivs:/ { if ($2 != 1) bad = 1 }
      /^Groups:/ { if (NF > 1) bad = 1 }
      END { exit bad }' "$task" || fails_with "$task: $(grep -E '^(Uid|Groups|NoNewPrivs|Cap)' "$task")"
    local held
    held=$(awk '/^Cap(Eff|Prm|Bnd|Inh|Amb):/ { print $2 }' "$task")
    while read -r held; do
      ((16#$held & ~mask)) && fails_with "$task holds $held"
    done <<<"$held"
  done
  return 0
}

# Bits of linux/capability.h.
look=$((1 << 19 | 1 << 2 | 1 << 10))
count=$((look | 1 << 12 | 1 << 13 | 1 << 39 | 1 << 38))
test_mask=$((1 << 12 | 1 << 10 | 1 << 23 | 1 << 14))

@test "the agent is nobody, with the rights to read, and still finds what root finds" {
  start_agent
  curl -sS --max-time 20 "http://$agent/metrics" >"$BATS_TEST_TMPDIR/page"
  has_dropped "${started[0]}" "$look"
  local absent
  absent=$("$ISOTACH" agent --once | grep -c '^isotach_missing_info')
  [[ $(grep -c '^isotach_missing_info' "$BATS_TEST_TMPDIR/page") == "$absent" ]]
  ! grep -q 'no permission\|not permitted' "$BATS_TEST_TMPDIR/page"
}

@test "the agent that counts traffic goes on counting" {
  start_agent --traffic
  has_dropped "${started[0]}" "$count"
  curl -sS --max-time 20 "http://$agent/metrics" >"$BATS_TEST_TMPDIR/page"
  bytes() {
    curl -sS --max-time 20 "http://$agent/metrics" |
      sed -n 's/^isotach_traffic_interface_in_bytes_total{.*interface="lo".*} //p'
  }
  grew() { (($(bytes) > $1)); }
  wait_until 30 grew 0
  wait_until 30 grew "$(bytes)"
}

@test "the page's server is nobody too" {
  "$ISOTACH" web --listen 127.0.0.1:0 >"$BATS_TEST_TMPDIR/web" 2>&1 3>&- &
  started+=($!)
  wait_until 30 grep -q 'http://' "$BATS_TEST_TMPDIR/web"
  has_dropped "${started[0]}" "$look"
  local url
  url=$(grep -o 'http://[0-9.:]*' "$BATS_TEST_TMPDIR/web" | head -n 1)
  curl -sS --max-time 20 "$url/api/latest" | jq -e . >/dev/null
}

@test "the page's server reads a recording of root that is still being written" {
  # As /var/lib/isotach is: others may look into it, and write nothing.
  files=$(mktemp -d /tmp/isotach-files-XXXXXX)
  chmod 755 "$files"
  "$ISOTACH" record -i 20ms "$files/r.isotach" </dev/null >/dev/null 2>&1 3>&- &
  started+=($!)
  "$ISOTACH" web --listen 127.0.0.1:0 --files "$files" >"$BATS_TEST_TMPDIR/web" 2>&1 3>&- &
  started+=($!)
  wait_until 30 grep -q 'http://' "$BATS_TEST_TMPDIR/web"
  local url
  url=$(grep -o 'http://[0-9.:]*' "$BATS_TEST_TMPDIR/web" | head -n 1)
  holds() { curl -sS --max-time 20 "$url/api/history?recording=r.isotach" | jq -e '.wall_time_ms | length > 5'; }
  wait_until 30 holds
}

@test "the server of nettest is nobody, and serves" {
  "$ISOTACH" nettest -s -p 0 >"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
  started+=($!)
  wait_until 30 grep -q 'listening on' "$BATS_TEST_TMPDIR/server"
  local port
  port=$(grep -oE '127.0.0.1:[0-9]+' "$BATS_TEST_TMPDIR/server" | head -n 1 | sed 's/.*://')
  "$ISOTACH" nettest -c 127.0.0.1 -p "$port" -t 0.2 -w 8M --json | jq -e '.end.sum_received.bytes > 0'
  has_dropped "${started[0]}" "$test_mask"
}
