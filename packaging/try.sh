#!/bin/sh
# What ./dev package --try does inside a new Debian: install the package, use it, upgrade, remove, look for traces.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { printf 'try: %s\n' "$*"; }
fails() {
  printf 'try: FAILED: %s\n' "$*" >&2
  exit 1
}

# Files that the libraries and apt's own lists brought are not ours.
our_traces() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /try.sh -o -path /isotach.deb \
    -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \) -prune -o -iname '*isotach*' -print
}

apt-get -qq update
apt-get -qq install --no-install-recommends ./isotach.deb >/dev/null
say "installed: $(isotach --version)"

for words in "--report" "vm 0.1 2" "link" "swap" "ksm" "doctor --self" "agent --once" "lab" "help nettest"; do
  # A finding is no failure of the package.
  # shellcheck disable=SC2086
  isotach $words >/tmp/out 2>&1 || [ $? -le 1 ] || fails "isotach $words: $(tail -n 3 /tmp/out)"
  [ -s /tmp/out ] || fails "isotach $words printed nothing"
done
say "commands run"

output=$(isotach pin -t inscount0 -- /bin/echo under it 2>/dev/null) || true
case $(uname -m):$output in
  x86_64:*"under it"*) say "a program runs under a tool" ;;
  x86_64:*) fails "isotach pin: $output" ;;
esac

isotach nettest -s -1 -p 5299 >/tmp/server 2>&1 &
for _ in 1 2 3 4 5 6 7 8 9 10; do
  grep -q 'listening on' /tmp/server && break
  sleep 0.5
done
isotach nettest -c 127.0.0.1 -p 5299 -t 0.5 --json >/tmp/out || fails "isotach nettest: $(tail -n 3 /tmp/out)"
wait
say "both ends of nettest run"

[ -s /usr/share/man/man1/isotach.1.gz ] || [ -e /etc/dpkg/dpkg.cfg.d/docker ] || fails "no man page"
[ -s /usr/share/bash-completion/completions/isotach ] || fails "no completion"
[ -x /usr/lib/isotach/kit/pin ] || fails "no kit"

apt-get -qq install --reinstall ./isotach.deb >/dev/null
isotach --version >/dev/null
say "installed once more, as an upgrade does"

apt-get -qq purge isotach >/dev/null
rm -f /tmp/out /tmp/server
traces=$(our_traces)
[ -z "$traces" ] || fails "left after the removal: $traces"
say "removed: nothing is left"
