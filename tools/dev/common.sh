# shellcheck shell=bash
# What the parts of ./dev share. Talk goes to standard error: standard output belongs to the program
# that ./dev run starts, and to the results of the tests.

# shellcheck disable=SC2034  # used by the files that are sourced after this one
JOBS=$(nproc)
LOGS=build/logs

say() { printf '%s\n' "$*" >&2; }

fail() {  # fail EXIT_CODE TEXT
  printf './dev: %s\n' "$2" >&2
  exit "$1"
}

# Seconds since the start of the shell in tenths, without starting a program.
now_tenths() {
  local now=${EPOCHREALTIME/[.,]/}
  printf '%s' "$((now / 100000))"
}

tenths_since() {  # tenths_since START: "12.3"
  local spent=$(($(now_tenths) - $1))
  printf '%d.%d' $((spent / 10)) $((spent % 10))
}

# logged NAME COMMAND...: runs it with its output in build/logs/NAME.log. Says what it does when that
# takes a while, and shows the end of the log when it fails.
logged() {
  local name=$1 start status=0
  shift
  mkdir -p "$LOGS"
  start=$(now_tenths)
  "$@" >"$LOGS/$name.log" 2>&1 || status=$?
  if ((status != 0)); then
    say "$name: failed; see $LOGS/$name.log:"
    # A compiler that runs beside the one that failed goes on writing: begin with the failure itself.
    { grep -A 40 -m 1 '^FAILED: ' "$LOGS/$name.log" || tail -n 40 "$LOGS/$name.log"; } >&2
    return "$status"
  fi
  if (($(now_tenths) - start >= 20)); then say "$name: done in $(tenths_since "$start") s"; fi
}
