# shellcheck shell=bash
# Checks that give advice (lint) and formatting (fix). The checks that must hold for every commit are
# tools/check_*, which ./dev test runs too.

source_files() {
  git ls-files --cached --others --exclude-standard -- '*.cc' '*.h'
}

# The sources that differ from the main branch, committed or not; all where there is no such branch.
changed_sources() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null) || {
    source_files | grep '\.cc$'
    return
  }
  {
    git diff --name-only --diff-filter=d "$base"
    git ls-files --others --exclude-standard
  } | sort -u | grep -E '^(src|fuzz|bench)/.*\.cc$' || true
}

shell_files() {
  local file
  for file in $(git ls-files --cached --others --exclude-standard); do
    case $file in
      *.sh | *.bash) printf '%s\n' "$file" ;;
      *.bats) ;; # its @test is no shell; bats itself reports what does not parse
      *)
        [[ -f $file ]] || continue
        if head -c 64 "$file" | grep -aqE '^#!.*\b(ba)?sh\b'; then printf '%s\n' "$file"; fi
        ;;
    esac
  done
}

run_lint() {
  local status=0 check
  local -a files
  case ${1:-} in
    "") mapfile -t files < <(changed_sources) ;;
    --all) mapfile -t files < <(source_files | grep '\.cc$') ;;
    *) fail 2 "unknown option '$1' of lint; the only one is --all" ;;
  esac
  set_up build test check
  for check in tools/check_*; do "$check" >&2 || status=1; done

  say "lint: clang-format"
  source_files | xargs clang-format-16 --dry-run --Werror || status=1
  say "lint: shellcheck"
  shell_files | xargs shellcheck --external-sources || status=1

  # clang-tidy needs the generated headers and the list of compiler calls.
  say "lint: clang-tidy, ${#files[@]} files"
  if ((${#files[@]})); then
    configure release build
    printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$JOBS" clang-tidy-16 --quiet -p build \
      2> >(grep -v 'warnings generated' >&2) || status=1
  fi
  if ((status)); then fail 1 "lint found something; ./dev fix puts the format right"; fi
  say "lint: nothing found"
}

fix_format() {
  set_up check
  source_files | xargs clang-format-16 -i
  say "fix: formatted $(source_files | wc -l) files"
}
