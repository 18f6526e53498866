# The documents against the program: what they tell people to type must exist.

setup_file() {
  load helpers
  export DOCUMENTS="${ISOTACH_SOURCE:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
  export EXAMPLES=$BATS_FILE_TMPDIR/examples
  # Indented lines that start isotach, also at the end of a pipe, without what follows "#".
  sed -nE 's/^    (.*\| |sudo )?(isotach( .*)?)$/\2/p' "$DOCUMENTS/README.md" "$DOCUMENTS/docs/guide.md" \
    "$DOCUMENTS/docs/fleet.md" "$DOCUMENTS"/docs/questions/*.md |
    sed -E 's/ +#.*//; s/ \| .*//; s/ -- .*//; s/<[^ ]*//' >"$EXAMPLES"
}

setup() { load helpers; }

@test "the documents have examples" {
  [[ $(wc -l <"$EXAMPLES") -ge 40 ]]
}

@test "every command in an example exists" {
  local line words
  while read -r line; do
    read -ra words <<<"$line"
    [[ -z ${words[1]-} || ${words[1]} == -* ]] && continue
    listed_commands | grep -qx -e "${words[1]}" || fails_with "no such command: $line"
  done <"$EXAMPLES"
}

@test "every option in an example exists" {
  local line word words help
  while read -r line; do
    read -ra words <<<"$line"
    # "isotach swap create ..." is explained by its own help.
    if [[ ${words[1]-} != [a-z]* ]]; then
      help=$("$ISOTACH" --help)
    elif [[ ${words[2]-} == [a-z]* ]] && subcommands_of "${words[1]}" | grep -qx "${words[2]}"; then
      help=$("$ISOTACH" "${words[1]}" "${words[2]}" --help)
    else
      help=$("$ISOTACH" "${words[1]}" --help)
    fi
    for word in "${words[@]:1}"; do
      [[ $word == -* ]] || continue
      grep -qE -e "(^| )${word%%=*}([ ,]|\$)" <<<"$help" || fails_with "$line: there is no $word"
    done
  done <"$EXAMPLES"
}

@test "the guide has every command" {
  local command under
  [[ $(listed_commands | wc -l) -ge 6 ]]
  for command in $(listed_commands); do
    grep -q "isotach $command" "$DOCUMENTS/docs/guide.md" || fails_with "the guide lacks $command"
    for under in $(subcommands_of "$command"); do
      grep -q "isotach $command $under" "$DOCUMENTS/docs/guide.md" ||
        fails_with "the guide lacks $command $under"
    done
  done
}

@test "the guide's exit codes are those of the help" {
  local code
  for code in 0 1 2 3 4 5 130; do
    grep -q "^| $code |" "$DOCUMENTS/docs/guide.md"
    "$ISOTACH" --help | tr '\n' ' ' | grep -qE "exit codes:.*\b$code "
  done
}
