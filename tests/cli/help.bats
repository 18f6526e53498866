#!/usr/bin/env bats
# Help, versions and what every command does with a wrong command line.

setup() { load helpers; }

@test "isotach --help groups the commands by area" {
  run --separate-stderr "$ISOTACH" --help
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  local area command
  for area in overview memory recordings about; do grep -qx "$area:" <<<"$output"; done
  for command in $(listed_commands); do grep -q "^  $command  " <<<"$output"; done
  [[ $output == *"exit codes: 0 ok;"* ]]
  [ "$("$ISOTACH" help)" = "$output" ]
}

@test "every command explains itself, with examples and exit codes" {
  local command
  [ "$(listed_commands | wc -w)" -ge 8 ]
  for command in $(listed_commands); do
    run --separate-stderr "$ISOTACH" "$command" --help
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ ${lines[0]} == "isotach $command - "* ]]
    [[ $output == *"usage: isotach $command"* ]]
    [[ $output == *"examples:"* ]]
    [[ $output == *"exit codes: 0 ok;"* ]]
    [[ $output != *"not written"* ]]
    [ "$("$ISOTACH" help "$command")" = "$output" ]
  done
  run "$ISOTACH" help overview
  [ "$status" -eq 0 ]
  [[ $output == *"examples:"* ]]
}

@test "commands of commands explain themselves too" {
  local command under
  for command in $(listed_commands); do
    for under in $(subcommands_of "$command"); do
      isotach "$command" "$under" --help
      exit_code 0
      no_err
      [[ ${lines[0]} == "isotach $command $under - "* ]]
      out '^examples:$'
      [ "$("$ISOTACH" help "$command" "$under")" = "$output" ]
      isotach "$command" "$under" --hlep
      usage_error
    done
  done
  [[ $(subcommands_of swap | wc -l) -ge 6 ]]
}

@test "an unknown command of a command is a usage error with a suggestion" {
  isotach swap crate
  usage_error
  err "unknown command 'swap crate'"
  err 'did you mean: isotach swap create\?'
}

@test "help fits the terminal" {
  local command
  for command in $(listed_commands); do
    COLUMNS=80 "$ISOTACH" "$command" --help >"$BATS_TEST_TMPDIR/help"
    run awk 'length($0) > 80' "$BATS_TEST_TMPDIR/help"
    [ -z "$output" ]
    COLUMNS=20 "$ISOTACH" "$command" --help >"$BATS_TEST_TMPDIR/narrow"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/narrow")" -gt "$(wc -l <"$BATS_TEST_TMPDIR/help")" ]
  done
}

@test "--version names the version and nothing else" {
  run --separate-stderr "$ISOTACH" --version
  [ "$status" -eq 0 ]
  [[ $output =~ ^isotach\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
  [ -z "$stderr" ]
}

@test "an unknown command or option is a usage error with a suggestion" {
  run --separate-stderr "$ISOTACH" recrod
  [ "$status" -eq 2 ]
  [ -z "$output" ]
  [[ $stderr == *"did you mean: isotach record?"* ]]
  local command
  for command in '' $(listed_commands); do
    # shellcheck disable=SC2086 # without a command there is no word
    run --separate-stderr timeout 20 "$ISOTACH" $command --hlep
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ $stderr == *"unknown option --hlep"*"did you mean --help?"* ]]
  done
}

@test "with --json an error is an object on stdout, and the exit code stays" {
  run --separate-stderr "$ISOTACH" vm --json --nonsense
  [ "$status" -eq 2 ]
  [ "$(jq -r .schema <<<"$output")" = isotach.error.v1 ]
  [ "$(jq -r .exit_code <<<"$output")" = 2 ]
  [ "$(jq -r .error <<<"$output")" = "unknown option --nonsense" ]
}

@test "bytes of the command line do not reach the terminal as they are" {
  run "$ISOTACH" $'\e[2J\xff'
  [ "$status" -eq 2 ]
  [[ $output != *$'\e'* ]]
  run "$ISOTACH" vm --json $'--\e]0;x\a'
  [ "$status" -eq 2 ]
  [[ $output != *$'\e'* ]]
}

@test "a full disk is an error, a closed pipe is none" {
  run bash -c '"$ISOTACH" --help >/dev/full'
  [ "$status" -eq 1 ]
  [[ $output == *"No space left on device"* ]]
  run bash -c '"$ISOTACH" --help | true; echo "${PIPESTATUS[0]}"'
  [[ $output == 0 || $output == 141 ]]
}

@test "an environment without anything works" {
  run env -i "$ISOTACH" --help
  [ "$status" -eq 0 ]
  run env -i COLUMNS=99999999999999999999 LINES=-1 TERM= LC_ALL=nowhere "$ISOTACH" help vm
  [ "$status" -eq 0 ]
}
