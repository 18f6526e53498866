#!/usr/bin/env bats
# isotach on a real terminal, which is tmux here: what is drawn, keys, resizing, and above all that the
# terminal is left as it was found, however the program ends.

load ../cli/helpers
load screen

# shellcheck disable=SC2154 # set_up_screen sets result

setup() {
  set_up_screen
}

teardown() {
  tear_down_screen
}

@test "draws the machine, follows resizing, answers keys, and leaves the terminal as it was" {
  start 80 24 "$ISOTACH -i 100ms"
  until_screen '^isotach '
  until_screen 'FINDINGS'
  until_screen 'MEMORY'
  until_screen 'q quit'
  in_tmux send-keys '?'
  until_screen 'this help'
  in_tmux send-keys Escape
  until_screen 'MEMORY'
  in_tmux send-keys f
  until_screen '^FINDINGS'
  in_tmux send-keys f
  until_screen 'MEMORY'
  in_tmux send-keys +
  until_screen '200 ms'
  in_tmux send-keys Space
  until_screen 'PAUSED'
  in_tmux send-keys Space
  in_tmux send-keys m
  until_screen 'marks are kept in recordings'
  in_tmux resize-window -x 20 -y 8
  until_screen '^CPU'
  in_tmux resize-window -x 200 -y 50
  until_screen 'MEMORY .* NETWORK'
  in_tmux send-keys q
  ended_with 0
  until_screen 'samples in .* missed; isotach itself used'
}

# see_pages COLUMNS ROWS: each page by its key, then by clicks, at this size.
see_pages() {
  start "$1" "$2" "$ISOTACH -i 100ms"
  until_screen 'FINDINGS'
  in_tmux send-keys 2
  until_screen 'PAGES ─'
  until_screen 'page tables'
  in_tmux send-keys 3
  until_screen 'PROTOCOLS ─'
  in_tmux send-keys 4
  until_screen '^CONNECTIONS ─.* established'
  in_tmux send-keys 5
  until_screen '^FINDINGS ─'
  in_tmux send-keys Escape
  until_screen 'CPU ─'
  # On "2 memory" in the last row, on "1 overview", and on the findings below the overview.
  local row=$2
  click 14 "$row"
  until_screen 'PAGES ─'
  click 3 "$row"
  until_screen 'CPU ─'
  local head
  head=$(screen | grep -n 'FINDINGS ─' | cut -d: -f1)
  click 3 "$head"
  until_screen '^FINDINGS ─'
  in_tmux send-keys q
  ended_with 0
}

# click COLUMN ROW, from 1: what a terminal sends when the first button goes down and up, as SGR.
click() {
  local text hex
  printf -v text '\e[<0;%d;%dM\e[<0;%d;%dm' "$1" "$2" "$1" "$2"
  hex=$(printf '%s' "$text" | od -An -tx1)
  # shellcheck disable=SC2086 # a byte an argument
  in_tmux send-keys -H $hex
}

@test "every page by keys and by the mouse, at 80x24" {
  see_pages 80 24
}

@test "every page by keys and by the mouse, at 200x60" {
  see_pages 200 60
}

@test "SIGTERM restores the terminal" {
  start 80 24 "$ISOTACH"
  until_screen 'FINDINGS'
  kill -TERM "$(program)"
  ended_with 0
}

@test "Ctrl-C restores the terminal" {
  start 80 24 "$ISOTACH"
  until_screen 'FINDINGS'
  in_tmux send-keys C-c
  ended_with 0
}

@test "Ctrl-Z stops it on a sound terminal, and fg draws it again" {
  start 80 24 "$ISOTACH"
  until_screen 'FINDINGS'
  in_tmux send-keys C-z
  until_screen 'Stopped'
  [[ $(in_tmux display-message -p '#{alternate_on}') == 0 ]]
  in_tmux send-keys 'fg' Enter
  until_screen 'FINDINGS'
  in_tmux send-keys q
  until_screen 'missed; isotach itself'
}

@test "an unreadable machine is told on the terminal the user came from" {
  mkdir -p "$BATS_TEST_TMPDIR/tree/proc"
  cp /proc/stat /proc/vmstat "$BATS_TEST_TMPDIR/tree/proc"
  start 80 24 "$ISOTACH --proc-root $BATS_TEST_TMPDIR/tree"
  ended_with 1
  until_screen 'cannot open .*meminfo'
}

