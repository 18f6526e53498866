#!/usr/bin/env bats
# isotach ksm on saved trees, and what of it needs no root.

# shellcheck disable=SC2154 # run sets $output and $stderr

setup() {
  load helpers
  tree=$BATS_TEST_TMPDIR/tree
  mkdir -p "$tree"/proc/sys/kernel "$tree"/proc/2 "$tree"/proc/37 "$tree"/sys/kernel/mm/ksm
  echo 6.1.0-test >"$tree/proc/sys/kernel/osrelease"
  echo db1 >"$tree/proc/sys/kernel/hostname"
  printf 'MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 600 kB\n' >"$tree/proc/meminfo"
  echo 'cpu 0 0 0 0' >"$tree/proc/stat"
}

# setting NAME VALUE: a file of the tree.
setting() { echo "$2" >"$tree/sys/kernel/mm/ksm/$1"; }

merged_tree() {
  setting run 1
  setting pages_to_scan 1000
  setting sleep_millisecs 20
  setting max_page_sharing 256
  setting advisor_mode '[none] scan-time'
  setting pages_shared 512
  setting pages_sharing 130560
  setting pages_unshared 0
  setting pages_volatile 0
  setting ksm_zero_pages 0
  setting full_scans 9
  setting general_profit 526385152
  setting a_new_counter 7
}

@test "a kernel without KSM: 5, what each place said, and what to do" {
  rmdir "$tree/sys/kernel/mm/ksm"
  mkdir -p "$tree/boot"
  echo '# CONFIG_KSM is not set' >"$tree/boot/config-6.1.0-test"
  isotach ksm --proc-root "$tree"
  exit_code 5
  out 'boot/config-6\.1\.0-test: CONFIG_KSM=n'
  out 'proc/config\.gz: no such file'
  err 'no page merging'
  err 'CONFIG_KSM=y'
  isotach ksm --proc-root "$tree" --json
  exit_code 5
  json .supported false
  json '.config | map(select(.value == "n")) | length' 1
  json .schema isotach.ksm.v1
}

@test "the configuration is read packed and plain, and the first place is believed" {
  merged_tree
  echo CONFIG_KSM=y | gzip -n >"$tree/proc/config.gz"
  mkdir -p "$tree/lib/modules/6.1.0-test/build"
  echo CONFIG_KSM=m >"$tree/lib/modules/6.1.0-test/build/.config"
  isotach ksm --proc-root "$tree"
  exit_code 0
  out 'has page merging.*config\.gz says CONFIG_KSM=y'
  out 'build/\.config: CONFIG_KSM=m'
  head -c 20 "$tree/proc/config.gz" >"$tree/proc/half" && mv "$tree/proc/half" "$tree/proc/config.gz"
  isotach ksm --proc-root "$tree"
  exit_code 0
  out 'config\.gz: .*damaged'
}

@test "every file is shown with its meaning, unknown ones too" {
  merged_tree
  isotach ksm --proc-root "$tree"
  exit_code 0
  out '^pages_to_scan +1000  pages that ksmd looks at'
  out '^pages_sharing +130560  '
  out '^a_new_counter +7  .*does not know'
  out 'general_profit +502 MiB'
  out '131072 pages of programs are kept in 512 pages: each stands for 256'
  [[ $output != *'what looks wrong'* ]]
}

@test "JSON and CSV hold the same numbers" {
  merged_tree
  isotach ksm --proc-root "$tree" --json
  exit_code 0
  json .settings.pages_to_scan 1000
  json .settings.advisor_mode '[none] scan-time'
  json .counters.pages_sharing 130560
  json .counters.a_new_counter 7
  json '.saved_bytes - .cost_bytes == .profit_bytes'
  json '.problems | length' 0
  isotach ksm --proc-root "$tree" --csv
  exit_code 0
  out '^name,kind,value,help$'
  out '^pages_sharing,counter,130560,'
  out '^run,setting,1,'
}

@test "what looks wrong is said, with what to type" {
  merged_tree
  setting general_profit -8388608
  setting pages_to_scan 0
  isotach ksm --proc-root "$tree"
  exit_code 0
  out 'costs 8 MiB more than it saves'
  out 'scans nothing'
  out 'isotach ksm set --keep pages_to_scan=100'
  isotach ksm --proc-root "$tree" --json
  json '.problems | map(.id) | join(" ")' 'loss scans-nothing'
}

@test "hostile files do no harm" {
  merged_tree
  setting general_profit "$(head -c 5000 /dev/zero | tr '\0' x)"
  printf '\033[2J' >"$tree/sys/kernel/mm/ksm/pages_shared"
  setting pages_sharing 99999999999999999999
  setting run -3
  isotach ksm --proc-root "$tree"
  ended_by_itself
  exit_code 0
  [[ $output != *$'\033'* ]]
  isotach ksm --proc-root "$tree" --json
  json .schema isotach.ksm.v1
}

