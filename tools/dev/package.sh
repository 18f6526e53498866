# shellcheck shell=bash
# ./dev package: the Debian package and a plain archive of the same files; with --try, the package in a new system.

# The same commit gives the same bytes: times are those of the commit, and what is packed holds no path of this
# machine.
build_package() {
  case ${1:-} in
    "") ;;
    --try) ((EUID == 0)) || fail 1 "package --try makes a system of its own in a folder: run it as root" ;;
    *) fail 2 "unknown option '$1' of package; the only one is --try" ;;
  esac
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
  export SOURCE_DATE_EPOCH
  build_release documents engine || return
  make_package build/package || return
  say "package: $(echo build/package/*.deb build/package/*.tar.gz)"
  if [[ ${1:-} == --try ]]; then try_package build/package/*.deb; fi
}

# make_package FOLDER: into it, from what is built.
make_package() {
  local folder=$1
  rm -rf "$folder"
  mkdir -p "$folder"
  logged package cpack -G "DEB;TGZ" -B "$folder" --config build/CPackConfig.cmake || return
  rm -rf "$folder/_CPack_Packages"
}

# try_package DEB: installs it on a Debian 12 that has nothing but its base, tries it as a new user would, installs it
# again as an upgrade does, removes it, and compares what is there with what was there before.
try_package() {
  local deb=$1 root status=0
  set_up build try
  root=$(mktemp -d /var/tmp/isotach-try.XXXXXX)
  say "try: a new Debian 12 in $root"
  (
    # Whatever ends this, nothing stays mounted and nothing stays behind.
    # shellcheck disable=SC2064 # the folder is this one
    trap "umount -l '$root/proc' '$root/sys' '$root/dev' 2>/dev/null; rm -rf --one-file-system '$root'" EXIT
    trap 'exit 130' INT TERM
    logged debootstrap debootstrap --variant=minbase bookworm "$root" "${ISOTACH_DEBIAN_MIRROR:-http://deb.debian.org/debian}" &&
      mount -t proc proc "$root/proc" && mount -t sysfs -o ro sysfs "$root/sys" &&
      mount --rbind --make-rslave /dev "$root/dev" &&
      cp "$deb" "$root/isotach.deb" &&
      cp packaging/try.sh "$root/try.sh" &&
      chroot "$root" /bin/sh /try.sh
  ) || status=$?
  ((status == 0)) || fail 1 "the package failed in a new system"
  say "try: installed, ran, upgraded and removed without a trace"
}
