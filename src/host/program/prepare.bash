# shellcheck shell=bash
# Part of host.bash. What is proven before a trial begins: that it can, and that it can end either way.

prepare() { # IF CHANGE OLD NEW OTHERS [still]
  local interface=$1 dir=$TRIALS/.$1.$RUN live=$INTERFACES_D/$1 problem text=''
  local old_bytes=${3/-/0} new_bytes=${4/-/0}
  local old=${payload:0:old_bytes} new=${payload:old_bytes:new_bytes} bystanders=${payload:old_bytes + new_bytes:$5}
  local body=${payload:old_bytes + new_bytes + $5}
  [[ -z $guard_fault ]] || fail flock "cannot begin a trial: $guard_fault"
  [[ $guarded == yes ]] || fail refused 'cannot begin a trial: is /run full or read-only?'
  [[ -z $ping_fault ]] || fail ping "ping cannot be used: $ping_fault"
  [[ ! -e $TRIALS/$interface ]] || fail busy "$interface is held by $(held_by "$TRIALS/$interface")"
  # What was planned is right only for what was seen.
  [[ ! -e $live ]] || read_file text "$live"
  if [[ ($3 == - && -e $live) || ($3 != - && (! -e $live || $text != "$old")) ]]; then
    fail changed "$live has changed since it was looked at"
  fi
  mkdir "$dir" "$dir/empty" 2>/dev/null || fail refused "cannot create $dir: is /run full or read-only?"
  if ! { printf '%s\n' "$RUN" >"$dir/run" && printf '%s\n' "$2" >"$dir/change" && printf '%s\n' "$OPERATOR" "${SSH_CONNECTION%% *}" "$SINCE" "$COMMAND" >"$dir/who" &&
    printf '%s' "$body" >"$dir/body" && { [[ -z $bystanders ]] || printf '%s' "$bystanders" >"$dir/bystanders"; } && { [[ $4 == - ]] || printf '%s' "$new" >"$dir/new"; } && printf '%012d\n' 0 >"$dir/deadline"; }; then
    rm -rf "$dir"
    fail refused "cannot write to $dir: is /run full?"
  fi
  [[ $4 == - ]] || is_valid "$interface" "$dir" || { rm -rf "$dir"; fail invalid "$problem"; }

  set_deadline "$dir"
  if ! { remember_old "$interface" "$dir" && { [[ ${6-} != still ]] || : >"$dir/still"; } && claim "$dir" && : >"$dir/prepared"; }; then
    rm -rf "$dir"
    fail refused "cannot write to $dir: is /run full?"
  fi
  # It gets its name when it is complete, so that nobody ever sees half of one; a name is given once.
  if ! mv -T "$dir" "$TRIALS/$interface" 2>/dev/null; then
    rm -rf "$dir"
    fail busy "$interface is held by $(held_by "$TRIALS/$interface")"
  fi
  # Prove now that /etc can take the file later. Only who holds the tunnel has a file of that name.
  if ! lay_beside "$interface" "$new"; then
    settle "$TRIALS/$interface" reverted prepared
    fail refused "cannot write to $INTERFACES_D: is /etc full or read-only?"
  fi
  # And that /var can take its records.
  if ! { write_found "$interface" "$body" && write_record "$STORE/$interface/.staged" confirmed "$body"; }; then
    settle "$TRIALS/$interface" reverted prepared
    fail refused "cannot keep a generation in $STORE/$interface: is /var full or read-only?"
  fi
}

# What runs can be brought up again: by its file or, if somebody has taken that away, by our newest generation. What never had one cannot.
remember_old() { # IF DIR
  local last
  exists "$1" || return 0
  if [[ ! -e $INTERFACES_D/$1 ]]; then
    newest_generation last "$1"
    [[ $last == *$'\nfile present\n\n'* ]] || return 0
    printf '%s' "${last#*$'\nfile present\n\n'}" >"$2/old" || return 1
  fi
  : >"$2/was_up"
}

bring_up_old() { # DIR
  if [[ -e $1/old ]]; then bring_up "${1##*/}" -i "$1/old"; else bring_up "${1##*/}"; fi
}

# The candidate beside its place, under a name with a dot, which no form of source reads. Nothing to do when it lies there.
lay_beside() { # IF TEXT
  local temp=$INTERFACES_D/.$1.vxfleet text=''
  [[ -w $INTERFACES_D ]] || return 1
  [[ ! -e $temp ]] || read_file text "$temp"
  [[ ! -e $temp || $text != "$2" ]] || return 0
  [[ ! -e $temp ]] || rm -f "$temp"
  umask 022
  printf '%s' "$2" >"$temp"
  set -- "$?"
  umask 077
  return "$1"
} 2>/dev/null

# Would ifupdown take the candidate? Why not is in $problem. What ifquery finds, ifup -n finds too. (field-notes 1.6)
is_valid() { # IF DIR
  if [[ -n $ifupdown2 ]]; then
    is_valid_for_ifupdown2 "$@"
    return
  fi
  ask ifup -n -i "$2/new" --state-dir "$2/empty" "$1"
  if ((rc != 0)) || [[ $'\n'$out == *$'\n'ifup:* ]]; then
    problem="ifup -n: $out"
    return 1
  fi
}
