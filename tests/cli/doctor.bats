# isotach doctor: what it says, how it ends, and what it refuses.

setup() { load helpers; }

# Whatever is wrong with the machine that runs the tests: it examines, and says so.
@test "the host is examined, and the answer comes first" {
  run -0 --separate-stderr bash -c '"$ISOTACH" doctor --for 0.5 || [[ $? == 1 ]]'
  [[ ${lines[0]} =~ \.$ ]]
  [[ $output == *"evidence"* ]]
  [[ $output == *"checked and healthy"* ]]
}

@test "JSON says the same, and the exit code is that of 'problem'" {
  local code=0
  "$ISOTACH" doctor --for 0.5 --json >"$BATS_TEST_TMPDIR/report.json" || code=$?
  python3 - "$BATS_TEST_TMPDIR/report.json" "$code" <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
assert report["schema"] == "isotach.doctor.v1"
assert report["problem"] == (sys.argv[2] == "1"), sys.argv[2]
assert report["problem"] == any(f["severity"] != "info" for f in report["findings"])
assert report["answer"] and report["healthy"]
PYTHON
}

@test "what is silenced is no problem" {
  "$ISOTACH" doctor --for 0.5 --json >"$BATS_TEST_TMPDIR/report.json" || true
  # Everything that there is, so that whatever this machine suffers from is among it.
  ls "$ISOTACH_SOURCE/docs/findings" | sed -n 's/\.md$//p' | grep -v README >"$BATS_TEST_TMPDIR/all"
  run -0 "$ISOTACH" doctor --for 0.5 --json --silence-file "$BATS_TEST_TMPDIR/all"
  [[ $output == *'"findings":[]'* ]]
}

@test "a name that there is not is named, with the nearest" {
  run -2 "$ISOTACH" doctor --silence tcp-retransmit
  [[ $output == *"did you mean 'tcp-retransmits'"* ]]
  run -2 "$ISOTACH" doctor --explain nonsense
  [[ $output == *"there is no finding 'nonsense'"* ]]
}

@test "two ways of looking at once are refused" {
  run -2 "$ISOTACH" doctor --pid 1 --capture x.pcap
  [[ $output == *"do not go together"* ]]
}

@test "a process that there is not is said" {
  run -1 "$ISOTACH" doctor --pid 4194305
  [[ $output == *"there is no process 4194305"* ]]
}

@test "a program without connections is said to have none" {
  run -0 "$ISOTACH" doctor -- true
  [[ $output == *"No connection of it moved data"* ]]
}

@test "a capture that cannot be read is said" {
  run -1 "$ISOTACH" doctor --capture "$BATS_TEST_TMPDIR/none.pcap"
  [[ $output == *"none.pcap"* ]]
}

@test "every finding explains itself, as its page does" {
  "$ISOTACH" generate --findings "$BATS_TEST_TMPDIR/findings"
  diff -r "$BATS_TEST_TMPDIR/findings" "$ISOTACH_SOURCE/docs/findings" ||
    fails_with "the pages are old: isotach generate --findings docs/findings"
  run -0 "$ISOTACH" doctor --explain tcp-retransmits
  [[ $output == *"How it is measured"* ]]
}

@test "every finding that the rules name has a page" {
  local id
  for id in $(grep -rhoE '\{?"[a-z]+(-[a-z]+)+", *(Severity|critical|at_least|many|part >=|steal|larger|aborted)|id = "[a-z-]+"' \
    "$ISOTACH_SOURCE"/src/doctor/*_rules.cc | grep -oE '[a-z]+(-[a-z]+)+' | sort -u); do
    [[ -e $ISOTACH_SOURCE/docs/findings/$id.md ]] || fails_with "$id has no page"
  done
}

@test "what works here is listed command by command" {
  run bash -c '"$ISOTACH" doctor --self --json'
  [[ $status -le 1 ]]
  [[ $output == *'"schema":"isotach.doctor.self.v1"'* ]]
  [[ $output == *'"command":"traffic"'* ]]
  # Without any right: one command grants all that can be granted.
  run setpriv --bounding-set=-all --inh-caps=-all --reuid=65534 --clear-groups "$ISOTACH" doctor --self
  if [[ $output == setpriv:* ]]; then skip "rights cannot be given up here"; fi
  [ "$status" -eq 1 ]
  [ "$(grep -c 'setcap' <<<"$output")" -eq 2 ]
  local grant
  grant=$(sed -n 's/^  sudo setcap/sudo setcap/p' <<<"$output")
  [[ $grant == 'sudo setcap cap_bpf,cap_net_admin,cap_net_raw,cap_perfmon,cap_sys_ptrace+ep '* ]]
  # Commands advise the same: one of them alone would take away what another was granted.
  local words
  for words in "connections -i lo" "traffic --report -t 1 -f tcp"; do
    # shellcheck disable=SC2086 # several words
    run setpriv --bounding-set=-all --inh-caps=-all --reuid=65534 --clear-groups "$ISOTACH" $words
    [[ $output == *"run as root, or: $grant"* ]] || fails_with "isotach $words advises something else"
  done
}

@test "the doctor that stays tells what begins, and nothing that is silenced" {
  run --separate-stderr bash -c '"$ISOTACH" doctor --watch --for 0.6 -i 0.2 --json-stream || [[ $? == 1 ]]'
  [ "$status" -eq 0 ]
  [[ $stderr == *"looks; isotach itself used"* ]]
  [ -z "$output" ] || jq -e 'select(.schema == "isotach.doctor.watch.v1" and .event == "begin" and .finding.id)' <<<"$output"
  ls "$ISOTACH_SOURCE/docs/findings" | sed -n 's/\.md$//p' | grep -v README >"$BATS_TEST_TMPDIR/all"
  run -0 --separate-stderr "$ISOTACH" doctor --watch --for 0.6 -i 0.2 --silence-file "$BATS_TEST_TMPDIR/all"
  [ -z "$output" ]
  run -2 "$ISOTACH" doctor -i 1
  [[ $output == *"--watch only"* ]]
}
