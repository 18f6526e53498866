#!/usr/bin/env bats
# isotach lab as any user: what it refuses. tests/privileged/lab_net.bats makes paths.

setup() {
  load helpers
}

@test "lab net without an action, a name or sense" {
  isotach lab net
  exit_code 2
  err 'the action is missing'
  isotach lab net up
  exit_code 2
  err 'the name of the path is missing'
  isotach lab net up 'Bad Name'
  exit_code 2
  err 'is no name for a path'
  isotach lab net up fine --links 99
  exit_code 2
  err 'give a number from 1 to 16'
  isotach lab net up fine extra
  exit_code 2
}

@test "a setting that is not understood is named, with the nearest" {
  isotach lab net up fine --link '2 both rat=5mbit'
  exit_code 2
  err "no setting 'rat'"
  err 'did you mean: rate?'
  isotach lab net up fine --link '9 both rate=5mbit'
  exit_code 2
  err "no link '9'"
}

@test "a path that is not there" {
  isotach lab net show nowhere-at-all
  exit_code 1
  err "there is no path 'nowhere-at-all'"
}
