# shellcheck shell=bash
# For tests of the command line: load it with `load helpers` (or `load ../cli/helpers`).
#
# The program under test is $ISOTACH; ./dev test sets it, by hand it is build/isotach.
# shellcheck disable=SC2154  # status is set by bats
bats_require_minimum_version 1.5.0

: "${ISOTACH:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/isotach}"
export ISOTACH

# What a terminal or a user's settings would change.
unset COLUMNS LINES NO_COLOR
export LC_ALL=C.UTF-8 TERM=dumb

# isotach ARGS...: leaves $status, $output (standard output) and $stderr.
isotach() {
  run --separate-stderr "$ISOTACH" "$@"
}

# fails_with TEXT: ends the test with what was seen.
fails_with() {
  {
    printf '%s\n' "$1"
    printf 'exit code: %s\n' "$status"
    printf 'standard output: %.2000s\n' "$output"
    printf 'standard error: %.2000s\n' "${stderr-}"
  } >&2
  return 1
}

# exit_code N: what the last run ended with.
exit_code() {
  [[ $status == "$1" ]] || fails_with "the exit code should be $1"
}

# out PATTERN, err PATTERN: an extended regular expression that some line must match.
out() {
  grep -qE -e "$1" <<<"$output" || fails_with "standard output should match: $1"
}

err() {
  grep -qE -e "$1" <<<"${stderr-}" || fails_with "standard error should match: $1"
}

no_out() {
  [[ -z $output ]] || fails_with "standard output should be empty"
}

no_err() {
  [[ -z ${stderr-} ]] || fails_with "standard error should be empty"
}

# No signal, no abort, no trace of the inside: whatever happened, the program ended by itself.
ended_by_itself() {
  ((status < 126 || status == 130)) || fails_with "should end by itself"
  local inside='terminate called|internal error|Sanitizer|what\(\):|Segmentation|core dumped'
  if grep -qE "$inside" <<<"$output${stderr-}"; then fails_with "shows the inside of the program"; fi
}

# A usage error: 2, nothing on standard output, and a few lines that say where help is.
usage_error() {
  exit_code 2
  no_out
  err '--help'
  [[ $(wc -l <<<"$stderr") -le 6 ]] || fails_with "a usage error should be short"
}

# json FILTER [VALUE]: what jq finds in standard output must be VALUE, or true.
json() {
  local found
  found=$(jq -r "$1" <<<"$output") || fails_with "standard output should be JSON"
  [[ $found == "${2-true}" ]] || fails_with "jq '$1' should give '${2-true}', not '$found'"
}

# Every command that isotach --help lists.
listed_commands() {
  "$ISOTACH" --help | awk '/^without a command/ {exit} /^  [a-z][a-z-]*  +[a-z]/ {print $1}'
}

# subcommands_of COMMAND: "create" of "isotach swap create".
subcommands_of() {
  "$ISOTACH" "$1" --help | awk -v name="$1" '
    /^commands:/ {inside = 1; next} /^$/ {inside = 0} inside && $1 == name {print $2}'
}

needs_root() {
  ((EUID == 0)) || skip "needs root"
}
