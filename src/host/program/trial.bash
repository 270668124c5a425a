# shellcheck shell=bash
# Part of host.bash. The steps of a change once it is prepared: trial, stage, promise, confirm; or back.

trial() { # IF CHANGE
  local interface=$1 dir=$TRIALS/$1 now up=0
  local -a by=()
  { is_trial_of "$dir" "$2" && claim "$dir" && set_deadline "$dir" && move "$dir" prepared armed; } || late "$interface" "$2"
  [[ ! -e $dir/still ]] || return 0
  tick
  reply down_at "$((now * 10))"
  # Of a file that is gone ifupdown remembers the interface, and would not bring it up: the candidate takes it down.
  [[ -e $INTERFACES_D/$interface || ! -e $dir/new ]] || by=(-i "$dir/new")
  if { [[ -e $INTERFACES_D/$interface ]] || exists "$interface" || is_remembered "$interface"; } && ! take_down "$interface" "${by[@]}"; then
    reply output "$out"
    fail stuck "$interface is still there after ifdown and ip link del"
  fi
  if [[ -e $dir/new ]]; then
    bring_up "$interface" -i "$dir/new"
    up=$?
  fi
  reply output "$out"
  ((up == 0)) || fail ifup "ifup failed with status $rc"
}

# The trial of this change cannot take the step: says what became of it instead. Ends the job.
late() { # IF CHANGE
  local outcome=''
  if is_trial_of "$TRIALS/$1" "$2"; then
    [[ ! -e $TRIALS/$1/doubt ]] || fail late "too late: this host is finding out what the other end of $1 did"
    [[ ! -e $TRIALS/$1/confirmed ]] || fail confirmed "the trial of $1 is being confirmed"
    fail late "too late: the trial of $1 is being ended"
  fi
  outcome_of outcome "$1" "$2"
  case $outcome in
    window) fail late "too late: the window of $1 was over, and this host put the old end back" ;;
    session) fail late "too late: the session was gone, and this host put the old end of $1 back" ;;
    peer) fail late "too late: the other end of $1 was found on the old one, and this host put it back too" ;;
    reverted) fail late "the trial of $1 was put back already" ;;
    confirmed) fail confirmed "the trial of $1 is confirmed already" ;;
    *) fail unknown "no trial of this change is open on $1, and nothing is known of one" ;;
  esac
}

extend() { # IF CHANGE
  local dir=$TRIALS/$1
  { is_trial_of "$dir" "$2" && [[ -e $dir/armed ]] && set_deadline "$dir" && [[ -e $dir/armed ]]; } || late "$1" "$2"
}

# Beside its place, under a name with a dot, which no form of source reads.
stage() { # IF CHANGE DIGEST ROLE MARKER NEW OLD
  local interface=$1 dir=$TRIALS/$1 temp=$INTERFACES_D/.$1.vxfleet store=$STORE/$1 body='' new='' sequence out rc
  { is_trial_of "$dir" "$2" && [[ -e $dir/armed ]]; } || late "$interface" "$2"
  read_file body "$dir/body"
  if ! { publish_found "$interface" && forget_oldest "$interface" 1 && { [[ -e $store/.staged ]] || write_record "$store/.staged" confirmed "$body"; }; }; then
    fail store "cannot keep the generation in $store: is /var full or read-only?"
  fi
  next_sequence sequence "$store"
  if [[ -e $dir/new ]]; then read_file new "$dir/new"; fi
  if ! { lay_beside "$interface" "$new" && sync "$temp" "$store/.staged"; } 2>/dev/null 3>&-; then
    rm -f "$temp" "$store/.staged"
    fail full "cannot write $temp: is /etc full or read-only?"
  fi
  { printf '%s\n' "${@:4}" >"$dir/peer" && printf '%s\n' "$sequence.confirmed.$3" >"$dir/staged"; } || fail full "cannot write to $dir: is /run full?"
  # Whoever ends a trial renames `armed` before it removes the file: one of us two sees the other.
  if [[ ! -e $dir/armed ]]; then
    rm -f "$temp" "$store/.staged"
    late "$interface" "$2"
  fi
}

promise() { # IF CHANGE
  local dir=$TRIALS/$1
  # A full disk takes the rename, one that has become read-only does not.
  [[ -w $INTERFACES_D && -w $STORE/$1 ]] || fail full "$INTERFACES_D or $STORE has become read-only"
  { is_trial_of "$dir" "$2" && [[ -e $dir/staged ]] && set_deadline "$dir" && move "$dir" armed promised; } || late "$1" "$2"
}

