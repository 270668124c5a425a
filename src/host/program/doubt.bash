# shellcheck shell=bash
# Part of host.bash. A hub that has promised and hears nothing more; trials that a dead run has left.

# The controller or its session is gone, and it may have confirmed the peer. Silence decides nothing. (docs/protocol.md)
find_out() { # DIR
  local dir=$1 peer role marker new_peer old_peer answered wait=1 tries
  read_file peer "$dir/peer"
  mapfile -t peer <<<"$peer"
  role=${peer[0]-} marker=${peer[1]-} new_peer=${peer[2]-} old_peer=${peer[3]-}
  while [[ -e $dir/doubt && ! -e $dir/order ]]; do
    answered=''
    if [[ -e $dir/new ]]; then
      run_new "$dir"
      ask_peer "$dir" "$marker" "$new_peer"
      if [[ $answered == marker ]]; then
        keep_new "$dir"
        return
      fi
    fi
    if ! may_decide "$dir" "$answered"; then
      pause 1
      continue
    fi
    if [[ $role == compatible && -e $dir/new ]]; then
      # Old and new can talk to each other, so that an answer on the old end would say nothing.
      if [[ -n $answered ]]; then settle "$dir" peer 'doubt'; return; fi
    elif [[ ! -e $dir/new || ! -e $dir/was_up || $old_peer == - ]]; then
      # One of the two ends cannot be asked.
      if [[ -n $answered ]]; then keep_new "$dir"; else settle "$dir" peer 'doubt'; fi
      return
    else
      find_out_on_old "$dir" "$answered" && return
    fi
    for ((tries = 0; tries < wait; tries++)); do
      [[ ! -e $dir/order ]] || break
      pause 1
    done
    wait=$((wait < 15 ? wait * 2 : 30))
  done
  settle "$dir" peer 'doubt'
}

# A peer that answers on the new end without the marker may still decide. Its window is half of ours: when ours is over, it has decided
# and is done with going back, so that an answer is an answer. When one of the two ends cannot be asked, silence has to last as long.
may_decide() { # DIR ANSWERED
  [[ -z $2 && $role == incompatible && -e $1/new && -e $1/was_up && $old_peer != - ]] || is_due "$1"
}

find_out_on_old() { # DIR ANSWERED_ON_NEW
  local dir=$1 answered=''
  run_old "$dir"
  ask_peer "$dir" "$marker" "$old_peer"
  if [[ $answered == peer ]]; then
    settle "$dir" peer 'doubt'
  elif [[ $answered == marker || -n $2 ]]; then
    run_new "$dir"
    keep_new "$dir"
  else
    return 1
  fi
}

keep_new() { # DIR
  ! move "$1" 'doubt' confirmed || complete "$1"
}

# Who answers within three seconds, the marker before the peer: into $answered.
ask_peer() { # DIR MARKER PEER
  local interface=${1##*/}
  ping_peer "$interface" "$2%$interface" &
  local first=$!
  ping_peer "$interface" "$3" &
  local second=$!
  ! wait "$second" || answered=peer
  ! wait "$first" || answered=marker
}

ping_peer() { # IF ADDRESS
  ping -6 -n -q -c 1 -i 0.5 -w 3 -I "$1" "$2" >/dev/null 2>&1
}

# `left_new` says that the new end may be down, `runs_old` that the old one is up.
run_new() { # DIR
  [[ -e $1/left_new ]] || return 0
  rm -f "$1/runs_old"
  [[ -e $1/still ]] || { take_down "${1##*/}"; bring_up "${1##*/}" -i "$1/new"; }
  rm -f "$1/left_new"
}

run_old() { # DIR
  [[ ! -e $1/runs_old ]] || return 0
  : >"$1/left_new"
  [[ -e $1/still ]] || { take_down_new "$1"; bring_up_old "$1"; }
  : >"$1/runs_old"
}

# Waits until the trial has ended and says how.
settled_as() { # IF CHANGE
  local dir=$TRIALS/$1 outcome=''
  ! is_trial_of "$dir" "$2" || move "$dir" promised 'doubt'
  while is_trial_of "$dir" "$2"; do pause 0.2; done
  outcome_of outcome "$1" "$2"
  reply outcome "$outcome"
}

# Ends a trial that a dead run has left. The other end is ended first, by the controller: then there is an answer to find out.
takeover() { # IF
  local dir=$TRIALS/$1 run='' now_run='' worker='' now ends
  run_of run "$dir"
  [[ -n $run ]] || return 0
  ! is_session_open "$run" || fail busy "$1 is held by $(held_by "$dir")"
  tick
  ends=$((now + (WINDOW < 60 ? WINDOW * 33 : 2000)))
  # Somebody else's new trial is not what we came for.
  while run_of now_run "$dir" && [[ $now_run == "$run" ]]; do
    settle "$dir" session prepared armed
    if ! is_process_in "$TRIALS/.$run.guard" && ! is_process "$worker"; then
      # Beside, so that an order reaches it.
      set -m
      (end_leftover "$dir") &
      set +m
      process_of worker "$!"
    fi
    tick
    ((now < ends)) || : >"$dir/order"
    ((now < ends + 4000)) || fail stuck "the trial of $1 does not end: look at $dir"
    pause 0.2
  done
  while is_process "$worker"; do pause 0.1; done
}

# A trial without anybody: its session and its guard are dead.
end_leftover() { # DIR
  stop_worker "$1"
  claim "$1"
  move "$1" promised 'doubt'
  if [[ -e $1/doubt ]]; then
    find_out "$1"
  elif [[ -e $1/confirmed ]]; then
    complete "$1"
  elif [[ -e $1/reverting ]]; then
    go_back "$1" session
  elif [[ ! -e $1/armed && ! -e $1/prepared ]]; then
    rm -rf "$INTERFACES_D/.${1##*/}.vxfleet" "$1"
  fi
}
