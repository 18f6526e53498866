# shellcheck shell=bash
# ./dev test: the parts of the test run, in the order in which they are most likely to fail early.
# The builds by the sanitizers are made behind the other parts (behind.sh).
# Every part leaves its logs and results in build/test-logs/PART; tools/count_tests counts them.

TEST_LOGS=build/test-logs

# Parts that are not simply a folder under tests/. The part dbi is the folder dbi/tests.
FIRST_PARTS=(source unit dbi)
LAST_PARTS=(package asan tsan)
# Folders under tests/ that other parts use.
HELPER_FOLDERS=" fixtures data support package "
# Programs that start threads; each needs its own build by the thread sanitizer.
THREADED_TESTS=(record_test view_test crew_test)

test_parts() {
  local folder name
  printf '%s\n' "${FIRST_PARTS[@]}"
  for folder in tests/*/; do
    name=$(basename "$folder")
    if [[ $HELPER_FOLDERS == *" $name "* ]]; then continue; fi
    if [[ -n $(test_files "$name") ]]; then printf '%s\n' "$name"; fi
  done
  printf '%s\n' "${LAST_PARTS[@]}"
}

# The tests of a part's folder: *.bats, and the programs *_test.* and run.*; others are their tools.
test_files() {
  local file folder=tests/$1
  if [[ $1 == dbi ]]; then folder=dbi/tests; fi
  for file in "$folder"/*; do
    case $file in
      *.bats | *_test.* | */run.*) printf '%s\n' "$file" ;;
    esac
  done
}

