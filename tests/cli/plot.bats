#!/usr/bin/env bats
# isotach plot on the command line: pictures, data, vmstat's output, programs, recordings, mistakes.

# shellcheck disable=SC2030,SC2031 # bats runs each test in a process of its own

setup() {
  load helpers
  mkdir "$BATS_TEST_TMPDIR/work"
  cd "$BATS_TEST_TMPDIR/work" || return 1
}

# svg FILE: it must be well-formed XML; leaves its text in $output.
svg() {
  if command -v xmllint >/dev/null; then xmllint --noout "$1"; fi
  python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1"
  output=$(<"$1")
}

# Rows as procps-ng 4.0.2 prints them, one second apart.
vmstat_rows() {
  cat <<'END'
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 3  0      0 4000000  10000 1000000    0    0   630   634   81  161  7  2 91  0  0
 2  0      0 3000000  10000 1000000    0    0    16  2276  427  226 47 12 41  0  0
 2  0      0 2000000  10000 1000000    0    0    16  2276  427  226 47 12 41  0  0
END
}

@test "prints a plot and a summary where standard output is no terminal" {
  isotach plot memory -i 20ms -n 5 </dev/null
  exit_code 0
  out '^Memory'
  out '^A free [0-9.]+ [KMGT]?i?B   B used .*   C buffers '
  out '└┬'
  err '^5 samples in '
  err '^ +min +mean +max +last'
  err '^free +[0-9.]+ '
}

@test "memory is what is plotted without a metric" {
  isotach plot -i 10ms -n 2 </dev/null
  exit_code 0
  out '^A free '
}

@test "ASCII where the locale is plain C, or where asked for" {
  LC_ALL=C isotach plot memory -i 10ms -n 3 </dev/null
  exit_code 0
  LC_ALL=C grep -q '[^ -~]' <<<"$output" && fails_with "only ASCII"
  isotach plot memory -i 10ms -n 3 --style ascii </dev/null
  LC_ALL=C grep -q '[^ -~]' <<<"$output" && fails_with "only ASCII"
  isotach plot memory -i 10ms -n 3 --style block </dev/null
  out '[▀▄█▌▐▘▝▖▗▞▚]'
}

@test "fits narrow terminals" {
  local columns
  for columns in 20 40 80; do
    COLUMNS=$columns LINES=16 isotach plot memory -i 10ms -n 3 </dev/null
    exit_code 0
    python3 -c 'import sys; assert max(len(l.rstrip("\n")) for l in sys.stdin) <= int(sys.argv[1])' "$columns" <<<"$output"
  done
}

@test "plots what vmstat prints, as the lab's pipeline does" {
  command -v vmstat >/dev/null || skip "needs vmstat"
  vmstat -w 1 3 | "$ISOTACH" plot memory --from vmstat --svg plot.svg 2>talk.txt
  grep -q '^3 samples in ' talk.txt
  svg plot.svg
  out '<title id="title">Memory</title>'
  out '<g><title>free</title>'
  out '<g><title>used</title>'
  out '<g><title>buffers</title>'
  out 'time since [0-9:]+<'
}

@test "a saved output of vmstat is one second a row" {
  vmstat_rows >saved.txt
  isotach plot memory --from vmstat --total 8000000Ki --json <saved.txt
  exit_code 0
  json '.samples' 3
  json '[.series[].key] | join(" ")' 'memory_free_bytes memory_used_bytes memory_buffers_bytes'
  json '[.series[0].points[][0]] == [0, 1, 2]'
  json '.series[0].points[2][1]' $((2000000 * 1024))
  json '.series[1].points[2][1]' $(((8000000 - 2000000 - 10000 - 1000000) * 1024))
  # The same through a pipe, and at another interval.
  output=$(vmstat_rows | "$ISOTACH" plot free us --from vmstat --json -i 0.5 2>/dev/null)
  json '[.series[].key] | join(" ")' 'memory_free_bytes cpu_user_ratio'
  json '[.series[0].points[][0]] == [0, 0.5, 1]'
  # The first row's rates are means since boot: no value.
  json '.series[1].points[0][1] == null'
  json '.series[1].points[1][1] * 100 | round' 47
}

