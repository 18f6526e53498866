#!/usr/bin/env bats
# The live view of isotach traffic on a real terminal, which is tmux here.

load ../cli/helpers
load screen

# shellcheck disable=SC2154 # set_up_screen sets result

setup() {
  set_up_screen
}

teardown() {
  tear_down_screen
}

@test "pages, keys, the mouse and resizing; the terminal is left as it was" {
  start 80 24 "$ISOTACH traffic lo -i 100ms"
  until_screen '^isotach traffic +lo +.*, not accounted ([0-9]|unknown)'
  until_screen 'FLOWS ─'
  in_tmux send-keys 0
  until_screen 'INTERFACES ─.* 1, by rate'
  until_screen '^▸ lo '
  in_tmux send-keys Tab
  until_screen 'FLOWS ─'
  in_tmux send-keys BTab
  until_screen 'INTERFACES ─'
  in_tmux send-keys s
  until_screen ', by in-rate'
  in_tmux send-keys b
  until_screen 'B/s'
  in_tmux send-keys '?'
  until_screen 'packets that went by'
  in_tmux send-keys Escape
  until_screen 'INTERFACES ─'
  in_tmux send-keys Space
  until_screen 'PAUSED'
  in_tmux send-keys Space
  in_tmux send-keys +
  until_screen '200 ms'
  in_tmux send-keys /
  in_tmux send-keys -l nosuch
  until_screen 'nothing holds "nosuch"'
  in_tmux send-keys Escape
  until_screen '^▸ lo '
  in_tmux send-keys Enter
  until_screen 'FLOWS of interface lo ─'
  in_tmux send-keys Escape
  until_screen 'INTERFACES ─'
  in_tmux resize-window -x 20 -y 8
  until_screen 'interfaces'
  until_screen 'lost ([0-9]|[?])'
  in_tmux resize-window -x 200 -y 60
  until_screen '^1 overview +2 flows .* 0 interfaces'
  # A click on "2 flows": the terminal reports it as SGR or X10 bytes; those of SGR are sent here.
  in_tmux send-keys -H 1b 5b 3c 30 3b 31 35 3b 32 4d
  until_screen 'FLOWS ─'
  in_tmux send-keys q
  ended_with 0
  until_screen 'packets in .*; not accounted .*; isotach itself used'
}

@test "SIGTERM and Ctrl-C restore the terminal" {
  start 80 24 "$ISOTACH traffic lo"
  until_screen 'isotach traffic'
  kill -TERM "$(program)"
  ended_with 0
  rm -f "$result"
  in_tmux send-keys "clear; TERM=xterm-256color $ISOTACH traffic lo; echo \"code=\$? icanon echo \" >$result" Enter
  until_screen '^isotach traffic +lo'
  in_tmux send-keys C-c
  ended_with 0
}

@test "starts on the page that is asked for; ASCII where braille is not wanted" {
  start 100 24 "$ISOTACH traffic lo --by size --ascii -i 100ms"
  until_screen 'SIZES -'
  in_tmux send-keys 1
  until_screen 'FLOWS -'
  if screen | LC_ALL=C grep -q '[^ -~]'; then fails_with "not ASCII: $(screen)"; fi
  in_tmux send-keys q
  ended_with 0
}

@test "no size is refused" {
  for size in '1 1' '2 1' '0 0' '65535 65535'; do
    # shellcheck disable=SC2086
    on_pty $size "$ISOTACH" traffic lo -i 10ms -n 2
    exit_code 0
  done
}
