# Saved trees that no kernel writes, shown in every way: nothing may crash, act on the terminal or
# print what is no JSON.

setup() { load ../cli/helpers; }

trees() {
  find "$BATS_TEST_DIRNAME/../fixtures/hostile" -mindepth 1 -maxdepth 1 -type d
}

# An exit code that a measurement may have, no escape sequences, nothing from the inside.
is_sane() {
  ended_by_itself
  [[ $status =~ ^[0145]$ ]] || fails_with "should measure or fail"
  if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output${stderr-}"; then
    fails_with "acts on the terminal"
  fi
}

@test "every mode of vm" {
  local tree mode
  while read -r tree; do
    for mode in "" -a -w "-w -a -t" --pressure -s -d -D -m -f --free "--free -h" "-p sda" "-S B"; do
      # shellcheck disable=SC2086
      isotach vm $mode --proc-root "$tree"
      is_sane
    done
  done < <(trees)
}

@test "every format" {
  local tree mode
  while read -r tree; do
    for mode in "" --pressure -s -d -D -m -f --free; do
      # shellcheck disable=SC2086
      isotach vm $mode --json --proc-root "$tree"
      is_sane
      jq -e .schema <<<"$output" >/dev/null || fails_with "should be JSON with a schema"
      # shellcheck disable=SC2086
      isotach vm $mode --json-stream --proc-root "$tree"
      is_sane
      jq -e .schema <<<"$output" >/dev/null || fails_with "should be JSON with a schema"
      # shellcheck disable=SC2086
      isotach vm $mode --csv --proc-root "$tree"
      is_sane
    done
  done < <(trees)
}

@test "the report of the machine" {
  local tree
  while read -r tree; do
    isotach --proc-root "$tree" </dev/null
    is_sane
    isotach --json --proc-root "$tree" </dev/null
    is_sane
    jq -e . <<<"$output" >/dev/null || fails_with "should be JSON"
  done < <(trees)
}

@test "recorded and replayed" {
  local tree file
  while read -r tree; do
    file=$BATS_TEST_TMPDIR/$(basename "$tree").isotach
    isotach vm --proc-root "$tree" --record "$file" 0.01 2
    is_sane
    [[ -e $file ]] || continue
    isotach replay --json --speed max "$file"
    is_sane
    jq -e .schema <<<"$output" >/dev/null || fails_with "should be JSON with a schema"
  done < <(trees)
}

@test "a process that is none" {
  local tree
  while read -r tree; do
    isotach vm --proc-root "$tree" --pid 42 --json
    is_sane
    jq -e .schema <<<"$output" >/dev/null || fails_with "should be JSON with a schema"
  done < <(trees)
}
