#!/usr/bin/env bats
# isotach link as any user: what it prints, and what it refuses.

setup() {
  load helpers
  export ISOTACH_STATE=$BATS_TEST_TMPDIR/state
}

@test "a row for every interface" {
  COLUMNS=160 isotach link
  exit_code 0
  no_err
  out '^interface +driver +state +speed +duplex +autoneg +mtu +receives +sends +used +errors +drops$'
  local name
  for name in /sys/class/net/*; do
    [[ -d $name ]] || continue
    out "^$(basename "$name") "
  done
}

@test "a narrow terminal leaves columns out, not the interface" {
  COLUMNS=40 isotach link
  exit_code 0
  out '^interface +state'
  [[ $(wc -L <<<"$output") -le 40 ]]
}

@test "JSON: null for what is not known, never 0" {
  isotach link --json -i 20ms
  exit_code 0
  json '.schema' isotach.link.v1
  json '.elapsed_ns > 0'
  json '.interfaces | map(.name) | index("lo") != null'
  json '.interfaces[] | select(.name == "lo") | .speed_mbit_s == null and .duplex == null and .used_ratio == null'
  json '.interfaces[] | select(.name == "lo") | .counters | has("rx_crc_errors")'
  json '[.interfaces[] | select(.speed_mbit_s == 0)] | length' 0
}

@test "everything about one" {
  isotach link lo
  exit_code 0
  out '^speed +-$'
  out '^offloads$'
  out '^not told by the driver'
  isotach link --json -i 10ms lo
  json '.interfaces | length' 1
  json '.interfaces[0] | .rings == null and .pause == null and .eee == null and .fec == null and .module == null'
  json '.interfaces[0].features | map(select(.name == "loopback"))[0].active'
}

@test "one object a line, and CSV with one head" {
  isotach link --json-stream -i 10ms -n 3
  exit_code 0
  [[ ${#lines[@]} == 3 ]]
  [[ $(jq -r .schema <<<"$output" | sort -u) == isotach.link.v1 ]]
  isotach link --csv -i 10ms -n 2 lo
  exit_code 0
  [[ ${#lines[@]} == 3 ]]
  out '^time,interface,driver,state,speed_mbit_s,'
  out '^[0-9TZ:.-]+,lo,,[a-z]+,,,,'
}

@test "what cannot be meant is refused, with what was meant" {
  isotach link lp
  usage_error
  err "there is no interface 'lp'"
  err 'did you mean: lo\?'
  isotach link --json -n 2
  exit_code 2
  isotach link -i fast
  usage_error
}

@test "check tells what it judged and what not" {
  isotach link check lo
  exit_code 0
  out '^0 interfaces, 0 problems$'
  isotach link check --json
  json '.schema' isotach.link-check.v1
  json '(.findings | type) == "array" and (.not_judged | type) == "array"'
  json '.problems == ([.findings[] | select(.severity != "info")] | length)'
  [[ $status == $(jq 'if .problems > 0 then 1 else 0 end' <<<"$output") ]]
  isotach link check nosuch
  usage_error
  isotach link check --expect fast
  usage_error
}

@test "set refuses what means nothing before it touches anything" {
  isotach link set
  usage_error
  isotach link set lo
  usage_error
  isotach link set lo sped 100
  usage_error
  err 'did you mean: speed\?'
  isotach link set lo mtu
  usage_error
  err 'mtu needs a value'
  isotach link set lo mtu 12
  usage_error
  isotach link set nosuch mtu 1500
  usage_error
  isotach link set lo mtu 1500 --keep --for 3s
  usage_error
  [[ ! -e $ISOTACH_STATE ]]
}

@test "set: a dry run says what would be done and needs no rights" {
  isotach link set lo mtu 1400 --dry-run
  exit_code 0
  out '^would set lo: mtu 1400 \(now [0-9]+\)|^would set lo: mtu 1400 \(now mtu [0-9]+\)$'
  isotach link set lo mtu 1400 --dry-run --json
  json '.schema' isotach.plan.v1
  json '.put_back[0] | startswith("give lo back: mtu ")'
  [[ ! -e $ISOTACH_STATE ]]
}

@test "set: what the driver cannot is not supported, and said" {
  isotach link set lo speed 100 duplex full autoneg off
  exit_code 5
  isotach link set lo rx-ring 100
  exit_code 5
}

@test "set without the right to: 4, and what it needs" {
  ((EUID != 0)) || skip "is root"
  isotach link set lo mtu 1400
  exit_code 4
}

@test "confirm where nothing waits" {
  isotach link confirm
  exit_code 1
  err 'no change of an interface waits'
}
