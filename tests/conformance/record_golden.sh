#!/bin/bash
# Records what a foreign vmstat and free print for the snapshot sequences.
#
# usage: record_golden.sh VMSTAT FREE SEQUENCES OUT
#
# VMSTAT and FREE are installed programs of procps-ng 4.0.6; SEQUENCES is what make_snapshots.py wrote.
# For each sequence OUT/NAME.tar.xz holds its snapshots and golden/MODE, what the foreign program printed.
# Needs root: the snapshots are bound over /proc in a mount namespace of their own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ "${1:-}" = --inside ]; then
  shift
  sequence=$1 live=$2 golden=$3 preload=$4 vmstat=$5 free=$6
  for file in "$live"/*; do mount --bind "$file" "/proc/${file##*/}"; done
  mount --bind "$sequence/0/sys/block" /sys/block
  delay=$(cat "$sequence/delay") device=$(cat "$sequence/partition")
  count=$(find "$sequence" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' | wc -l)
  some=$((count < 3 ? count : 3))
  while IFS='|' read -r name command _; do
    case $name in '#'* | '') continue ;; esac
    for file in "$live"/*; do cat "$sequence/0/proc/${file##*/}" > "$file"; done
    command=${command//DELAY/$delay} command=${command//COUNT/$count} command=${command//SOME/$some}
    command=${command//FEWER/$((count - 1))} command=${command//DEV/$device}
    read -r -a words <<< "$command"
    case ${words[0]} in vmstat) words[0]=$vmstat ;; free) words[0]=$free ;; esac
    name=${name// /}
    SNAPSHOTS=$sequence LIVE=$live LD_PRELOAD=$preload LC_ALL=C TZ=UTC "${words[@]}" > "$golden/$name" < /dev/null ||
      { echo "${words[*]} failed on ${sequence##*/}" >&2; exit 1; }
  done < "$here/modes"
  exit
fi

vmstat=$(realpath "$1") free=$(realpath "$2") sequences=$(realpath "$3")
mkdir -p "$4"
out=$(realpath "$4")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -shared -fPIC -O1 -o "$work/advance.so" "$here/advance_snapshot.c"
for sequence in "$sequences"/*/; do
  name=$(basename "$sequence")
  rm -rf "$work/live" "$work/pack"
  mkdir -p "$work/live" "$work/pack"
  cp -r "$sequence" "$work/pack/$name"
  mkdir "$work/pack/$name/golden"
  for file in meminfo stat vmstat uptime diskstats slabinfo; do
    [ ! -e "$sequence/0/proc/$file" ] || touch "$work/live/$file"
  done
  unshare -m --propagation private "$0" --inside "${sequence%/}" "$work/live" "$work/pack/$name/golden" \
    "$work/advance.so" "$vmstat" "$free"
  tar -C "$work/pack" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01' -cJf "$out/$name.tar.xz" "$name"
done