@test "repeated headers, garbage and units of vmstat" {
  { vmstat_rows; echo 'vmstat: something odd'; printf '\x01\xff\x00binary\n'; vmstat_rows; } >saved.txt
  isotach plot memory --from vmstat --unit M --total 8000000Mi --csv <saved.txt
  exit_code 0
  [[ $(wc -l <<<"$output") == 7 ]]
  [[ $(sed -n 2p <<<"$output" | cut -d, -f3) == $((4000000 * 1048576)) ]]
  err 'warning: 2 of 8 lines were not understood and left out; the first: vmstat: something odd'
}

@test "vmstat of a machine with more memory has no used memory, and says why" {
  vmstat_rows | sed 's/4000000/99999999999/; s/3000000/99999999999/; s/2000000/99999999999/' >saved.txt
  isotach plot memory --from vmstat --json <saved.txt
  exit_code 0
  json '[.series[].name] | join(" ")' 'free buffers'
  err '--total 16Gi'
  isotach plot used --from vmstat <saved.txt
  exit_code 1
  err "no data about 'used'"
}

@test "vmstat memory that stands still is pointed out" {
  { vmstat_rows | head -3; for _ in {1..25}; do vmstat_rows | sed -n 3p; done; } >saved.txt
  isotach plot memory --from vmstat --total 8Gi <saved.txt
  exit_code 0
  err 'warning: .*vmstat 4\.0\.2 repeats its first values'
}

@test "a program is started, followed and marked" {
  isotach plot memory -i 50ms --svg run.svg --json -- python3 -c '
import time
time.sleep(0.2)
block = bytearray(200 * 1024 * 1024)
for i in range(0, len(block), 4096): block[i] = 1
time.sleep(0.3)
print("talk")'
  exit_code 0
  json '[.events[].kind] | join(" ")' 'start peak end'
  json '.events[0].text' 'start python3'
  json '.events[2].text' 'python3 exited 0'
  json '.events[1].text | test("^peak 2[0-9]{2} MiB$")'
  json '(.events[0].elapsed_seconds < .events[1].elapsed_seconds) and (.events[1].elapsed_seconds <= .events[2].elapsed_seconds)'
  # Its memory is a line of its own, and went up by what it took.
  json '[.series[] | select(.key | startswith("process_resident_bytes"))] | length' 1
  json '.series[] | select(.key | startswith("process_resident_bytes")) | .summary.maximum > 200 * 1048576'
  # What it says does not mix with the data.
  err '^talk$'
  svg run.svg
  out '>start python3</text>'
  out '>peak 2[0-9]+ MiB</text>'
  out '>python3 exited 0</text>'
}

@test "a program that fails or cannot be found" {
  isotach plot memory -i 20ms -- false
  exit_code 0
  err 'false exited 1'
  isotach plot memory -i 20ms -- sh -c 'kill -9 $$'
  exit_code 0
  err 'sh killed by signal 9'
  isotach plot memory -i 20ms -- /no/such/program
  exit_code 1
  err '/no/such/program'
}

@test "lines on standard input become marks" {
  { sleep 0.3; echo 'phase two'; sleep 0.3; } | "$ISOTACH" plot memory -i 50ms --for 800ms --svg run.svg 2>talk.txt
  grep -q 'phase two' talk.txt
  svg run.svg
  out '>phase two</text>'
}

@test "data as CSV, JSON and JSON lines" {
  isotach plot memory 'network_*_bytes{interface="lo"}' -i 20ms -n 4 --csv </dev/null
  exit_code 0
  [[ $(head -1 <<<"$output") == time,elapsed_seconds,memory_free_bytes,memory_used_bytes,memory_buffers_bytes* ]] ||
    fails_with "the head should name the series"
  [[ $(wc -l <<<"$output") == 5 ]]
  isotach plot cpu -i 20ms -n 4 --json-stream </dev/null
  exit_code 0
  [[ $(jq -r 'select(.schema == "isotach.plot.v1") | .values | keys | length' <<<"$output" | sort -u) == 4 ]]
  isotach plot cpu pressure -i 20ms -n 4 --json </dev/null
  json '.schema' 'isotach.plot.v1'
  json '.samples' 4
  json '[.series[].unit] | unique | join(" ")' ratio
}

