# shellcheck shell=bash
# Building behind the tests: most parts wait more than they compute, so that the sanitizers' builds are made
# meanwhile, by what processors have left (SCHED_IDLE), and stopped while a test measures.

BEHIND_PID=""
# Tests that judge times, rates or the load of the machine: as FOLDER/NAME, where NAME is the file's beginning.
MEASURING=(cli/doctor cli/lab_net cli/nettest cli/overview cli/path conformance/iperf2 conformance/nettest
  conformance/vmstat_live dbi/attach_storm hostile/nettest privileged/connections privileged/doctor privileged/ksm
  privileged/lab privileged/path privileged/swap privileged/traffic terminal/overview)

# start_behind ARGS...: `./dev ARGS` behind all others, in a session of its own: ninja gives each compiler a process
# group.
start_behind() {
  setsid chrt --idle 0 "$ROOT/dev" "$@" >/dev/null 2>&1 </dev/null &
  BEHIND_PID=$!
  trap end_behind EXIT
}

# while_it_measures FOLDER/NAME COMMAND...: nothing is built while such a test runs.
while_it_measures() {
  local name=$1 one status=0 stopped=0
  shift
  if [[ -n $BEHIND_PID ]]; then
    for one in "${MEASURING[@]}"; do
      if [[ $name == "$one"* ]]; then stopped=1; fi
    done
  fi
  if ((stopped)); then signal_behind STOP; fi
  "$@" || status=$?
  if ((stopped)); then signal_behind CONT; fi
  return "$status"
}

signal_behind() { pkill "-$1" --session "$BEHIND_PID" || true; }

# Waits for what was started, which has all processors from now on.
await_behind() {
  [[ -n $BEHIND_PID ]] || return 0
  wait "$BEHIND_PID" || true
  BEHIND_PID=""
}

end_behind() {
  [[ -n $BEHIND_PID ]] || return 0
  signal_behind TERM
  signal_behind CONT
  BEHIND_PID=""
}
