# shellcheck shell=bash
# Configuring and building, and what is run straight from a build.

# configure PRESET FOLDER [ARGS...]: once; afterwards ninja itself notices changes of the CMake files.
configure() {
  local preset=$1 folder=$2
  shift 2
  local cache=$folder/CMakeCache.txt
  local -a launcher=()
  # A folder that was configured elsewhere (a copied checkout) cannot be used.
  if [[ -e $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$ROOT" "$cache"; then
    rm -rf "$cache" "$folder/CMakeFiles" "$folder/build.ninja"
  fi
  if [[ -e $folder/build.ninja && ! CMakePresets.json -nt $folder/build.ninja ]]; then return 0; fi
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  logged "configure-$preset" cmake --preset "$preset" "${launcher[@]}" "$@"
}

# compile FOLDER NAME [TARGET...]: with ninja's own progress line on a terminal.
compile() {
  local folder=$1 name=$2 start status=0
  shift 2
  if [[ ! -t 2 || -n ${ISOTACH_QUIET_BUILD:-} ]]; then
    logged "$name" ninja -C "$folder" -j "$JOBS" "$@"
    return
  fi
  mkdir -p "$LOGS"
  start=$(now_tenths)
  NINJA_STATUS="$name: %f of %t " ninja -C "$folder" -j "$JOBS" --quiet "$@" >&2 || status=$?
  ((status == 0)) || return "$status"
  if (($(now_tenths) - start >= 20)); then say "$name: done in $(tenths_since "$start") s"; fi
}

# For a whole test run on a fresh checkout, whose build nobody has a use for afterwards: see ISOTACH_PRECOMPILE in
# cmake/IsotachLibrary.cmake. ccache would only read each source once more.
configure_once() {
  set_up build || return
  [[ -e build/build.ninja ]] ||
    configure release build -DISOTACH_PRECOMPILE=ON -DCMAKE_C_COMPILER_LAUNCHER= -DCMAKE_CXX_COMPILER_LAUNCHER=
}

build_release() {
  set_up build || return
  configure release build || return
  if [[ ! -x build/isotach ]]; then say "build: the first time takes some minutes"; fi
  compile build build "${@:-all}"
}

run_build() {
  case ${1:-} in
    "")
      build_release
      say "build: build/isotach"
      ;;
    --debug)
      set_up build
      configure debug build/debug
      compile build/debug build-debug isotach
      say "build: build/debug/isotach"
      ;;
    *) fail 2 "unknown option '$1' of build; the only one is --debug" ;;
  esac
}

run_isotach() {
  build_release isotach
  exec build/isotach "$@"
}

clean() {
  rm -rf build build-fuzz
  say "clean: removed build and build-fuzz"
}

# run_benchmarks [NAME [ARGS...]]: the programs bench/*_bench and scripts bench/*.py whose names begin with NAME,
# in the order of their names. Their figures are kept in bench/results, which docs/performance.md is made from.
run_benchmarks() {
  set_up build test bench
  build_release
  local wanted=${1:-} found=0 status=0 bench
  shift || true
  for bench in build/bench/*_bench bench/*.py; do
    [[ -x $bench && $(basename "$bench") == "$wanted"* ]] || continue
    found=1
    say "$bench"
    ISOTACH=$ROOT/build/isotach tools/dev/run_benchmark "$ROOT/$bench" "$@" || status=1
  done
  ((found)) || fail 2 "there is no benchmark whose name begins with '$wanted'"
  tools/make_performance_page
  say "bench: figures in bench/results and docs/performance.md; git restore puts the former ones back"
  return "$status"
}

run_fuzzer() {
  local name=${1:-} seconds=${2:-60} target found corpus
  local -a names=()
  for target in fuzz/*_fuzz.cc; do
    target=${target#fuzz/}
    names+=("${target%_fuzz.cc}")
  done
  if [[ -z $name ]]; then
    printf '%s\n' "${names[@]}" engine
    return
  fi
  # No parser: random instructions natively and under the engine, with new seeds until the time is up.
  if [[ $name == engine ]]; then
    set_up build test
    build_release engine instruction_runner
    exec dbi/tests/instructions_test.py --seed "$RANDOM" --seconds "$seconds"
  fi
  [[ -e fuzz/${name}_fuzz.cc ]] || fail 2 "there is no parser '$name'; there are: ${names[*]}"
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail 2 "'$seconds' is no number of seconds"
  set_up build check
  configure fuzz build-fuzz
  compile build-fuzz "build-fuzz" "${name}_fuzz"
  found=$ROOT/build-fuzz/found/$name
  corpus=$ROOT/fuzz/corpus/$name
  mkdir -p "$found"
  say "fuzz: $seconds s; new inputs go to ${found#"$ROOT/"}, one that breaks it to build-fuzz"
  cd build-fuzz || return
  exec "fuzz/${name}_fuzz" -max_total_time="$seconds" -max_len=65536 -print_final_stats=1 \
    -timeout=10 -rss_limit_mb=2048 "$found" "$corpus"
}
