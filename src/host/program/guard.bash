# shellcheck shell=bash
# Part of host.bash. Who may change a tunnel, and who ends what nobody ends.

# One lock a run and host, held by this program alone and gone with it; a trial belongs to the run that is named in it.
take_lock() {
  local file=$TRIALS/.$RUN.lock
  while :; do
    exec 9<>"$file" || return 1
    guard_fault=$(exec flock -w 5 9 2>&1 3>&- 4<&-) || return 1
    # Somebody who swept up may have removed it before it was locked.
    [[ ! $file -ef /proc/self/fd/9 ]] || return 0
  done
}

is_session_open() { # RUN
  local lock held=yes
  [[ -e $TRIALS/.$1.lock ]] && exec {lock}<"$TRIALS/.$1.lock" || return 1
  ! flock -ns "$lock" || held=''
  exec {lock}<&-
  [[ -n $held ]]
}

# Before the first trial: the lock is ours and the guard is there, or nothing begins. Runs in the program itself, not in a job.
stand_guard() {
  [[ -n ${locked-} ]] || { { [[ -d $TRIALS ]] || mkdir -p "$TRIALS"; } && take_lock && locked=yes; } || return 1
  is_process_in "$TRIALS/.$RUN.guard" || start_guard
}

# A service of systemd's is out of reach of whatever ends our session; elsewhere a process that has left it must do.
start_guard() {
  local self='' process=''
  process_of self "$$"
  open_idle
  if [[ -d /run/systemd/system ]] && type -P systemd-run >/dev/null && start_guard_unit "$self"; then return 0; fi
  set -m
  # By exec: of redirections that it may have to undo, bash keeps the old descriptors.
  (exec </dev/null >/dev/null 2>&1 3>&- 4<&- 9>&-; guard "$self") &
  set +m
  process_of process "$!"
  disown "$!"
  printf '%s\n' "$process" >"$TRIALS/.$RUN.guard" && return 0
  stop_guard "$process"
  rm -f "$TRIALS/.$RUN.guard"
  return 1
}

start_guard_unit() { # "PID START" of the program
  local file=$TRIALS/.$RUN.program out rc tries
  printf 'GUARD_OF=%q\n%s\n' "$1" "$PROGRAM" >"$file" || return 1
  # It names no unit type: the text is read when the service starts, which we see by the guard's own file.
  run 10 systemd-run --quiet --collect --unit="vxfleet-$RUN" --description='vxfleet: ends trials nobody confirms' "$BASH" "$file"
  if ((rc == 0)); then
    for ((tries = 0; tries < 250; tries++)); do
      ! is_process_in "$TRIALS/.$RUN.guard" || return 0
      pause 0.02
    done
  fi
  rm -f "$file"
  return 1
}

# With no trial left there is nothing to guard.
dismiss_guard() {
  local dir process=''
  for dir in "$TRIALS"/vxlan*; do
    ! is_ours "$dir" || return 0
  done
  [[ -e $TRIALS/.$RUN.guard || -e $TRIALS/.$RUN.lock ]] || return 0
  read_file process "$TRIALS/.$RUN.guard"
  process=${process%%+([[:space:]])}
  # Before it is told: who is killed in between leaves nothing, for without a trial the guard ends by itself. After: it may only just have come.
  rm -f "$TRIALS/.$RUN.guard" "$TRIALS/.$RUN.lock"
  stop_guard "$process"
  rm -f "$TRIALS/.$RUN.guard" "$TRIALS/.$RUN.lock"
}

# Told until it is gone: one that has just been started is still deaf, and would be left behind.
stop_guard() { # "PID START"
  local signal=TERM tries
  for ((tries = 1; ; tries++)); do
    is_process "$1" || return 0
    kill "-$signal" "${1%% *}"
    pause 0.01
    ((tries < 50)) || signal=KILL
  done
}

# Ends what nobody ends: runs in a process of its own as long as the program lives or a trial of the run is left.
guard() { # "PID START" of the program
  local watched=$1 dir process='' open
  local -A workers=() idle=()
  # The program ignores SIGTERM when it ends, and may start one of us even then.
  trap - TERM
  trap '' HUP INT
  process_of process "$BASHPID"
  printf '%s\n' "$process" >"$TRIALS/.$RUN.guard"
  [[ ! -e $TRIALS/.$RUN.program ]] || rm -f "$TRIALS/.$RUN.program"
  while :; do
    pause 1
    open=''
    for dir in "$TRIALS"/vxlan*; do
      is_ours "$dir" || continue
      open=yes
      tend "$dir"
    done
    [[ -n $open ]] || is_process "$watched" || break
  done
  await "${workers[@]%% *}"
  rm -rf "$TRIALS/.$RUN.guard" "$TRIALS/.$RUN.lock" "$TRIALS"/.vxlan*."$RUN"
}

# One look at a trial, once a second. What takes long runs beside.
tend() { # DIR
  local dir=$1 interface=${1##*/} alone='' outcome=session
  ! is_process "${workers[$interface]-}" || return 0
  if is_process "$watched"; then
    ! is_due "$dir" || { alone=yes outcome=window; }
  else
    alone=yes
  fi
  if [[ -e $dir/confirmed || -e $dir/reverting ]]; then
    # Somebody is at it; when they are dead, or were before they could say so, it is ours.
    if is_process_in "$dir/by" || ((idle[$interface]++ < 2)); then return 0; fi
    if [[ -e $dir/confirmed ]]; then tend_with complete "$dir"; else tend_with go_back "$dir" "$outcome"; fi
    return 0
  fi
  idle[$interface]=0
  [[ -z $alone ]] || ! move "$dir" promised 'doubt' || return 0
  if [[ -e $dir/doubt ]]; then
    tend_with find_out "$dir"
  elif [[ -n $alone ]]; then
    tend_with settle "$dir" "$outcome" prepared armed
  fi
}

tend_with() { # FUNCTION DIR ARGUMENT...
  set -m
  # Who settles claims it after winning the rename, and ends whoever was at it before.
  ([[ $1 == settle ]] || { stop_worker "$2"; claim "$2"; }; "$@") &
  set +m
  process_of "workers[${2##*/}]" "$!"
}

# Removes what killed runs left beside the trials. A trial itself is never swept: it has to be ended.
sweep() {
  local file name run
  local -a waste=()
  for file in "$INTERFACES_D"/.vxlan*.vxfleet "$STORE"/vxlan*/.{staged,found}; do
    name=${file#"$INTERFACES_D/."}
    name=${name#"$STORE/"}
    [[ -e $TRIALS/${name%%[./]*} ]] || waste+=("$file")
  done
  for file in "$STORE"/vxlan*/.record.*; do
    is_session_open "${file##*.record.}" || waste+=("$file")
  done
  for file in "$TRIALS"/.*.lock "$TRIALS"/.*.guard "$TRIALS"/.*.program "$TRIALS"/.vxlan*.*; do
    run=${file##*/.}
    if [[ $run == vxlan* ]]; then run=${run#*.}; else run=${run%.*}; fi
    is_session_open "$run" || is_process_in "$TRIALS/.$run.guard" || waste+=("$file")
  done
  ((${#waste[@]} == 0)) || rm -rf "${waste[@]}"
}
