# shellcheck shell=bash
# Installs what packaging/debian-packages.txt lists and this machine lacks. Runs before anything else
# on a fresh machine, so it uses nothing that Debian's base system does not have.

PACKAGE_LIST=packaging/debian-packages.txt

# missing_packages plain|by-command SECTION...: the packages of these sections that are not there;
# "by-command" means those that are judged by the command they bring.
missing_packages() {
  local kind=$1 section="" package command _ wanted name status
  shift
  local -A installed=()
  local -a candidates=()
  while read -r package command _; do
    case $package in
      "" | "#"*) continue ;;
      "["*) section=${package//[\[\]]/} && continue ;;
    esac
    wanted=0
    for name in "$@"; do [[ $name == "$section" ]] && wanted=1; done
    ((wanted)) || continue
    if [[ $command == "#"* || -z $command ]]; then
      [[ $kind == plain ]] && candidates+=("$package")
    elif [[ $kind == by-command ]] && ! command -v "$command" >/dev/null; then
      printf '%s\n' "$package"
    fi
  done <"$PACKAGE_LIST"
  ((${#candidates[@]})) || return 0
  while read -r name status; do
    [[ $status == installed ]] && installed[$name]=1
  done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${candidates[@]}" 2>/dev/null)
  for name in "${candidates[@]}"; do
    [[ -v installed[$name] ]] || printf '%s\n' "$name"
  done
}

# set_up SECTION...: makes sure that the packages of these sections are there.
set_up() {
  [[ -z ${ISOTACH_SKIP_SETUP:-} ]] || return 0
  command -v dpkg-query >/dev/null || fail 1 "this is no Debian system: install what $PACKAGE_LIST lists, \
then set ISOTACH_SKIP_SETUP=1"
  local -a plain by_command
  local package
  mapfile -t plain < <(missing_packages plain "$@")
  mapfile -t by_command < <(missing_packages by-command "$@")
  ((${#plain[@]} + ${#by_command[@]})) || return 0
  say "setup: will install: ${plain[*]} ${by_command[*]}"
  ((${#plain[@]})) && install_packages "${plain[@]}"
  # One by one, looking again each time: the first may already bring the command of the second.
  for package in "${by_command[@]}"; do
    if missing_packages by-command "$@" | grep -qx "$package"; then install_packages "$package"; fi
  done
}

install_packages() {
  local -a as_root=()
  if ((EUID != 0)); then
    if command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
      as_root=(sudo)
    else
      say "setup: installing packages needs root. As root, type:"
      say "  apt-get update && apt-get install -y --no-install-recommends $*"
      exit 4
    fi
  fi
  local -a apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y
    -o Dpkg::Use-Pty=0 -o APT::Install-Recommends=false)
  local updated=0
  if ! apt-cache show "$@" >/dev/null 2>&1; then
    logged apt-update "${apt[@]}" update
    updated=1
  fi
  deny_service_starts "${as_root[@]}"
  # Lists that are too old name files that are gone: once more with new ones.
  if ((!updated)) && ! "${apt[@]}" install --download-only "$@" >/dev/null 2>&1; then
    logged apt-update "${apt[@]}" update
  fi
  local status=0
  logged apt-install "${apt[@]}" install "$@" || status=$?
  allow_service_starts "${as_root[@]}"
  ((status == 0)) || exit "$status"
}

# Debian starts the servers of these packages at once and at every boot. Tests and benchmarks start their
# own, so those of the packages stay off. A policy that the machine already has is not touched.
POLICY=/usr/sbin/policy-rc.d
SERVERS=(prometheus prometheus-node-exporter)

deny_service_starts() {
  local server
  policy_is_ours=0
  new_servers=()
  for server in "${SERVERS[@]}"; do
    command -v "$server" >/dev/null || new_servers+=("$server")
  done
  [[ -e $POLICY ]] && return 0
  # shellcheck disable=SC2016  # $1 is of the script that is written
  printf '%s\n' '#!/bin/sh' '# By isotach ./dev setup, while it installs packages.' \
    'case $1 in prometheus | prometheus-node-exporter) exit 101 ;; esac' | "$@" tee "$POLICY" >/dev/null
  "$@" chmod 755 "$POLICY"
  policy_is_ours=1
  # shellcheck disable=SC2064  # the words are those of now
  trap "$(printf '%q ' "$@" rm -f "$POLICY")" EXIT
}

allow_service_starts() {
  local server
  if ((policy_is_ours)); then
    "$@" rm -f "$POLICY"
    trap - EXIT
  fi
  command -v systemctl >/dev/null || return 0
  for server in "${new_servers[@]}"; do
    if command -v "$server" >/dev/null; then "$@" systemctl disable "$server.service" >/dev/null 2>&1 || true; fi
  done
}

set_up_all() {
  set_up build test check bench
  say "setup: every package of $PACKAGE_LIST is installed"
}