@test "TERM=dumb prints the report" {
  term=dumb start 80 50 "$ISOTACH -i 50ms"
  ended_with 0
  until_screen '^Verdict'
}

@test "an unknown TERM prints the report" {
  term=no-such-terminal start 80 50 "$ISOTACH -i 50ms"
  ended_with 0
  until_screen '^Verdict'
}

@test "works on other kinds of terminals, too" {
  for term in tmux-256color screen linux vt100; do
    infocmp "$term" >/dev/null 2>&1 || continue
    rm -f "$result"
    # A server of its own: the one before may not have gone yet.
    socket=isotach-test-$$-$BATS_TEST_NUMBER-$term
    start 80 24 "$ISOTACH -i 100ms"
    until_screen 'FINDINGS'
    in_tmux send-keys q
    local end=$((SECONDS + 20))
    until [[ -s $result ]] || ((SECONDS > end)); do read -rt 0.05 <> <(:) || true; done
    [[ $(cat "$result") == 'code=0 icanon echo ' ]] || fails_with "$term: $(cat "$result")"
    in_tmux kill-server
  done
}

@test "colours are there, and NO_COLOR and --color never leave them out" {
  start 80 24 "$ISOTACH"
  until_screen 'FINDINGS'
  in_tmux capture-pane -pe | grep -qE $'\033\\[[0-9;]*38;5;'
  in_tmux send-keys q
  ended_with 0
  local without
  for without in "env NO_COLOR=1 $ISOTACH" "$ISOTACH --color never"; do
    rm -f "$result"
    in_tmux send-keys "clear; TERM=xterm-256color $without; echo \"code=\$? icanon echo \" >$result" Enter
    until_screen 'FINDINGS'
    if in_tmux capture-pane -pe | grep -qE $'\033\\[[0-9;]*(3[0-7]|38;5|9[0-7])[;m]'; then
      fails_with "colours in spite of: $without"
    fi
    in_tmux send-keys q
    ended_with 0
  done
}

@test "without standard input it draws, and ends on SIGTERM" {
  start 80 24 "$ISOTACH <&-"
  until_screen 'FINDINGS'
  kill -TERM "$(program)"
  ended_with 0
}

@test "with standard input from a file keys come from the terminal" {
  start 80 24 "$ISOTACH </dev/null"
  until_screen 'FINDINGS'
  in_tmux send-keys q
  ended_with 0
}

@test "no size is refused: a single cell, none, and the largest there can be" {
  for size in '1 1' '2 1' '0 0' '65535 65535' '65535 1'; do
    # shellcheck disable=SC2086
    on_pty $size "$ISOTACH" -i 10ms -n 2
    exit_code 0
  done
}

@test "idles: watching costs less than a hundredth of a CPU" {
  start 200 50 "$ISOTACH"
  until_screen 'FINDINGS'
  local pid before after
  pid=$(program)
  in_tmux send-keys '?'
  until_screen 'this help'
  in_tmux send-keys '?'
  # CPU time of all its threads, in ns; the 5 s hold five samples and two looks of the doctor.
  before=$(cat /proc/"$pid"/task/*/schedstat | awk '{sum += $1} END {print sum}')
  local end=$((SECONDS + 5))
  while ((SECONDS < end)); do read -rt 0.5 <> <(:) || true; done
  after=$(cat /proc/"$pid"/task/*/schedstat | awk '{sum += $1} END {print sum}')
  ((after - before <= 50000000)) || fails_with "$((after - before)) ns of CPU time in five seconds"
  in_tmux send-keys q
  ended_with 0
}

@test "a recording plays, seeks and pauses" {
  "$ISOTACH" -i 20ms -n 30 --json --record "$BATS_TEST_TMPDIR/run.isotach" >/dev/null
  start 80 24 "$ISOTACH replay $BATS_TEST_TMPDIR/run.isotach"
  until_screen 'arrows seek'
  until_screen ' end$'
  in_tmux send-keys Space
  until_screen 'PAUSED'
  in_tmux send-keys Home
  until_screen 'paused$'
  in_tmux send-keys Space
  until_screen ' end$'
  in_tmux send-keys q
  ended_with 0
}
