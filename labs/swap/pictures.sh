#!/usr/bin/env bash
# Makes the pictures of labs/swap.md anew, in about a minute; needs root and a disk that can hold swap files.
# What it changes is put back when it ends.
#
# usage: sudo ISOTACH=build/isotach labs/swap/pictures.sh [FOLDER]      FOLDER for swap files: /var/tmp without it
set -euo pipefail

isotach=${ISOTACH:-isotach}
folder=${1:-/var/tmp}
here=$(cd "$(dirname "$0")" && pwd)

remove_both() {
  local name
  for name in lab-one lab-two; do
    [[ ! -e $folder/$name.swap ]] || "$isotach" swap remove "$folder/$name.swap" --keep
  done
}
trap remove_both EXIT

# two_areas PRIORITY PRIORITY PICTURE: what goes where while a program needs more than it may hold.
two_areas() {
  "$isotach" swap create "$folder/lab-one.swap" 256Mi --on --priority "$1" --keep
  "$isotach" swap create "$folder/lab-two.swap" 128Mi --on --priority "$2" --keep
  "$isotach" plot swap_device_used_bytes -i 0.1 --svg "$3" -- "$isotach" swap demo --size 320Mi --limit 96Mi
  remove_both
}

"$isotach" swap demo --folder "$folder" --svg "$here/demo.svg"
two_areas 10 20 "$here/priorities.svg"
two_areas 15 15 "$here/equal.svg"
