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

@test "nothing in it names the folder it was built in" {
  local found
  found=$(grep -rlF "$ISOTACH_SOURCE" "$root" || true)
  [[ -z $found ]] || fails_with "built in $ISOTACH_SOURCE: $found"
}

@test "made once more it is the same to the byte" {
  local again=$BATS_TEST_TMPDIR/again
  SOURCE_DATE_EPOCH=$(git -C "$ISOTACH_SOURCE" log -1 --format=%ct) \
    cpack -G "DEB;TGZ" -B "$again" --config "$ISOTACH_SOURCE/build/CPackConfig.cmake"
  cmp "$again"/isotach_*.deb "$package"
  cmp "$again"/isotach-*.tar.gz "$ISOTACH_SOURCE"/build/package/isotach-*.tar.gz
}

@test "the archive holds the files of the package" {
  diff <(tar -tzf "$ISOTACH_SOURCE"/build/package/isotach-*.tar.gz | sed -E 's,^[^/]+/(usr/)?,,; /\/$/d; /^$/d' | sort) \
    <(dpkg-deb --fsys-tarfile "$package" | tar -t | sed 's,^\./usr/,,; /\/$/d; /^$/d' | sort)
}

@test "a bill of materials with every library that the programs are linked with" {
  local materials=$root/usr/share/doc/isotach/sbom.spdx.json name
  jq -e '.spdxVersion == "SPDX-2.3" and .packages[0].name == "isotach"' "$materials"
  while read -r name; do
    jq -e --arg name "$name" 'any(.packages[]; .name == $name)' "$materials" >/dev/null ||
      fails_with "$name is a dependency and not in the bill"
  done < <(dpkg-deb --field "$package" Depends | tr ',' '\n' | sed 's/^ *//; s/ .*//; s/:any$//')
  jq -e 'any(.packages[]; .name == "uplot")' "$materials"
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
