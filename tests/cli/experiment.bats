# isotach experiment memory: the lab's experiments, and the verdict about any program.
#
# The programs of the cases sleep more than they work; they are run four at a time, once for all tests.

bats_require_minimum_version 1.5.0

cases="$BATS_TEST_DIRNAME/memory_cases"

# observe_case NAME WAY: leaves NAME.WAY.json in the folder of this file. Asked: the program says at its end
# what its memory holds. Outside: it does not, and leaves without tidying up, which takes long when the
# machine is busy and is no part of the case.
observe_case() {
  local name=$1 way=$2
  local words=(--python-gc -- python3)
  local leave='import os, sys; exec(open(sys.argv[1]).read()); os._exit(0)'
  [[ $way == asked ]] || words=(-- python3 -c "$leave")
  # A curve of a program that the machine kept from running is another program's: where samples came too late,
  # it is watched again.
  local file=$BATS_FILE_TMPDIR/$name.$way late
  for _ in 1 2 3 4 5; do
    "$ISOTACH" experiment memory --json "${words[@]}" "$cases/$name.py" >"$file.json" 2>"$file.err"
    late=$(sed -n 's/.* \([0-9]*\) samples came too late.*/\1/p' "$file.err")
    ((${late:-0} * 20 > $(jq '.runs[0].samples' "$file.json"))) || break
  done
}