confirm() { # IF CHANGE
  local interface=$1 dir=$TRIALS/$1 outcome='' tries
  # Said twice is said once: over another session, the first time may still be under way, or have died on it.
  for ((tries = 0; tries < 200; tries++)); do
    if ! is_trial_of "$dir" "$2" || [[ ! -e $dir/confirmed ]]; then break; fi
    is_process_in "$dir/by" || { claim "$dir" && complete "$dir"; }
    pause 0.1
  done
  if ! is_trial_of "$dir" "$2"; then
    outcome_of outcome "$interface" "$2"
    [[ $outcome != confirmed ]] || return 0
    late "$interface" "$2"
  fi
  # The hub counts on our being done with going back when its window is over.
  if [[ -e $dir/armed ]] && is_due "$dir"; then
    settle "$dir" window armed
    late "$interface" "$2"
  fi
  [[ -e $dir/staged ]] || fail protocol "the candidate of $interface is not staged"
  # From here on the timer has lost.
  if move "$dir" promised confirmed; then
    claim "$dir"
    complete "$dir" || fail pending "$interface runs the new end, but the host cannot write it to $INTERFACES_D: it tries again every second"
  elif move "$dir" armed confirmed; then
    claim "$dir"
    if ! complete "$dir"; then
      move "$dir" confirmed reverting && go_back "$dir" reverted
      fail full "cannot rename the staged file to $INTERFACES_D/$interface"
    fi
  elif move "$dir" 'doubt' confirmed; then
    # The controller has found a way back to us and knows what the peer did: no need to find out.
    stop_worker "$dir"
    claim "$dir"
    complete "$dir" || fail pending "$interface runs the new end, but the host cannot write it to $INTERFACES_D: it tries again every second"
  else
    late "$interface" "$2"
  fi
}

# Only now, when it is the file of /etc: says to the hub that we have decided. The kernel takes it away again by itself.
show_marker() { # DIR
  local peer=''
  read_file peer "$1/peer"
  mapfile -t peer <<<"$peer"
  [[ ${peer[0]-} != decides ]] || ask ip -6 addr replace "${peer[1]}/64" dev "${1##*/}" nodad valid_lft "$((WINDOW * 4))" preferred_lft 0
}

# All that is left once the decision is made; may be repeated until it succeeds.
complete() { # DIR
  local dir=$1 interface=${1##*/} name='' new='' live=''
  local temp=$INTERFACES_D/.$interface.vxfleet store=$STORE/$interface
  # A hub in doubt may have put the old end up to ask.
  run_new "$dir"
  read_file name "$dir/staged"
  name=${name%$'\n'}
  [[ ! -e $store/.staged ]] || mv -T "$store/.staged" "$store/$name" 2>/dev/null || return 1
  if [[ ! -e $dir/new ]]; then
    rm -f "$INTERFACES_D/$interface" "$temp" 2>/dev/null
  elif [[ -e $temp ]]; then
    mv -T "$temp" "$INTERFACES_D/$interface" 2>/dev/null
  else
    # Renamed already, or somebody has taken it away.
    read_file new "$dir/new"
    read_file live "$INTERFACES_D/$interface"
    [[ $live == "$new" ]]
  fi || { mv -T "$store/$name" "$store/.staged" 2>/dev/null; return 1; }
  sync "$INTERFACES_D" "$store"
  show_marker "$dir"
  rm -rf "$dir"
}

revert() { # IF CHANGE
  local dir=$TRIALS/$1
  is_trial_of "$dir" "$2" || late "$1" "$2"
  settle "$dir" reverted prepared armed promised 'doubt' || late "$1" "$2"
  reply output "$out"
  ((settled == 0)) || fail stuck "what ran before on $1 did not come up again: ${out:-no output}"
}

# Ends a trial that is in one of these states by going back. Only one caller gets past the rename; the others are told that they lost.
settle() { # DIR OUTCOME FROM...
  local dir=$1 outcome=$2 from
  settled=0 out=''
  for from in "${@:3}"; do
    if [[ $from == prepared ]]; then
      # In this order: the tunnel's name is held until the last of it is gone.
      ! move "$dir" prepared dropped || { rm -rf "$INTERFACES_D/.${dir##*/}.vxfleet" "$STORE/${dir##*/}"/.{staged,found} "$dir"; return 0; }
    elif move "$dir" "$from" reverting; then
      go_back "$dir" "$outcome"
      return 0
    fi
  done
  return 1
}

# The way back; may be repeated.
go_back() { # DIR OUTCOME
  local dir=$1 interface=${1##*/} body='' tries was_up=''
  settled=0
  [[ ! -e $dir/was_up ]] || was_up=yes
  stop_worker "$dir"
  claim "$dir"
  rm -f "$INTERFACES_D/.$interface.vxfleet" "$STORE/$interface"/.{staged,found}
  stop_ifup "$interface"
  if [[ ! -e $dir/runs_old && ! -e $dir/still ]]; then
    take_down_new "$dir" || settled=1
    # An ifup that fails or is killed here is not left at that.
    for tries in 1 2 3; do
      [[ -n $was_up ]] || break
      ((tries == 1)) || { settled=0; pause 1; take_down "$interface" || settled=1; }
      bring_up_old "$dir" && break
      settled=1
    done
  fi
  read_file body "$dir/body"
  local said=$out
  # What was somebody else's before and is gone. What is there already is refused line by line.
  [[ ! -e $dir/bystanders ]] || ask ip -6 -force -batch "$dir/bystanders"
  # What cannot be recorded (a full /var) is put back all the same.
  keep_record "$interface" "$2" "$body"
  out=$said
  rm -rf "$dir"
}

take_down_new() { # DIR
  if [[ -e $1/new ]]; then take_down "${1##*/}" -i "$1/new"; else take_down "${1##*/}"; fi
}
