# shellcheck shell=bash
# For tests that start isotach agent: load it after helpers, and end with stop_started.
started=()

stop_started() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait_until 10 ended "$pid"; done
}

ended() { ! kill -0 "$1" 2>/dev/null; }

# Tries a command until it succeeds, for at most so many seconds.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

# Starts the agent on a free port; sets $agent to its address and $talk to the rest of what it says.
start_agent() {
  local line
  exec {talk}< <(exec "$ISOTACH" agent --listen 127.0.0.1:0 "$@" 2>&1 3>&-)
  started+=($!)
  read -r -t 20 -u "$talk" line
  [[ $line =~ serving\ http://([0-9.:]+)/metrics ]]
  # shellcheck disable=SC2034 # for the tests
  agent=${BASH_REMATCH[1]}
}
