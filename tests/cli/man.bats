#!/usr/bin/env bats
# Man pages and documents that are generated from the descriptions of commands and metrics.

setup() {
  load helpers
  root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
}


@test "every command has a man page that scdoc takes and mandoc has nothing against" {
  command -v scdoc >/dev/null || skip "scdoc is not installed"
  command -v mandoc >/dev/null || skip "mandoc is not installed"
  "$ISOTACH" generate --man "$BATS_TEST_TMPDIR/man"
  local source page
  [ -e "$BATS_TEST_TMPDIR/man/isotach.1.scd" ]
  [ -e "$BATS_TEST_TMPDIR/man/isotach-vm.1.scd" ]
  [ ! -e "$BATS_TEST_TMPDIR/man/isotach-internal-hold-pages.1.scd" ]
  for source in "$BATS_TEST_TMPDIR"/man/*.scd; do
    page=${source%.scd}
    scdoc <"$source" >"$page"
    # scdoc puts a paragraph macro before and after each heading and list; no page can avoid that.
    mandoc -T lint -W warning "$page" |
      grep -v 'skipping paragraph macro: PP \(empty\|after S[HS]\)$' >"$page.lint" || true
    cat "$page.lint"
    [ ! -s "$page.lint" ]
  done
}

@test "every option that a man page names is in --help, and the other way round" {
  command -v scdoc >/dev/null || skip "scdoc is not installed"
  command -v mandoc >/dev/null || skip "mandoc is not installed"
  "$ISOTACH" generate --man "$BATS_TEST_TMPDIR/man"
  local source name
  for source in "$BATS_TEST_TMPDIR"/man/isotach-*.1.scd; do
    name=${source##*/isotach-}
    name=${name%.1.scd}
    # isotach-swap-create is the page of isotach swap create.
    # shellcheck disable=SC2086
    COLUMNS=100 "$ISOTACH" ${name//-/ } --help |
      sed -n 's/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p' | sort -u >"$BATS_TEST_TMPDIR/help"
    scdoc <"$source" | mandoc -T utf8 | sed 's/.\x08//g' |
      sed -n '/^OPTIONS/,/^EXIT/s/^ *\(-., \|\)\(--[a-z0-9-]*\).*/\2/p' |
      sort -u >"$BATS_TEST_TMPDIR/man.options"
    [ -s "$BATS_TEST_TMPDIR/help" ]
    diff "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/man.options"
  done
}

@test "docs/metrics.md is what the program says" {
  "$ISOTACH" generate --metrics "$BATS_TEST_TMPDIR/metrics.md"
  diff "$root/docs/metrics.md" "$BATS_TEST_TMPDIR/metrics.md"
}

@test "generate says what it cannot write" {
  run "$ISOTACH" generate --man "$BATS_TEST_TMPDIR/none/man"
  [ "$status" -eq 1 ]
  [[ $output == *"No such file or directory"* ]]
  run "$ISOTACH" generate
  [ "$status" -eq 2 ]
}
