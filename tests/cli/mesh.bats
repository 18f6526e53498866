# isotach mesh: the schedule that all hosts compute alike, and hosts of a mesh on addresses of loopback.

setup() {
  load helpers
  load agent
  cat >"$BATS_TEST_TMPDIR/mesh.conf" <<'FILE'
host one 127.0.0.1
host two 127.0.0.2
host three 127.0.0.3
test nettest -t 0.2
slot 20s
FILE
}

teardown() { stop_started; }

@test "the schedule has every pair in both directions, and a mark at our own" {
  run "$ISOTACH" mesh check "$BATS_TEST_TMPDIR/mesh.conf" --as two
  [[ $status == 0 ]]
  [[ $output == *"3 hosts, 1 test a pair; 6 slots of 20 s, again every 2 min"* ]]
  [[ $(grep -c 'two to .* \*' <<<"$output") == 2 ]]
  run bash -c '"$ISOTACH" mesh check "$1" --as two --json | jq -r ".slots[].pairs[] | .from + .to" | sort | tr "\n" " "' \
    _ "$BATS_TEST_TMPDIR/mesh.conf"
  [[ $output == "onethree onetwo threeone threetwo twoone twothree " ]]
}

@test "which host we are is told by our addresses" {
  printf 'host far 198.51.100.1\nhost near 127.0.0.1\ntest path\n' >"$BATS_TEST_TMPDIR/near.conf"
  run "$ISOTACH" mesh check "$BATS_TEST_TMPDIR/near.conf"
  [[ $status == 0 && $output == *"this host is near"* ]]
  printf 'host far 198.51.100.1\nhost further 198.51.100.2\ntest path\n' >"$BATS_TEST_TMPDIR/far.conf"
  run "$ISOTACH" mesh check "$BATS_TEST_TMPDIR/far.conf"
  [[ $status == 2 && $output == *"--as NAME"* ]]
}

@test "what is wrong in a file is told with its line" {
  printf 'host a 127.0.0.1\nhots b 127.0.0.2\n' >"$BATS_TEST_TMPDIR/wrong.conf"
  run "$ISOTACH" mesh run "$BATS_TEST_TMPDIR/wrong.conf"
  [[ $status == 2 && $output == *"line 2: 'hots' is no word"* && $output == *"they are: host, "* ]]
  run "$ISOTACH" mesh run "$BATS_TEST_TMPDIR/none.conf"
  [[ $status == 1 && $output == *"none.conf: No such file"* ]]
  run "$ISOTACH" agent --once --mesh "$BATS_TEST_TMPDIR/mesh.conf"
  [[ $status == 2 && $output == *"--mesh has no meaning with --once"* ]]
}

# A file of two hosts at free ports, with slots short enough for a test. Sets $mesh.
two_hosts() {
  mesh=$BATS_TEST_TMPDIR/two.conf
  printf 'host one 127.0.0.1\nhost two 127.0.0.2\ntest nettest -t 0.2\nslot 2s\nport %s\nlease-port %s\n' \
    "$1" "$2" >"$mesh"
}

@test "a host tests the other and prints what it found, or why it found nothing" {
  two_hosts 5321 5322
  "$ISOTACH" mesh run "$mesh" --as one --json-stream >"$BATS_TEST_TMPDIR/one" 2>&1 3>&- &
  started+=($!)
  # Nobody is there yet.
  wait_until 30 grep -q '"outcome":"failed","problem":"cannot connect to 127.0.0.2:5322' "$BATS_TEST_TMPDIR/one"
  "$ISOTACH" mesh run "$mesh" --as two >"$BATS_TEST_TMPDIR/two" 2>&1 3>&- &
  started+=($!)
  wait_until 60 grep -q '"outcome":"done".*mesh_throughput_bits_per_second' "$BATS_TEST_TMPDIR/one"
  wait_until 60 grep -q 'two to one  nettest  throughput' "$BATS_TEST_TMPDIR/two"
}

@test "a port that is taken is told, with what to do" {
  two_hosts 5323 5324
  "$ISOTACH" nettest -s -B 127.0.0.1 -p 5323 >"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
  started+=($!)
  wait_until 20 grep -q 'listening on' "$BATS_TEST_TMPDIR/server"
  run "$ISOTACH" mesh run "$mesh" --as one
  [[ $status == 1 && $output == *"Address already in use"* && $output == *"another port"* ]]
}
