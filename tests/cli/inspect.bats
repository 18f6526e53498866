# isotach inspect: recordings read again, chosen from and shown; what it refuses.

setup_file() {
  load helpers
  export ISOTACH_SOURCE=${ISOTACH_SOURCE:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
  export RECORDING=$ISOTACH_SOURCE/fuzz/corpus/inspect/little
}

setup() { load helpers; }

@test "a recording is summed up" {
  run "$ISOTACH" inspect --read "$RECORDING"
  [[ $status == 0 ]]
  [[ ${lines[0]} == "ls -l: 3 instructions, 3 reads of 24 B, 1 writes of 8 B" ]]
  [[ $output == *memcpy* && $output == *"[stack]"* && $output == *libc.so.6* ]]
}

@test "JSON has every figure" {
  run --separate-stderr "$ISOTACH" inspect --read "$RECORDING" --json
  [[ $status == 0 ]]
  jq -e '.schema == "isotach.inspect.v1" and .complete and .exit_code == 0 and .instructions == 3
         and .reads == 3 and .read_bytes == 24 and .writes == 1 and .written_bytes == 8 and .unreadable == 1
         and .pages == 4 and (.regions | length) == 2 and ([.slices[].instructions] | add) == 3' <<<"$output"
}

@test "lines show each event with its bytes" {
  run --separate-stderr "$ISOTACH" inspect --read "$RECORDING" --text
  [[ $status == 0 ]]
  [[ ${#lines[@]} == 7 ]]
  [[ ${lines[0]} == "i 0 ls:.text:main 0x0000000000401000  mov rax, qword ptr [rsp]" ]]
  [[ ${lines[1]} == *"[0x7ffc00000ff8] 8 = 6162636465666768" ]]
  [[ ${lines[4]} == "w 0 libc.so.6:.text:memcpy "*"[0x600000] 8 = 0000000000000000 -> 6162636465666768" ]]
  [[ ${lines[6]} == *"[0x10] 8 = not readable" ]]
}

@test "options choose from a recording" {
  run "$ISOTACH" inspect --read "$RECORDING" --text -i ls
  [[ ${#lines[@]} == 2 ]]
  run "$ISOTACH" inspect --read "$RECORDING" --text --writes
  [[ ${#lines[@]} == 1 ]]
  run "$ISOTACH" inspect --read "$RECORDING" --text --routine memcpy --address 0x600000+8
  [[ ${lines[*]} == *"w 0 libc.so.6:.text:memcpy"* ]]
  run "$ISOTACH" inspect --read "$RECORDING" -i nothing.so
  [[ $status == 0 && $output == *"Nothing that was chosen ran"* ]]
}

@test "a recording is packed, and read again" {
  local packed=$BATS_TEST_TMPDIR/r.zst
  run "$ISOTACH" inspect --read "$RECORDING" -o "$packed"
  [[ $status == 0 ]]
  zstd -dc "$packed" | cmp - "$RECORDING"
  run "$ISOTACH" inspect --read "$packed" --text
  [[ $status == 0 && ${#lines[@]} == 7 ]]
  # From a pipe.
  run bash -c '"$ISOTACH" inspect --read - --text <"$1" | head -1' _ "$packed"
  [[ $output == "i 0 ls:.text:main"* ]]
}

@test "a report has a map and tables" {
  run "$ISOTACH" inspect --read "$RECORDING" --report "$BATS_TEST_TMPDIR/r.html"
  [[ $status == 0 ]]
  grep -q "Accesses over address and time" "$BATS_TEST_TMPDIR/r.html"
  grep -q "memcpy" "$BATS_TEST_TMPDIR/r.html"
  run "$ISOTACH" inspect --read "$RECORDING" --svg "$BATS_TEST_TMPDIR/r.svg"
  [[ $status == 0 ]]
  rsvg-convert "$BATS_TEST_TMPDIR/r.svg" >/dev/null
}

@test "a recording that was cut short is shown as far as it goes" {
  head -c 700 "$RECORDING" >"$BATS_TEST_TMPDIR/cut"
  run --separate-stderr "$ISOTACH" inspect --read "$BATS_TEST_TMPDIR/cut"
  [[ $stderr == *"cut short"* ]]
  [[ $output == "ls -l: "* ]]
}

@test "what is no recording is refused" {
  run "$ISOTACH" inspect --read "$ISOTACH_SOURCE/README.md"
  [[ $status == 1 && $output == *"no recording of isotach inspect"* ]]
  run "$ISOTACH" inspect --read /dev/null
  [[ $status == 1 && $output == *"empty"* ]]
  run "$ISOTACH" inspect --read /no/such/file
  [[ $status == 1 && $output == *"No such file"* ]]
}

@test "what makes no sense is a usage error" {
  local words
  for words in "" "--read x -- ls" "--address 5 -- ls" "--sample 0 -- ls" "--limit x -- ls" "--top 0 -- ls" \
    "--json --text -- ls" "--sample 5 --read x"; do
    # shellcheck disable=SC2086
    run "$ISOTACH" inspect $words
    [[ $status == 2 ]] || fails_with "inspect $words: $status $output"
  done
}

@test "a program that is not there is named" {
  run "$ISOTACH" inspect -- /no/such/program
  [[ $status == 1 && $output == *"/no/such/program"* ]]
}

@test "a missing engine is named with where it was looked for" {
  run env ISOTACH_KIT="$BATS_TEST_TMPDIR" "$ISOTACH" inspect -- true
  [[ $status == 5 && $output == *"has no pin"* ]]
}
