# shellcheck shell=bash
# For tests of live views: a terminal, which is tmux, and what it shows. Load cli/helpers before it.
# shellcheck disable=SC2154  # status is set by bats

set_up_screen() {
  command -v tmux >/dev/null || skip "tmux is not installed"
  export LC_ALL=C.UTF-8
  socket=isotach-test-$$-$BATS_TEST_NUMBER
  result=$BATS_TEST_TMPDIR/result
  unset TMUX
}

tear_down_screen() {
  tmux -L "$socket" kill-server 2>/dev/null || true
}

in_tmux() {
  tmux -L "$socket" "$@"
}

# start COLUMNS ROWS COMMAND: runs it in a shell of its own that stays, as a user's does.
start() {
  in_tmux -f /dev/null new-session -d -x "$1" -y "$2" "env PS1='ready> ' bash --norc --noprofile"
  in_tmux set-option -g default-terminal xterm-256color
  until_screen 'ready>'
  in_tmux send-keys "TERM=${term-xterm-256color} $3; " \
    "echo \"code=\$? \$(stty -a | grep -ow -e '-\\?icanon' -e '-\\?echo' | tr '\\n' ' ')\" >$result" Enter
}

screen() {
  in_tmux capture-pane -p
}

# until_screen PATTERN: waits for what the terminal shows, or fails with it.
until_screen() {
  local end=$((SECONDS + 20))
  until screen | grep -qE -e "$1"; do
    if ((SECONDS > end)); then
      echo "the terminal never showed: $1" >&2
      screen >&2
      return 1
    fi
    read -rt 0.05 <> <(:) || true
  done
}

# ended_with CODE: the program has ended with it, and the terminal is as it was.
ended_with() {
  local end=$((SECONDS + 20))
  until [[ -s $result ]]; do
    if ((SECONDS > end)); then
      echo "the program did not end" >&2
      screen >&2
      return 1
    fi
    read -rt 0.05 <> <(:) || true
  done
  [[ $(cat "$result") == "code=$1 icanon echo " ]] || fails_with "ended with: $(cat "$result")"
  until_screen 'ready>'
  [[ $(in_tmux display-message -p '#{alternate_on} #{cursor_flag}') == '0 1' ]] ||
    fails_with "the alternate screen is still on, or the cursor hidden"
}

# The program's process: the only child of the shell in the terminal.
program() {
  pgrep -P "$(in_tmux display-message -p '#{pane_pid}')"
}

# On a terminal of COLUMNS ROWS of its own, without tmux: ncurses must not believe just anything.
on_pty() {
  run --separate-stderr python3 - "$@" <<'PYTHON'
import fcntl, os, pty, struct, sys, termios
columns, rows = int(sys.argv[1]), int(sys.argv[2])
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.environ["TERM"] = "xterm-256color"
    os.execv(sys.argv[3], sys.argv[3:])
try:
    while os.read(terminal, 65536):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PYTHON
}
