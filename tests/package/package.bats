# The Debian package: what it holds, and that its program runs from where it was unpacked.

setup_file() {
  package=$(echo "$ISOTACH_SOURCE"/build/package/isotach_*.deb)
  root=$BATS_FILE_TMPDIR/root
  mkdir -p "$root"
  dpkg-deb --extract "$package" "$root"
  export package root
}

setup() { load ../cli/helpers; }

@test "one package, with the version of the program" {
  [[ -f $package ]]
  [[ "isotach $(dpkg-deb --field "$package" Version)" == "$("$ISOTACH" --version)" ]]
}

@test "it depends on the libraries that the program is linked with" {
  local depends
  depends=$(dpkg-deb --field "$package" Depends)
  [[ $depends == *libc6* && $depends == *libsqlite3-0* && $depends == *libncursesw6* ]]
  [[ $(uname -m) != x86_64 || $depends == *libmimalloc2.0* ]]
}

@test "the unpacked program runs" {
  run "$root/usr/bin/isotach" --version
  [[ $status == 0 && $output == isotach\ * ]]
  run "$root/usr/bin/isotach"
  [[ $status == 0 ]]
}

@test "the program carries no debug information" {
  ! readelf --sections --wide "$root/usr/bin/isotach" | grep -q '\.debug_info'
}

@test "files belong to root and nobody else may write them" {
  local mode owner rest
  while read -r mode owner rest; do
    [[ $owner == root/root ]] || fails_with "$rest belongs to $owner"
    [[ $mode == l* || ${mode:5:1} != w && ${mode:8:1} != w ]] || fails_with "$rest: $mode"
  done < <(dpkg-deb --contents "$package")
}

@test "a man page for isotach and one for each command" {
  local command
  for command in isotach $(listed_commands | sed 's/^/isotach-/'); do
    [[ -f $root/usr/share/man/man1/$command.1.gz ]] || fails_with "no man page $command(1)"
  done
  for command in swap-create ksm-predict experiment-memory; do
    [[ -f $root/usr/share/man/man1/isotach-$command.1.gz ]] || fails_with "no man page isotach-$command(1)"
  done
  MANPATH=$root/usr/share/man MANROFFOPT=-Wall man -P cat isotach-vm | grep -q -- --json
}

@test "completions for three shells" {
  [[ -s $root/usr/share/bash-completion/completions/isotach ]]
  [[ -s $root/usr/share/zsh/vendor-completions/_isotach ]]
  [[ -s $root/usr/share/fish/vendor_completions.d/isotach.fish ]]
  bash -n "$root/usr/share/bash-completion/completions/isotach"
  zsh -n "$root/usr/share/zsh/vendor-completions/_isotach"
  fish --no-execute "$root/usr/share/fish/vendor_completions.d/isotach.fish"
}

@test "the agent's systemd unit starts a program that is in the package" {
  local unit=$root/usr/lib/systemd/system/isotach-agent.service program
  program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
  [[ -x $root$program ]]
  grep -q '^DynamicUser=yes' "$unit"
}

@test "alerts for Prometheus and a dashboard for Grafana" {
  promtool check rules "$root/usr/share/isotach/prometheus-rules.yml"
  jq -e '.panels | length > 10' "$root/usr/share/isotach/grafana-dashboard.json"
}

@test "the kit of the instrumentation engine runs a program" {
  [[ $(uname -m) == x86_64 ]] || skip "the engine is for x86-64"
  [[ -x $root/usr/lib/isotach/kit/pin && -x $root/usr/lib/isotach/kit/isotach-pin-runtime ]]
  run "$root/usr/bin/isotach" pin -- sh -c 'echo under it; exit 7'
  [[ $status == 7 && $output == "under it" ]]
}

@test "documents and the licence" {
  [[ -s $root/usr/share/doc/isotach/copyright ]]
  gzip -dc "$root/usr/share/doc/isotach/changelog.gz" | grep -q Isotach
}
