#!/usr/bin/env bats
# Completion scripts, loaded into the real shells and asked for candidates.

setup() {
  load helpers
  PATH=$(dirname "$ISOTACH"):$PATH
}

# What bash offers for these words, of which the last is at hand.
bash_offers() {
  bash --norc -c '
    source <(isotach completions bash) || exit
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _isotach
    printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

# What fish offers for this line.
# shellcheck disable=SC2016 # fish reads it, not bash
fish_offers() {
  HOME=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR XDG_DATA_HOME=$BATS_TEST_TMPDIR \
    fish --no-config -c 'isotach completions fish | source; complete -C $argv[1]' "$1" | cut -f 1
}

# What zsh shows after this line and two tabs, in a terminal of its own.
zsh_offers() {
  HOME=$BATS_TEST_TMPDIR ZDOTDIR=$BATS_TEST_TMPDIR zsh -f -c '
    zmodload zsh/zpty
    zpty -b shell zsh -f -i
    zpty -w shell "PS1=; unsetopt zle_bracketed_paste; LISTMAX=0; LINES=1000; COLUMNS=200"
    zpty -w shell "autoload -Uz compinit && compinit -D -u"
    zpty -w shell "zstyle \":completion:*\" list-prompt \"\"; setopt no_always_last_prompt no_list_beep"
    zpty -w shell "source <(isotach completions zsh); print re\"\"ady"
    integer deadline=$((SECONDS + 30))
    read_until() {
      local piece all=
      while ((SECONDS < deadline)); do
        if zpty -rt shell piece; then
          all+=$piece
          [[ $all == *$1* ]] && break
        else
          sleep 0.05
        fi
      done
      print -r -- $all
    }
    read_until ready >/dev/null
    zpty -w -n shell "$1"$'"'\\t\\t'"'
    read_until "$2"
    zpty -d shell' zsh "$1" "$2"
}

has() { grep -qxF -e "$2" <<<"$1" || { echo "$2 is not in: $1"; return 1; }; }
has_not() { ! grep -qxF -e "$2" <<<"$1" || { echo "$2 is in: $1"; return 1; }; }

@test "an unknown shell is a usage error" {
  run "$ISOTACH" completions tcsh
  [ "$status" -eq 2 ]
  [[ $output == *"bash, zsh, fish"* ]]
  run "$ISOTACH" completions
  [ "$status" -eq 2 ]
}

@test "bash completes commands" {
  offers=$(bash_offers isotach '')
  has "$offers" vm
  has "$offers" agent
  has_not "$offers" internal-hold-pages
  [ "$(bash_offers isotach rep)" = replay ]
  [ "$(bash_offers isotach help rec)" = record ]
}

@test "bash completes options and their values" {
  offers=$(bash_offers isotach agent --)
  has "$offers" --listen
  has "$offers" --help
  has "$(bash_offers isotach vm --json)" --json-stream
  has_not "$(bash_offers isotach vm --json)" --csv
  offers=$(bash_offers isotach agent --format '')
  [ "$offers" = $'openmetrics\nprometheus' ]
  [ "$(bash_offers isotach agent --format p)" = prometheus ]
  [ "$(bash_offers isotach agent --format = p)" = prometheus ]
  [ "$(bash_offers isotach agent --format =)" = $'openmetrics\nprometheus' ]
  [ "$(bash_offers isotach vm --color n)" = never ]
  [ -z "$(bash_offers isotach agent --interval '')" ]
}

@test "bash completes files, folders, metrics and programs" {
  cd "$BATS_TEST_TMPDIR"
  mkdir 'a folder'
  touch 'a file.isotach'
  [ "$(bash_offers isotach agent --textfile a)" = $'a file.isotach\na folder' ] ||
    [ "$(bash_offers isotach agent --textfile a)" = $'a folder\na file.isotach' ]
  [ "$(bash_offers isotach agent --proc-root a)" = 'a folder' ]
  has "$(bash_offers isotach plot memory_fr)" memory_free_bytes
  has "$(bash_offers isotach vm -- bas)" bash
  has "$(bash_offers isotach vm 1 -- ls 'a f')" 'a file.isotach'
}

@test "bash completes the commands of a command, and their options" {
  offers=$(bash_offers isotach swap '')
  has "$offers" create
  has "$offers" drain
  has_not "$offers" vm
  [ "$(bash_offers isotach swap cre)" = create ]
  has_not "$(bash_offers isotach '')" create
  offers=$(bash_offers isotach swap create --)
  has "$offers" --persist
  has_not "$(bash_offers isotach swap --)" --persist
  has "$(bash_offers isotach ksm run -- bas)" bash
}

@test "bash takes the script without a complaint" {
  run bash --norc -c 'set -u; source <(isotach completions bash); complete -p isotach'
  [ "$status" -eq 0 ]
  [ "$output" = "complete -F _isotach isotach" ]
}

@test "fish completes commands, options, values, files and metrics" {
  command -v fish >/dev/null || skip "fish is not installed"
  offers=$(fish_offers 'isotach ')
  has "$offers" vm
  has "$offers" replay
  has_not "$offers" internal-hold-pages
  offers=$(fish_offers 'isotach agent --')
  has "$offers" --listen
  has_not "$offers" --wide
  offers=$(fish_offers 'isotach vm --')
  has "$offers" --json-stream
  has_not "$offers" --listen
  [ "$(fish_offers 'isotach agent --format ')" = $'openmetrics\nprometheus' ]
  has "$(fish_offers 'isotach plot memory_f')" memory_free_bytes
  [ "$(fish_offers 'isotach help rec')" = record ]
  cd "$BATS_TEST_TMPDIR"
  touch some.prom
  has "$(fish_offers 'isotach agent --textfile so')" some.prom
}

@test "fish completes the commands of a command, and their options" {
  command -v fish >/dev/null || skip "fish is not installed"
  offers=$(fish_offers 'isotach swap ')
  has "$offers" create
  has_not "$offers" vm
  has_not "$(fish_offers 'isotach ')" create
  has "$(fish_offers 'isotach swap create --')" --persist
  has_not "$(fish_offers 'isotach swap create --')" --vm
  has_not "$(fish_offers 'isotach swap --')" --persist
}

@test "zsh completes commands, options, values and metrics" {
  command -v zsh >/dev/null || skip "zsh is not installed"
  isotach completions zsh >"$BATS_TEST_TMPDIR/_isotach"
  zsh -n "$BATS_TEST_TMPDIR/_isotach"
  [[ $(zsh_offers 'isotach ' replay) == *replay* ]]
  [[ $(zsh_offers 'isotach agent --lis' --listen) == *--listen* ]]
  [[ $(zsh_offers 'isotach agent --format ' prometheus) == *openmetrics*prometheus* ]]
  [[ $(zsh_offers 'isotach vm --json' --json-stream) == *--json-stream* ]]
  [[ $(zsh_offers 'isotach plot memory_free_b' memory_free_bytes) == *memory_free_bytes* ]]
  [[ $(zsh_offers 'isotach help repl' replay) == *replay* ]]
}

@test "zsh completes the commands of a command, and their options" {
  command -v zsh >/dev/null || skip "zsh is not installed"
  [[ $(zsh_offers 'isotach swap ' drain) == *create*drain* ]]
  [[ $(zsh_offers 'isotach swap create --pers' --persist) == *--persist* ]]
}

@test "all three complete the interfaces there are" {
  has "$(bash_offers isotach link l)" lo
  has "$(bash_offers isotach link check l)" lo
  has "$(bash_offers isotach traffic l)" lo
  has "$(bash_offers isotach traffic --by pro)" protocol
  if command -v fish >/dev/null; then has "$(fish_offers 'isotach link l')" lo; fi
  if command -v zsh >/dev/null; then [[ $(zsh_offers 'isotach link check l' 'lo') == *lo* ]]; fi
}
