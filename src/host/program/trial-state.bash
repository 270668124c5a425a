# shellcheck shell=bash
# Part of host.bash. A trial's directory: its state, its run, its deadline and who is at work on it.

# The only way from one state to another. False when somebody else was faster, or the trial is in another state.
move() { # DIR FROM TO
  [[ " $TRANSITIONS " == *" $2>$3 "* && -e $1/$2 ]] && mv -T "$1/$2" "$1/$3" 2>/dev/null
}

run_of() { # VARIABLE DIR
  printf -v "$1" ''
  read_file "$1" "$2/run"
  printf -v "$1" '%s' "${!1%$'\n'}"
}

is_ours() { # DIR
  local run=''
  run_of run "$1"
  [[ $run == "$RUN" ]]
}

# One run may change an interface more than once.
is_trial_of() { # DIR CHANGE
  local change=''
  read_file change "$1/change"
  [[ ${change%$'\n'} == "$2" ]]
}

# The deadline is overwritten in place: on a full /run the longer one must not become an empty one.
set_deadline() { # DIR
  local now
  tick
  printf '%012d\n' "$((now + WINDOW * 100))" 1<>"$1/deadline"
}

is_due() { # DIR
  local now deadline=''
  read_file deadline "$1/deadline"
  tick
  ((now >= 10#${deadline:-0}))
}

# This process is at work on the trial. Who comes later ends it before going another way, and goes on for it when it is dead.
claim() { # DIR
  local process=''
  process_of process "$BASHPID"
  # In place, as the deadline is.
  printf '%-40s\n' "$process" 1<>"$1/by"
}

# Ends whoever is at work on the trial, with what it started: a trial must not come up after it was ended.
stop_worker() { # DIR
  local process=''
  read_file process "$1/by"
  process=${process%%+([[:space:]])}
  [[ ${process%% *} != "$BASHPID" ]] && is_process "$process" || return 0
  kill -KILL -- "-${process%% *}" "${process%% *}" 2>/dev/null
  while is_process "$process"; do pause 0.02; done
}

# Lines for whoever finds the trial: its state, its run, the seconds to its deadline, who is there to end it, and whose it is.
describe_trial() { # DIR
  local run='' deadline='' now who='' state file holder=nobody
  run_of run "$1"
  read_file deadline "$1/deadline"
  read_file who "$1/who"
  tick
  for file in prepared armed promised doubt confirmed reverting dropped; do
    [[ ! -e $1/$file ]] || state=$file
  done
  if is_session_open "$run"; then
    holder=session
  elif is_process_in "$TRIALS/.$run.guard"; then
    holder=guard
  fi
  printf '%s\n%s\n%s\n%s\n%s' "${state:-gone}" "$run" "$(((10#${deadline:-0} - now) / 100))" "$holder" "$who"
}

held_by() { # DIR
  local who='' run=''
  run_of run "$1"
  read_file who "$1/who"
  # Between our look and this it may have come to its end.
  [[ -n $who ]] || { printf 'a run that has just ended'; return; }
  mapfile -t who <<<"$who"
  printf '%s (from %s) since %s: %s, run %s' "${who[0]-}" "${who[1]-}" "${who[2]-}" "${who[3]-}" "$run"
}