run_tests() {
  local wanted=${1:-} part start all_start
  local -a parts selected=()
  shift || true
  mapfile -t parts < <(test_parts)
  if [[ $wanted == list ]]; then
    printf '%s\n' "${parts[@]}"
    return
  fi
  for part in "${parts[@]}"; do
    if [[ -z $wanted || $part == "$wanted" ]]; then selected+=("$part"); fi
  done
  ((${#selected[@]})) || fail 2 "there is no part '$wanted'; there are: ${parts[*]}"

  all_start=$(now_tenths)
  total_passed=0 total_failed=0 total_skipped=0
  set_up build test check
  rm -rf "$TEST_LOGS"
  mkdir -p "$TEST_LOGS"
  export ISOTACH=$ROOT/build/isotach ISOTACH_SOURCE=$ROOT LC_ALL=C.UTF-8
  unset COLUMNS LINES NO_COLOR

  if [[ ${selected[*]} != source ]]; then
    start=$(now_tenths)
    if [[ -z $wanted ]]; then configure_once; fi
    if ! build_release; then
      printf '%-14s the build failed\n\n0 passed, 1 failed, 0 skipped\n' build
      exit 1
    fi
    printf '%-14s %41s s\n' build "$(tenths_since "$start")"
  fi
  for part in "${selected[@]}"; do
    # Not behind the parts before it: they compute on all processors.
    if [[ -z $wanted && $part == dbi ]]; then start_behind sanitizers; fi
    run_part "$part" "$@"
  done

  printf '%-14s %41s s\n\n' all "$(tenths_since "$all_start")"
  printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
  ((total_failed == 0)) || exit 1
}

# run_part PART [NAME...]: prints one line with its counts, and the end of the logs of what failed.
run_part() {
  local part=$1 folder=$TEST_LOGS/$1 start status=0 passed failed skipped details log
  mkdir -p "$folder"
  start=$(now_tenths)
  case $part in
    source | unit | package | asan | tsan) "part_$part" "$@" || status=$? ;;
    *) part_folder "$@" || status=$? ;;
  esac
  details=$(tools/count_tests "$folder" "$status")
  read -r passed failed skipped <"$folder/counts"
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  total_skipped=$((total_skipped + skipped))
  printf '%-14s %5d passed, %3d failed, %3d skipped %8s s\n' "$part" "$passed" "$failed" "$skipped" \
    "$(tenths_since "$start")"
  if [[ -n $details ]]; then printf '%s\n' "$details"; fi
  if ((failed == 0)); then return; fi
  for log in "$folder"/*.log "$folder"/*.tap "$folder"/*.out; do
    if [[ -e $log ]] && log_shows_failure "$log"; then
      printf '  --- %s\n' "$log"
      failure_excerpt "$log" | sed 's/^/  | /'
    fi
  done
}

log_shows_failure() {
  case $1 in
    *.tap) grep -q '^not ok' "$1" || ! grep -q '^1\.\.[0-9]' "$1" ;;
    *.out) [[ $(cat "${1%.out}.status") != 0 ]] ;;
    *) [[ $(cat "${1%.log}.status" 2>/dev/null || echo 1) != 0 ]] ;;
  esac
}

failure_excerpt() {
  case $1 in
    # Each failed test with the lines that explain it, at most 20 of them.
    *.tap) awk '/^(not )?ok /{show = /^not ok/; n = 0} show && n++ < 20' "$1" | head -n 120 ;;
    *) tail -n 60 "$1" ;;
  esac
}

# recorded FOLDER NAME COMMAND...: its output to FOLDER/NAME.out, its exit code to FOLDER/NAME.status.
recorded() {
  local folder=$1 name=$2 status=0
  shift 2
  "$@" >"$folder/$name.out" 2>&1 </dev/null || status=$?
  printf '%d\n' "$status" >"$folder/$name.status"
  return 0
}

part_source() {
  local folder=$TEST_LOGS/$1 check
  for check in tools/check_*; do
    recorded "$folder" "$(basename "$check")" "$check"
  done
}

# run_ctest FOLDER BUILD [ARGS...]: the unit tests and fuzz corpora of one build.
run_ctest() {
  local folder=$ROOT/$1 build=$2 status=0
  shift 2
  GTEST_OUTPUT="xml:$folder/" ctest --test-dir "$build" --parallel 2 --timeout 300 --output-on-failure \
    --output-junit "$folder/ctest.xml" --no-tests=error "$@" >"$folder/ctest.log" 2>&1 || status=$?
  printf '%d\n' "$status" >"$folder/ctest.status"
  return "$status"
}

part_unit() { run_ctest "$TEST_LOGS/$1" build; }

# compile_part PART [TARGET...]: a failed build is the part's result.
compile_part() {
  local part=$1 folder=$TEST_LOGS/$1 status=0
  shift
  configure "$part" "build/$part" 2>"$folder/configure.log" || return
  compile "build/$part" "build-$part" "$@" 2>"$folder/build.log" || status=$?
  printf '%d\n' "$status" >"$folder/build.status"
  return "$status"
}

# By clang, so that this is the second compiler's build too.
build_by_sanitizer() {
  mkdir -p "$TEST_LOGS/$1"
  case $1 in
    asan) ISOTACH_QUIET_BUILD=1 compile_part asan test_programs isotach ;;
    tsan) ISOTACH_QUIET_BUILD=1 compile_part tsan "${THREADED_TESTS[@]}" ;;
  esac
}

# The results of the builds are left in the folders of their parts.
build_by_sanitizers() {
  set_up build check
  build_by_sanitizer asan || true
  build_by_sanitizer tsan || true
}

# Whether the build of a sanitizer, which may have been made behind other parts, is there.
built_by_sanitizer() {
  local built=$TEST_LOGS/$1/build.status
  await_behind
  if [[ ! -e $built ]]; then build_by_sanitizer "$1" || return; fi
  return "$(<"$built")"
}

part_asan() {
  built_by_sanitizer asan || return
  ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
    LSAN_OPTIONS=suppressions=$ROOT/tools/dev/leaks.txt,print_suppressions=0 \
    run_ctest "$TEST_LOGS/asan" build/asan
}

part_tsan() {
  local pattern
  built_by_sanitizer tsan || return
  pattern=$(printf '|%s' "${THREADED_TESTS[@]%_test}")
  TSAN_OPTIONS=halt_on_error=1 run_ctest "$TEST_LOGS/tsan" build/tsan --tests-regex "^(${pattern#|})\$"
}

part_package() {
  local folder=$TEST_LOGS/package status=0
  build_package 2>"$folder/build.log" || status=$?
  printf '%d\n' "$status" >"$folder/build.status"
  ((status == 0)) || return "$status"
  part_folder "$@"
}

# part_folder PART [NAME...]: the files of tests/PART, or those that begin with one of the names, one
# after the other: some of them measure this machine.
part_folder() {
  local part=$1 folder=$TEST_LOGS/$1 file base name
  shift
  while read -r file; do
    base=$(basename "$file")
    if (($#)); then
      for name in "$@"; do [[ $base == "$name"* ]] && break; done
      [[ $base == "$name"* ]] || continue
    fi
    while_it_measures "$part/$base" run_test_file "$folder" "$file"
  done < <(test_files "$part")
}

# run_test_file FOLDER FILE: with its results in FOLDER.
run_test_file() {
  local folder=$1 file=$2 base
  base=$(basename "$file")
  if [[ $file == *.bats ]]; then
    timeout --kill-after=10 600 bats --tap --timing "$file" \
      >"$folder/${base%.bats}.tap" 2>&1 </dev/null || true
  else
    recorded "$folder" "$base" timeout --kill-after=10 600 "$file"
  fi
}
