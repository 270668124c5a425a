# shellcheck shell=bash
# Part of host.bash. What is kept of each change under /var/lib/vxfleet.

GENERATION_HEADER='vxfleet generation 1'
# Outcomes that are generations are confirmed and found: [cf]o*. The rest say how a trial ended instead: reverted, window, session, peer.

next_sequence() { # VARIABLE STORE_OF_IF
  local -a names=("$2"/[0-9][0-9][0-9][0-9][0-9][0-9].*)
  local last=${names[*]: -1}
  last=${last##*/}
  last=${last:-0}
  printf -v "$1" '%06d' "$((10#${last%%.*} + 1))"
}

# Writes a record under a name that no reader takes for one. It has to be on the disk before it gets its own.
write_record() { # FILE OUTCOME BODY
  { [[ -d ${1%/*} ]] || mkdir -p "${1%/*}"; } && printf '%s\noutcome %s\n%s' "$GENERATION_HEADER" "$2" "$3" >"$1" && return 0
  rm -f "$1"
  return 1
} 2>/dev/null

keep_record() { # IF OUTCOME BODY
  write_record "$STORE/$1/.record.$RUN" "$2" "$3" && publish "$1" "$2" "$STORE/$1/.record.$RUN"
}

# Gives a record that nobody has computed the digest of its name.
publish() { # IF OUTCOME FILE
  local store=$STORE/$1 sequence out rc
  if ! sync "$3" 2>/dev/null; then
    rm -f "$3"
    return 1
  fi
  ask sha256sum "$3"
  next_sequence sequence "$store"
  mv -T "$3" "$store/$sequence.$2.${out%% *}" && forget_oldest "$1" 0
}

# The newest generation, whole, into a variable; empty when there is none.
newest_generation() { # VARIABLE IF
  local -a names=("$STORE/$2"/[0-9]*.[cf]o*)
  printf -v "$1" ''
  ((${#names[@]} == 0)) || read_file "$1" "${names[${#names[@]} - 1]}"
}

# The file in /etc, if it is not what our last generation left there: somebody else's, or edited. A rollback must find it again. Its record
# lies beside the others until it is published.
write_found() { # IF BODY
  local live=$INTERFACES_D/$1 head text='' last line body=''
  newest_generation last "$1"
  if [[ ! -e $live ]]; then
    [[ -n $last && $last != *$'\nfile absent\n\n' ]] || return 0
  else
    read_file text "$live"
    [[ $last != *$'\nfile present\n\n'* || ${last#*$'\nfile present\n\n'} != "$text" ]] || return 0
  fi
  head=${2%%$'\n\n'*}
  # By hand: of a long text bash makes a file in /tmp, which may be full.
  while [[ -n $head ]]; do
    line=${head%%$'\n'*}
    case $line in
      change\ *) body+="change before-${line#* }"$'\n' ;;
      time\ * | spoke\ * | end\ *) body+=$line$'\n' ;;
    esac
    head=${head:${#line} + 1}
  done
  body+=$'operator -\ncommand -\nplan -\n'
  if [[ -e $live ]]; then body+=$'file present\n\n'$text; else body+=$'file absent\n\n'; fi
  write_record "$STORE/$1/.found" found "$body"
}

publish_found() { # IF
  [[ ! -e $STORE/$1/.found ]] || publish "$1" found "$STORE/$1/.found"
}

# The oldest go. Generations and the rest are counted apart: many failures must not push a way back out.
forget_oldest() { # IF PLACES_TO_FREE
  local -a generations=("$STORE/$1"/[0-9]*.[cf]o*) others=("$STORE/$1"/[0-9]*.[rwsp][ei]*) oldest=()
  ((${#generations[@]} + $2 <= KEEP)) || oldest+=("${generations[@]:0:${#generations[@]} + $2 - KEEP}")
  ((${#others[@]} <= KEEP)) || oldest+=("${others[@]:0:${#others[@]} - KEEP}")
  ((${#oldest[@]} == 0)) || rm -f "${oldest[@]}"
}

# How the trial of a change ended, one of the outcomes; empty when nothing is known of it.
outcome_of() { # VARIABLE IF CHANGE
  local -a names=("$STORE/$2"/[0-9]*)
  local index head='' name
  printf -v "$1" ''
  for ((index = ${#names[@]} - 1; index >= 0; index--)); do
    read_file head "${names[index]}"
    [[ ${head%%$'\n\n'*} == *$'\n'"change $3"$'\n'* ]] || continue
    name=${names[index]##*/}
    name=${name#*.}
    printf -v "$1" '%s' "${name%%.*}"
    return 0
  done
}

history_of() { # [IF...]
  local file line head
  local -a files=() bad
  [[ ! -e $STORE || -r $STORE ]] || fail refused "only root reads $STORE: set ssh.become to true, or ssh.user to root"
  if (($# == 0)); then files=("$STORE"/vxlan*/[0-9]*); fi
  for file; do files+=("$STORE/$file"/[0-9]*); done
  ((${#files[@]} > 0)) || return 0
  for file in "${files[@]}"; do
    head=''
    while IFS= read -r line && [[ -n $line ]]; do
      [[ $line == plan\ * ]] || head+=$line$'\n'
    done <"$file"
    reply "${file#"$STORE/"}" "$head"
  done
  # Each name ends in the digest of its content.
  mapfile -t bad < <(printf '%s\n' "${files[@]}" | sed -E 's|^(.*\.([0-9a-f]{64}))$|\2  \1|' | sha256sum --check --quiet 2>/dev/null 3>&- 4<&-)
  bad=("${bad[@]%%: *}")
  reply damaged "$(printf '%s\n' "${bad[@]#"$STORE/"}")"
}

generation() { # IF NAME
  local content=''
  [[ $2 != */* && -e $STORE/$1/$2 ]] || fail refused "there is no record $1/$2"
  read_file content "$STORE/$1/$2"
  reply content "$content"
}

note() { # IF DIGEST
  local store=$STORE/$1 sequence
  [[ ! -e $TRIALS/$1 ]] || fail busy "$1 is held by $(held_by "$TRIALS/$1")"
  if ! { write_found "$1" "$payload" && publish_found "$1" && forget_oldest "$1" 1 && write_record "$store/.record.$RUN" confirmed "$payload" && sync "$store/.record.$RUN" && next_sequence sequence "$store" &&
    mv -T "$store/.record.$RUN" "$store/$sequence.confirmed.$2"; }; then
    rm -f "$store/.record.$RUN"
    fail store "cannot keep the generation in $store: is /var full or read-only?"
  fi
}
