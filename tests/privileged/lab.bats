#!/usr/bin/env bats
# isotach lab NAME: every lab that is built in is done, and every step comes out as its text says.

setup() {
  load ../cli/helpers
  needs_root
  cd "$BATS_TEST_TMPDIR" || return 1
}

# do_lab NAME: all steps as expected, with a report that has every picture.
do_lab() {
  run --separate-stderr timeout --kill-after=10 600 "$ISOTACH" lab "$1"
  exit_code 0
  [[ $(jq -r '.passed == .steps' "lab-$1/result.json") == true ]]
  local picture
  for picture in $(grep -o '<img src="[^"]*"' "lab-$1/report.html" | cut -d'"' -f2); do
    [[ -s lab-$1/$picture ]]
  done
}

@test "lab link" {
  do_lab link
}

@test "lab traffic" {
  do_lab traffic
}

@test "lab nettest" {
  do_lab nettest
}

@test "lab connections" {
  command -v tcpdump >/dev/null || skip "needs tcpdump"
  do_lab connections
}

@test "lab path" {
  do_lab path
}

@test "lab memory" {
  do_lab memory
}

@test "lab swap" {
  do_lab swap
}

@test "lab ksm" {
  do_lab ksm
}

@test "lab plot" {
  do_lab plot
}

@test "lab pin" {
  do_lab pin
}

@test "a lab leaves no swap and no settings behind when it is interrupted" {
  timeout --foreground --signal=INT --kill-after=90 7 "$ISOTACH" lab swap || true
  [[ $(swapon --show --noheadings) == "" ]]
  [[ ! -e lab-swap/one.swap && ! -e lab-swap/ten.swap && ! -e lab-swap/twenty.swap ]]
}
