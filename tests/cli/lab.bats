#!/usr/bin/env bats
# isotach lab: the list, what a lab would do, and wrong words. Doing them: tests/privileged/lab.bats.

setup() {
  load helpers
  cd "$BATS_TEST_TMPDIR" || return 1
}

@test "lists the labs, also for scripts" {
  isotach lab
  exit_code 0
  out "Ethernet settings"
  out "isotach lab NAME"
  isotach lab --json
  json '.schema' isotach.labs.v1
  json '[.labs[] | select(.steps == 0)] | length == 0'
}

@test "says what a lab would do without doing it" {
  isotach lab link --show
  exit_code 0
  out '\$ isotach link check'
  out "It means:"
  [[ ! -e lab-link ]]
}

@test "a lab that is not there is a usage error that names the nearest" {
  isotach lab memori
  exit_code 2
  err "no lab 'memori'"
  err "did you mean 'memory'"
}

@test "a report is not overwritten" {
  mkdir mine
  isotach lab plot --output mine
  exit_code 1
  err "mine is there already"
}

@test "the labs that need root say so" {
  [[ $(id -u) == 0 ]] || skip "needs root to become somebody else"
  chmod 777 .
  run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$ISOTACH" lab link
  exit_code 4
  err "needs root"
}