@test "PNG and SVG show the same picture" {
  isotach plot memory -i 20ms -n 5 --svg a.svg --png a.png --size 640x360 </dev/null
  if ((status == 5)); then
    err 'cannot write PNG'
    skip "built without cairo"
  fi
  exit_code 0
  no_out
  # No half-written files are left behind.
  [[ $(ls) == $'a.png\na.svg' ]]
  svg a.svg
  [[ $(file a.png) == *'640 x 360'* ]] || fails_with "the PNG should have the size asked for"
  if command -v rsvg-convert >/dev/null && command -v compare >/dev/null; then
    rsvg-convert a.svg -o b.png
    # The share of pixels that differ by more than a shade: fonts and smoothing, nothing else.
    local differ
    differ=$(compare -metric AE -fuzz 25% a.png b.png null: 2>&1 || true)
    ((${differ%%.*} < 640 * 360 / 25)) || fails_with "$differ pixels differ"
  fi
}

@test "the data of a fixed axis is not hidden" {
  isotach plot memory -i 20ms -n 4 --fixed 0:1Mi --style ascii </dev/null
  exit_code 0
  out '\^'
  isotach plot memory cpu -i 20ms -n 3 --fixed 0:1 </dev/null
  exit_code 2
  err 'one unit'
}

@test "plots a recording" {
  "$ISOTACH" record -i 20ms -n 10 --mark halfway run.isotach </dev/null 2>/dev/null
  isotach plot run.isotach memory --svg out.svg
  exit_code 0
  err '^10 samples in '
  svg out.svg
  out '<title>free</title>'
  out '>halfway</text>'
  isotach plot run.isotach 'cpu_user_seconds' --json
  exit_code 0
  json '.samples' 10
  isotach plot run.isotach nonsense
  exit_code 2
  isotach plot run.isotach memory_fre_bytes
  err 'memory_free_bytes'
  isotach plot run.isotach memory -i 1
  usage_error
}

@test "what a plot records can be plotted again" {
  isotach plot memory -i 20ms -n 6 --record run.isotach --csv </dev/null
  exit_code 0
  cut -d, -f3 <<<"$output" >live.txt
  isotach plot run.isotach memory --csv
  exit_code 0
  cut -d, -f3 <<<"$output" | diff live.txt -
  isotach plot memory -i 20ms -n 2 --record run.isotach </dev/null
  exit_code 1
}

@test "recordings that are none" {
  echo 'no recording' >bad.isotach
  isotach plot bad.isotach memory
  exit_code 1
  ended_by_itself
  isotach plot missing.isotach memory
  exit_code 1
  err 'missing\.isotach: No such file'
}

@test "a saved tree of another machine" {
  mkdir -p tree/proc
  printf 'MemTotal: 1000 kB\nMemFree: 400 kB\nMemAvailable: 500 kB\nBuffers: 20 kB\nCached: 30 kB\n' >tree/proc/meminfo
  isotach plot memory --proc-root tree -i 10ms -n 2 --json </dev/null
  exit_code 0
  json '.series[0].summary.last' 409600
  json '.series[1].summary.last' 512000
  isotach plot cpu --proc-root tree -i 10ms -n 2 </dev/null
  exit_code 1
  err 'proc/stat'
}

@test "lists every metric with unit, kind and help" {
  isotach plot --list
  exit_code 0
  out '^memory +free, used and buffer memory'
  out '^memory_free_bytes +bytes +gauge +Memory that nothing uses'
  out '^network_receive_bytes +bits_per_second +counter +'
  isotach plot --list --json
  json '[.metrics[] | select(.name == "memory_free_bytes")] | length' 1
  isotach plot --list --csv
  [[ $(head -1 <<<"$output") == name,unit,kind,help ]]
}

