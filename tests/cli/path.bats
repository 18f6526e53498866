#!/usr/bin/env bats
# isotach path as any user; tests/privileged/path_test.py measures emulated paths.

setup() {
  load helpers
}

@test "a host is wanted, and only one" {
  isotach path
  exit_code 2
  err 'one host is wanted'
  isotach path a b
  exit_code 2
  isotach path --port 0 localhost
  exit_code 2
  isotach path --hops --probe smoke localhost
  exit_code 2
  isotach path --for 1ms localhost
  exit_code 2
  isotach path -4 -6 localhost
  exit_code 2
  isotach path -R --bidir localhost
  exit_code 2
}

@test "where no partner is, it says how to start one" {
  isotach path -p 1 127.0.0.1
  exit_code 1
  err 'isotach nettest -s'
  err 'isotach path --hops 127.0.0.1'
}

@test "loopback: a document that is whole" {
  "$ISOTACH" nettest -s -p 0 2>"$BATS_TEST_TMPDIR/server" >/dev/null 3>&- &
  local server=$! port
  until grep -q 'listening on 127' "$BATS_TEST_TMPDIR/server"; do read -rt 0.02 <> <(:) || true; done
  port=$(sed -nE 's/.*127\.0\.0\.1:([0-9]+).*/\1/p' "$BATS_TEST_TMPDIR/server" | head -1)
  isotach path --json --no-transfer --no-available --echoes 20 --bidir -p "$port" 127.0.0.1
  kill "$server"
  json '.schema' isotach.path.v1
  json '.idle.answered > 0'
  json '.packets.sent > 0 and .packets.sent >= .packets.arrived'
  json '.direction' to_peer
  json '.reverse.direction' from_peer
  json '.reverse.capacity.bps > 0 and .reverse.packets.arrived > 0'
  json '.reverse | has("schema")' false
  json '.available' null
  json '.tcp' null
  json '.advice.changes | type' array
}
