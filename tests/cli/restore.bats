#!/usr/bin/env bats
# What a killed command has left changed is put back by the next start: with journals and plain files of
# the test's own.

setup() {
  load helpers
  export ISOTACH_STATE=$BATS_TEST_TMPDIR/state
  mkdir -p "$ISOTACH_STATE/changes"
  chmod 700 "$ISOTACH_STATE/changes"
  value=$BATS_TEST_TMPDIR/value
  printf 'changed\n' >"$value"
}

# abandoned STEP...: a journal of a command that no longer runs.
abandoned() {
  {
    printf 'isotach-changes 1 %% 1 ksm%%20demo\n'
    printf '%s\n' "$@"
  } >"$ISOTACH_STATE/changes/test.journal"
  chmod 600 "$ISOTACH_STATE/changes/test.journal"
}

@test "nothing waiting is said, and costs nothing" {
  isotach restore
  exit_code 0
  out '^nothing is waiting to be put back$'
  isotach restore --json
  json '.schema == "isotach.restore.v1" and .journals == []'
}

@test "a dry run shows what would be put back, newest first, and changes nothing" {
  abandoned "attribute $value first" "attribute $value second"
  isotach restore --dry-run
  exit_code 0
  out '^test: changed by isotach ksm demo, which was killed$'
  [[ ${lines[1]} == "  write second to $value" && ${lines[2]} == "  write first to $value" ]]
  [[ $(<"$value") == changed ]]
  isotach restore --dry-run --json
  json '.journals[0].command' 'ksm demo'
  json '.journals[0].running' false
  json '.journals[0].put_back | length' 2
}

@test "restore puts back and leaves no trace" {
  abandoned "attribute $value first" "attribute $value second"
  isotach restore
  exit_code 0
  [[ $(<"$value") == first ]]
  [[ ! -e $ISOTACH_STATE ]]
}

@test "any other start puts back too, and says so" {
  abandoned "attribute $value before"
  isotach --version
  exit_code 0
  err 'put back what isotach ksm demo had changed when it was killed'
  [[ $(<"$value") == before ]]
}

@test "what cannot be put back stays waiting, is named, and can be forgotten" {
  printf 'x' >"$BATS_TEST_TMPDIR/aside"
  printf 'y' >"$BATS_TEST_TMPDIR/name"
  abandoned "attribute $value before" "moved-file $BATS_TEST_TMPDIR/name $BATS_TEST_TMPDIR/aside"
  isotach restore
  exit_code 1
  err 'cannot give .*/aside its name back'
  [[ $(<"$value") == before ]]
  isotach restore --dry-run
  out 'its name back'
  isotach restore --forget other
  exit_code 2
  isotach restore --forget test
  exit_code 0
  [[ -e $BATS_TEST_TMPDIR/aside && ! -e $ISOTACH_STATE/changes/test.journal ]]
}

@test "a journal that others may write is not obeyed" {
  abandoned "attribute $value planted"
  chmod 666 "$ISOTACH_STATE/changes/test.journal"
  isotach --version
  exit_code 0
  [[ $(<"$value") == changed ]]
}

@test "rubbish in the folder harms nobody" {
  head -c 3000 /dev/urandom >"$ISOTACH_STATE/changes/test.journal"
  chmod 600 "$ISOTACH_STATE/changes/test.journal"
  mkfifo "$ISOTACH_STATE/changes/pipe.journal"
  mkdir "$ISOTACH_STATE/changes/folder.journal"
  ln -s /etc/passwd "$ISOTACH_STATE/changes/link.journal"
  isotach restore
  ended_by_itself
  isotach --version
  exit_code 0
  [[ -s /etc/passwd ]]
}