@test "ksm top lists the processes that use it, the largest first" {
  merged_tree
  local pid
  for pid in 100 200 300; do
    mkdir -p "$tree/proc/$pid"
    printf '%d (p%d) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n' "$pid" "$pid" >"$tree/proc/$pid/stat"
  done
  printf 'ksm_rmap_items 10\nksm_zero_pages 1\nksm_merging_pages 8\nksm_process_profit 32000\nksm_merge_any: yes\n' \
    >"$tree/proc/100/ksm_stat"
  printf 'ksm_rmap_items 99\nksm_zero_pages 0\nksm_merging_pages 90\nksm_process_profit -64\n%s\n%s\n' \
    'ksm_merge_any: no' 'ksm_mergeable: yes' >"$tree/proc/200/ksm_stat"
  printf 'ksm_rmap_items 0\nksm_zero_pages 0\nksm_merging_pages 0\nksm_process_profit 0\n' >"$tree/proc/300/ksm_stat"
  isotach ksm top --proc-root "$tree"
  exit_code 0
  out '^ *200 .* 90 +0 +99 +-64 B +parts +p200$'
  out '^ *100 .* 8 +1 +10 +31\.2 KiB +all +p100$'
  [[ $output != *p300* ]]
  isotach ksm top --proc-root "$tree" --json
  json '.processes | map(.pid) | join(" ")' '200 100'
  isotach ksm top --proc-root "$tree" --csv -n 1
  [[ $(wc -l <<<"$output") -eq 2 ]]
}

@test "another user's processes are counted, not guessed" {
  [[ -e /proc/1/ksm_stat ]] || skip "this kernel does not tell the merging of processes"
  ((EUID == 0)) || skip "needs root to become somebody else"
  run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$ISOTACH" ksm top
  exit_code 0
  err 'may not be looked into: only root'
}

@test "wrong settings are refused with the reason, before anything is touched" {
  [[ -d /sys/kernel/mm/ksm ]] || skip "this kernel has no KSM"
  isotach ksm set
  usage_error
  isotach ksm set run
  usage_error
  err 'NAME=VALUE'
  isotach ksm set pages_to_scam=5
  usage_error
  err 'did you mean: pages_to_scan\?'
  isotach ksm set pages_to_scan=0
  exit_code 2
  err 'never look at a page'
  err '--force'
  isotach ksm set sleep_millisecs=0
  exit_code 2
  isotach ksm set max_page_sharing=2
  exit_code 2
  err 'spend its time among copies'
  isotach ksm set run=7
  exit_code 2
  err 'the kernel takes 0 to 2'
  isotach ksm set run=1 --keep --for 5
  usage_error
}

@test "a dry run needs no rights and shows every write" {
  [[ -e /sys/kernel/mm/ksm/smart_scan ]] || skip "this kernel has no KSM, or an old one"
  local pages=$(($(</sys/kernel/mm/ksm/pages_to_scan) + 7))
  [[ $(</sys/kernel/mm/ksm/advisor_mode) == '[none]'* ]] || skip "the advisor chooses pages_to_scan here"
  local -a as_nobody=()
  ((EUID == 0)) && as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  run --separate-stderr "${as_nobody[@]}" "$ISOTACH" ksm set --dry-run pages_to_scan=$pages
  exit_code 0
  out "^would write $pages to /sys/kernel/mm/ksm/pages_to_scan \(now $((pages - 7))\)$"
  run --separate-stderr "${as_nobody[@]}" "$ISOTACH" ksm set pages_to_scan=$pages
  exit_code 4
  [[ $(</sys/kernel/mm/ksm/pages_to_scan) == $((pages - 7)) ]]
}

@test "ksm watch prints rows where output is no terminal, and data when asked" {
  merged_tree
  setting pages_unshared 30
  setting pages_volatile 12
  isotach ksm watch --proc-root "$tree" -n 2 -i 10ms
  exit_code 0
  out '^ +seconds +free +shared +sharing +unshared\+volatile +profit$'
  out ' 500 KiB +512 +130560 +42 +502 MiB$'
  isotach ksm watch --proc-root "$tree" -n 2 -i 10ms --csv
  out 'ksm_pages_unsettled'
  [[ $(wc -l <<<"$output") -eq 3 ]]
  isotach ksm watch --proc-root "$tree" -n 2 -i 10ms --svg "$BATS_TEST_TMPDIR/w.svg"
  exit_code 0
  grep -q 'sharing' "$BATS_TEST_TMPDIR/w.svg"
  rm -r "$tree/sys"
  isotach ksm watch --proc-root "$tree" -n 1
  exit_code 5
}

@test "ksm run and ksm demo say what is missing before they start anything" {
  isotach ksm run
  usage_error
  err 'no command was given'
  isotach ksm run -- /no/such/program
  exit_code 1
  err 'there is no file'
  isotach ksm demo --interval 1
  exit_code 2
  err '100ms or less'
  isotach ksm demo --pages 1
  exit_code 2
  [[ -d /sys/kernel/mm/ksm ]] || skip "this kernel has no KSM"
  isotach ksm demo --pages 1000000000000
  exit_code 1
  err 'are available'
  isotach ksm demo --report /no/such/folder/x.html
  exit_code 1
}