setup_file() {
  load helpers
  command -v python3 >/dev/null || return 0
  local name jobs=()
  for name in "$cases"/*.py; do
    name=$(basename "$name" .py)
    case $name in
      self_list | pinned_arenas | all_freed) jobs+=("$name asked" "$name outside") ;;
      lazily_freed) jobs+=("$name outside") ;;
      *) jobs+=("$name asked") ;;
    esac
  done
  export -f observe_case
  export cases BATS_FILE_TMPDIR
  # shellcheck disable=SC2016  # expanded by the inner shell
  printf '%s\n' "${jobs[@]}" | xargs -P 4 -I{} bash -c 'observe_case $1' _ {}
}

setup() {
  load helpers
  command -v python3 >/dev/null || skip "needs python3"
}

# verdict NAME VERDICT: what the case was found to be, asked for its own account.
verdict() {
  found_in "$1.asked"
  json '.runs[0].verdict' "$2"
}

# found_in NAME: the document about this case in $output.
found_in() {
  output=$(cat "$BATS_FILE_TMPDIR/$1.json")
  # shellcheck disable=SC2034  # for the messages of helpers
  stderr=$(cat "$BATS_FILE_TMPDIR/$1.err") status=0
}

@test "a list that contains itself is kept by a reference cycle" {
  verdict self_list kept_by_cycle
  json '.runs[0].cycle_bytes > 30e6'
  json '.runs[0].end == "exit code 0"'
}

@test "from outside it cannot be told from memory in use, and that is said" {
  found_in self_list.outside
  json '.runs[0].verdict | . == "plateau" or . == "ramp"'
  json '.runs[0].advice[0] | test("--python-gc")'
  json '.runs[0].cycle_bytes == null'
}

@test "a list that contains itself, with gc.collect(): freed" {
  verdict self_list_collected peak
  json '.runs[0].returned_ratio > 0.8'
  json '.runs[0].cycle_bytes < 5e6'
}

@test "cyclic objects without the collector are kept by their cycles" {
  verdict gc_disabled kept_by_cycle
  json '.runs[0].reasons[0] | test("switched off")'
}

@test "cyclic objects with the collector make a sawtooth" {
  verdict gc_enabled sawtooth
  json '.runs[0].falls >= 4'
}

@test "collected at last, but below something small: freed but kept by the C library" {
  verdict gc_disabled_then_collected freed_but_kept
  json '.runs[0].allocator_free_bytes > 30e6'
  json '.runs[0].cycle_bytes < 5e6'
}

@test "every second small object freed: arenas are pinned, freed but kept" {
  verdict pinned_arenas freed_but_kept
  json '.runs[0].allocator_free_bytes > 20e6 and .runs[0].live_bytes > 20e6'
}

@test "from outside pinned arenas look as if they were in use" {
  found_in pinned_arenas.outside
  json '.runs[0].verdict | . == "plateau" or . == "ramp"'
  json '.runs[0].advice[0] | test("--python-gc")'
}

@test "from outside it is seen when memory was given back by MADV_FREE" {
  found_in lazily_freed.outside
  json '.runs[0].verdict' freed_but_kept
  json '.runs[0].lazy_free_bytes > 50e6'
}

@test "from outside too it is seen that memory went back" {
  found_in all_freed.outside
  json '.runs[0].verdict' peak
}

@test "all small objects freed: their arenas go back" {
  verdict all_freed peak
  json '.runs[0].returned_ratio > 0.9'
}

@test "integers appended and integers put into a list of their size need the same" {
  verdict append_integers ramp
  local appended
  appended=$(jq '.runs[0].peak_bytes' <<<"$output")
  verdict allocate_integers ramp
  json ".runs[0].peak_bytes / $appended | . > 0.9 and . < 1.1"
}

@test "a dictionary that nobody empties is leak-like" {
  verdict leak_dictionary leak_like
}

@test "requests that leave something behind are leak-like" {
  verdict leak_requests leak_like
  json '.runs[0].taken_over_kept > 2'
}

@test "a worker that takes what it needs at its start is steady" {
  verdict steady_worker steady
}

@test "a worker that builds up and throws away is a sawtooth" {
  verdict sawtooth_worker sawtooth
  json '.runs[0].rises == 4'
}

@test "a cache with a bound is a plateau" {
  verdict bounded_cache plateau
}

@test "three loads are steps" {
  verdict three_loads steps
}

@test "a program that is over at once is too short to tell" {
  verdict short too_short
}

@test "the lab: 3 and 4 differ by two, a cycle makes them equal, in Python and C++" {
  cd "$BATS_TEST_TMPDIR"
  isotach experiment memory --experiment 3,4,cycle --size 1500 --json --report lab.html --svg pictures
  exit_code 0
  local language
  for language in python c++; do
    local growth=".runs[] | select(.language == \"$language\" and .experiment"
    json "[$growth == 4) | .peak_bytes - .base_bytes][0] / [$growth == 3) | .peak_bytes - .base_bytes][0]
          | . > 1.8 and . < 2.2"
    json "[$growth == 4) | .peak_bytes - .base_bytes][0] / [$growth == 5) | .peak_bytes - .base_bytes][0]
          | . > 0.9 and . < 1.1"
    json "$growth == 3) | .verdict" sawtooth
    json "$growth == 3) | .outcome" 'freed at once'
    json "$growth == 4) | .outcome" 'kept by a variable'
    json "$growth == 5) | .outcome" 'kept by a cycle'
    json "[.answers[] | select(.language == \"$language\")] | length == 3"
  done
  grep -q '<h2 id="title-1">The curves, side by side</h2>' lab.html
  [[ $(grep -c '<svg ' lab.html) == 24 ]] || fails_with "should have 12 figures, each twice"
  for language in python cpp; do
    grep -q '<svg ' "pictures/$language-3-dropped.svg"
  done
  grep -q '<svg ' pictures/all.svg
}

@test "the lab, with an allocator that gives nothing back" {
  MALLOC_TRIM_THRESHOLD_=4000000000 isotach experiment memory -e 3 --language python --size 1500 --json
  exit_code 0
  json '.runs[0].verdict' freed_but_kept
  json '.runs[0].outcome' 'kept by the allocator'
  json '.runs[0].allocator_free_bytes > 25e6'
}

@test "one experiment as a table and one picture" {
  cd "$BATS_TEST_TMPDIR"
  isotach experiment memory -e allocate --language c++ --size 1000 --png one.png
  exit_code 0
  out 'C\+\+ 2 allocate +[0-9.]+ MiB'
  [[ $(head -c 4 one.png | tail -c 3) == PNG ]]
}

@test "the program that the experiments run is the one in labs/" {
  local script="$BATS_TEST_DIRNAME/../../labs/memory/experiment.py"
  run python3 "$script" 1 --size 10 --delay 0
  exit_code 0
  run python3 "$script" --help
  out '3 both dropped'
}

@test "samples as CSV" {
  isotach experiment memory --csv -- sh -c 'echo hello; exit 3'
  exit_code 0
  [[ $output != *hello$'\n'* ]] || fails_with "the output of the command belongs to standard error"
  [[ $(head -1 <<<"$output") == run,time_seconds,rss_bytes,anonymous_bytes,swap_bytes,heap_bytes,* ]]
  err '^hello$'
}

@test "the exit code of a command is told" {
  isotach experiment memory -- sh -c 'exit 3'
  exit_code 0
  out 'ended with +exit code 3'
  out '^verdict: too short to tell$'
}

@test "a recording of a run can be plotted" {
  cd "$BATS_TEST_TMPDIR"
  isotach experiment memory --record run.isotach -- python3 -c 'import time; x = b"x" * 30000000; time.sleep(0.4)'
  exit_code 0
  isotach plot run.isotach 'process_resident_bytes*' --csv
  exit_code 0
  [[ $(wc -l <<<"$output") -gt 10 ]]
}

@test "a program's own sitecustomize and PYTHONPATH still work" {
  mkdir "$BATS_TEST_TMPDIR/path"
  echo 'print("own sitecustomize")' >"$BATS_TEST_TMPDIR/path/sitecustomize.py"
  PYTHONPATH="$BATS_TEST_TMPDIR/path" isotach experiment memory --json --python-gc -- python3 -c '
import os, sys, time
print(os.environ["PYTHONPATH"], "ISOTACH_PYTHON_HOOK" in os.environ, any("/fd/" in p for p in sys.path))
time.sleep(0.5)'
  exit_code 0
  err '^own sitecustomize$'
  err "^$BATS_TEST_TMPDIR/path False False\$"
  json '.runs[0].live_bytes != null'
}

@test "a Python that may not be asked says nothing, and that is said" {
  isotach experiment memory --json --python-gc -- python3 -I -c '
import time
x = []
for i in range(60):
    x.append(b"x" * 1000000)
    time.sleep(0.01)'
  exit_code 0
  json '.runs[0].advice[0] | test("said nothing")'
}

@test "Ctrl-C ends the command and shows what was seen" {
  cd "$BATS_TEST_TMPDIR"
  python3 -c '
import signal, subprocess, sys
run = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
line = run.stdout.readline()
assert line == "ready\n", line
run.send_signal(signal.SIGINT)
rest = run.communicate(timeout=30)[0]
print(rest)
print("left with", run.returncode)' "$ISOTACH" experiment memory -- sh -c 'echo ready; exec sleep 1000' >out
  output=$(cat out)
  out '^left with 130$'
  out '^verdict: '
}

@test "kill -9 leaves no child and no file behind" {
  cd "$BATS_TEST_TMPDIR"
  mkdir tmp
  TMPDIR="$PWD/tmp" python3 -c '
import os, signal, subprocess, sys
run = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
child = int(run.stdout.readline())
run.kill()
run.wait()
for _ in range(1000):
    try:
        with open("/proc/%d/stat" % child) as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                break
    except OSError:
        break
    select = __import__("select").select([], [], [], 0.02)
else:
    sys.exit("the child is still there")' "$ISOTACH" experiment memory --python-gc -- \
    python3 -c 'import os, time; print(os.getpid(), flush=True); time.sleep(1000)'
  [[ -z $(ls tmp) ]]
}

@test "what there is" {
  isotach experiment
  exit_code 0
  out '^3 +dropped +'
  isotach experiment --json
  json '.memory | length' 6
}

@test "wrong input" {
  isotach experiment memory
  usage_error
  isotach experiment memory --experiment 7
  usage_error
  isotach experiment memory --experiment drop
  usage_error
  isotach experiment memory --all -- true
  usage_error
  isotach experiment memory --size 5 -- true
  usage_error
  isotach experiment memory --all --python-gc
  usage_error
  isotach experiment memory --all --size 0
  usage_error
  isotach experiment memory --all --delay 1h
  usage_error
  isotach experiment memory --all --language rust
  usage_error
  isotach experiment memory --interval 1ms -- true
  usage_error
}

@test "refused before anything runs: no such program, no such folder, more memory than there is" {
  isotach experiment memory -- /no/such/program
  exit_code 1
  err 'there is no file'
  isotach experiment memory --report /no/such/folder/x.html -- touch "$BATS_TEST_TMPDIR/ran"
  exit_code 1
  [[ ! -e $BATS_TEST_TMPDIR/ran ]]
  isotach experiment memory --all --size 100M
  exit_code 1
  err 'only .* are available'
  err 'would fit'
}