@test "mistakes are told with what to type instead" {
  isotach plot memroy
  usage_error
  err 'did you mean: memory\?'
  isotach plot memory_fre_bytes
  usage_error
  err 'did you mean: memory_free_bytes\?'
  isotach plot 'network_receive_bytes{interface="nope"}' -n 1 </dev/null
  exit_code 1
  err 'interface="lo"'
  local range
  for range in 5 5:1 a:b 1:1 :; do
    isotach plot memory --fixed "$range"
    usage_error
    err 'range'
  done
  isotach plot memory --fixed 0:1 --auto
  usage_error
  local interval
  for interval in 0 -1 abc 1ms; do
    isotach plot memory -i "$interval" -n 1
    exit_code 2
  done
  for size in 10x10 960 x 99999x99999 1e3x1e3; do
    isotach plot memory --size "$size" -n 1
    usage_error
  done
  isotach plot memory --from top
  usage_error
  isotach plot ksm --from vmstat </dev/null
  usage_error
  isotach plot memory --unit M -n 1
  usage_error
}

@test "files that cannot be written are refused before anything is measured" {
  isotach plot memory --svg /no/such/folder/plot.svg --for 1h
  exit_code 1
  err 'cannot write /no/such/folder/plot\.svg: No such file or directory'
  isotach plot memory --png . --for 1h
  exit_code 1
  err 'Is a directory'
}

@test "no data" {
  isotach plot memory --from vmstat </dev/null
  exit_code 1
  err 'there was no data to plot'
  isotach plot memory --from vmstat --json </dev/null
  exit_code 1
  json '.schema' isotach.error.v1
}

@test "Ctrl-C ends with the summary and the picture" {
  # A job of a shell without job control ignores SIGINT; python starts it with the default.
  python3 - "$ISOTACH" <<'END'
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
plot = subprocess.Popen([sys.argv[1], "plot", "memory", "-i", "20ms", "--svg", "run.svg", "--csv"],
                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
for _ in range(5):
    plot.stdout.readline()
plot.send_signal(signal.SIGINT)
out, err = plot.communicate(timeout=30)
assert plot.returncode == 0, plot.returncode
assert b"samples in" in err, err
assert os.path.getsize("run.svg") > 1000
planned = subprocess.Popen([sys.argv[1], "plot", "memory", "-i", "20ms", "--for", "1h", "--csv"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
planned.stdout.readline()
planned.send_signal(signal.SIGINT)
planned.communicate(timeout=30)
assert planned.returncode == 130, planned.returncode
END
}

@test "a closed pipe ends it quietly" {
  run bash -c '"$ISOTACH" plot memory -i 20ms --csv </dev/null 2>talk.txt | head -2; echo "${PIPESTATUS[0]}"'
  [[ ${lines[2]} == 141 ]] || fails_with "should end like any program in a pipe"
}

@test "live in a terminal: keys, resize, and the terminal is given back" {
  command -v tmux >/dev/null || skip "needs tmux"
  local socket="isotach-plot-$$"
  pane() { tmux -L "$socket" capture-pane -p; }
  shows() {
    local deadline=$((SECONDS + 20))
    until pane | grep -qE -e "$1"; do
      ((SECONDS < deadline)) || { pane >&2; tmux -L "$socket" kill-server; return 1; }
      sleep 0.1
    done
  }
  TERM=xterm-256color tmux -L "$socket" -f /dev/null new-session -d -x 80 -y 24 \
    "LC_ALL=C.UTF-8 '$ISOTACH' plot memory -i 50ms; echo left with \$?; exec sleep 60"
  shows '^Memory +auto  60 s  \? help'
  shows '└┬'
  tmux -L "$socket" send-keys a
  shows 'fixed  60 s'
  tmux -L "$socket" send-keys a
  shows 'auto  60 s'
  tmux -L "$socket" send-keys +
  shows 'auto  30 s'
  tmux -L "$socket" send-keys -- -
  shows 'auto  60 s'
  tmux -L "$socket" send-keys ' '
  shows 'paused'
  tmux -L "$socket" send-keys ' '
  tmux -L "$socket" send-keys m
  shows 'mark 1'
  tmux -L "$socket" send-keys '?'
  shows 'pause, go on'
  tmux -L "$socket" send-keys '?'
  tmux -L "$socket" resize-window -x 40 -y 14
  shows '^A free'
  tmux -L "$socket" resize-window -x 20 -y 8
  shows '^A free'
  tmux -L "$socket" resize-window -x 100 -y 40
  tmux -L "$socket" send-keys q
  shows 'samples in'
  shows 'left with 0'
  tmux -L "$socket" kill-server
}
