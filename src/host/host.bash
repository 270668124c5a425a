#!/usr/bin/env bash
# vxfleet's hand on a host. The controller sends this text over one SSH exec and keeps its stdin open for the whole run; nothing is
# installed. Needed: bash, coreutils, util-linux, ip, ping, and classic ifupdown. The protocol, and why it is safe: docs/protocol.md.
#
# The text is read into PROGRAM and run from there; the controller puts these assignments in front of it:
#   NONCE     random word that begins every line of an answer, so that nothing a command prints can be taken for one
#   RUN       the run's random id: a leftover of another run is never mistaken for ours
#   WINDOW    seconds a trial may go on without a word from the controller before this host ends it alone
#   WRITES    `yes` when the run may change something; without it every verb that does is refused
#   OPERATOR, SINCE, COMMAND
#             user@controller, when the run began (UTC) and what it does: for whoever finds its lock or its generations
#
# Commands arrive on stdin, one line each, and may be pipelined; each runs as a job of its own, so answers may overtake each other:
#   SEQ VERB LENGTH ARGUMENT...\n  followed by LENGTH bytes of payload
# An answer is any number of lines "NONCE SEQ KEY VALUE" (a repeated KEY goes on with the same value; in values \\ is a backslash and
# \n a newline), then one "NONCE SEQ ! ok" or "NONCE SEQ ! REASON text". `alive` is a command without an answer: a sign of life.
#
# Verbs that look (IF is a tunnel's interface, vxlanNN):
#   inspect DEVICE          this host's facts; payload: lines for `ip -6 -batch`, one JSON document each in the answer
#   state IF                what the kernel has of IF; payload: `ip -6 -batch` lines as above
#   probe IF SECONDS [diagnose]
#                           payload: lines "KEY SOURCE TARGET BYTES", each pinged until it answers or SECONDS are over; "diagnose"
#                           adds, with one unanswered, what is known of the layers below (neighbours, underlay)
#   route                   payload: lines "KEY SOURCE TARGET": the interface by which the kernel would send each
#   history [IF...]         the heads of the kept records, of all tunnels or of these
#   generation IF NAME      one record, whole
# Verbs that change:
#   prepare IF OLD NEW      take the candidate and prove that a trial can begin and end: validated, room in /run and /etc, guard there.
#                           Payload: OLD bytes that /etc must have now, NEW bytes of the candidate, the record's body; `-` stands for
#                           no file, an OLD of `?` for any. Nothing that runs is touched
#   trial IF                run the prepared candidate instead of what runs now; /etc stays as it is
#   extend IF               start the trial's window anew
#   stage IF DIGEST ROLE MARKER NEW OLD
#                           do all of a confirm that can fail: candidate and record (of that SHA-256) beside their places, on the disk.
#                           ROLE: `decides` (shows the address MARKER once it is confirmed), `incompatible` or `compatible` (promises, and
#                           may have to ask the peer at MARKER, at NEW or OLD; the second if old and new can talk to each other), or
#                           `alone`. `-` stands for no address
#   promise IF              from now on go back only on the controller's word, or when the peer is found on the old end
#   confirm IF              make the candidate the file of /etc, then show the marker
#   revert IF               end the trial: candidate down, what ran before up again; of a trial only prepared, forget it
#   settle IF               wait until the trial has ended, finding out what the peer did if need be, and say how
#   note IF DIGEST          payload: a record's body, kept as a generation of its own: the other end has changed, this one has not
#   takeover IF             end the trial of a run that is gone
#
# A trial lives in /run/vxfleet/IF; its state is the name of one file there. Whoever renames that file first decides.

export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
INTERFACES_D=/etc/network/interfaces.d
TRIALS=/run/vxfleet
STORE=/var/lib/vxfleet
readonly TRANSITIONS='prepared>armed prepared>dropped armed>promised armed>confirmed armed>reverting promised>confirmed promised>reverting promised>doubt doubt>confirmed doubt>reverting confirmed>reverting'
# Generations kept a tunnel end, and as many of what did not become one.
KEEP=20
# An ifup that hangs must leave most of the window for the way back.
UP_SECONDS=$((WINDOW < 3 ? 1 : WINDOW / 3 < 30 ? WINDOW / 3 : 30))
umask 077
shopt -s nullglob extglob

# --- answers ---------------------------------------------------------------------------------------------------------------------

# Lines stay under 1000 bytes: bash writes each in one piece, so that the answers of parallel jobs never tear each other.
reply() { # KEY VALUE
  local value=${2//\\/\\\\} i
  value=${value//$'\n'/\\n}
  for ((i = 0; i < ${#value} || i == 0; i += 800)); do
    printf '%s %s %s %s\n' "$NONCE" "$seq" "$1" "${value:i:800}" >&3
  done
}

# Ends the job with a reason word (read by the controller) and one line of text (read by a person).
fail() { # REASON TEXT
  local text=${2//$'\n'/; }
  printf '%s %s ! %s %s\n' "$NONCE" "$seq" "$1" "${text:0:800}" >&3
  exit 1
}

# Runs a command that may hang, apart from the session's descriptors. Its stdout and stderr end up in $out, its status in $rc.
run() { # SECONDS COMMAND...
  out=$(timeout -k 5 "$1" "${@:2}" 2>&1 </dev/null 3>&- 4<&- 9>&-)
  rc=$?
}

# The same for ifup and ifdown, whose stanzas start programs of their own: these would keep the pipe open, and the whole group, which
# ifup leads itself, ends with it.
run_ifupdown() { # SECONDS ifup|ifdown ARGUMENT...
  local output pid part='' now ends status
  exec {output}< <(exec "${@:2}" 2>&1 </dev/null 3>&- 4<&- 9>&-)
  pid=$!
  out=''
  tick
  ends=$((now + $1 * 100))
  while ((now < ends)); do
    IFS= read -rd '' -t "$(((ends - now + 99) / 100))" -u "$output" part
    status=$?
    out+=$part
    # Above 128 its time is over, or the clock was set.
    ((status > 128)) || break
    tick
  done
  exec {output}<&-
  out=${out%%+($'\n')}
  if kill -0 "$pid" 2>/dev/null && ((status > 128)); then
    kill -KILL -- "-$pid" "$pid" 2>/dev/null
    out="no end after $1 s: killed"$'\n'$out
  fi
  wait "$pid"
  rc=$?
}

# The payload's queries, one JSON document each on a line of its own; a query that fails (no such device) leaves none.
ask_kernel() {
  out=$(timeout -k 5 20 ip -6 -N -j -force -batch - 2>/dev/null <<<"$payload" 3>&- 4<&-)
}

read_file() { # VARIABLE FILE
  IFS= read -rd '' "$1" 2>/dev/null <"$2" || true
}

# The kernel's clock in hundredths of a second, into $now: nobody can set it, and bash's SECONDS and EPOCHREALTIME follow the one that
# can be set. (proc_uptime(5))
tick() {
  local up
  read -r up _ </proc/uptime
  now=$((10#${up/./}))
}

pause() { # SECONDS, without a process
  read -rt "$1" <> <(:)
}

# --- processes -------------------------------------------------------------------------------------------------------------------

# "PID START" of a process: the start time (proc_pid_stat(5), field 22) tells it from another that gets its number later. Empty when
# there is none, or only a dead one that nobody has collected.
process_of() { # VARIABLE PID
  local text='' words
  read_file text "/proc/$2/stat"
  read -ra words <<<"${text##*) }"
  [[ ${words[0]-} != Z ]] || words=()
  printf -v "$1" '%s' "${words[19]:+$2 ${words[19]}}"
}

is_process() { # "PID START"
  local same=''
  [[ -n $1 ]] && process_of same "${1%% *}" && [[ $same == "$1" ]]
}

is_process_in() { # FILE
  local process=''
  read_file process "$1"
  is_process "${process%%+([[:space:]])}"
}

# --- inspect ---------------------------------------------------------------------------------------------------------------------

inspect() { # DEVICE
  local device=$1 text file
  [[ $WRITES != yes ]] || sweep
  reply uid "$EUID"
  reply ssh "${SSH_CONNECTION-}"
  if type -P ifup >/dev/null && type -P ifdown >/dev/null; then
    run 10 ifup --version
    reply ifupdown "${out%%$'\n'*}"
  fi
  reply missing "$(for file in ip ping timeout ifquery sync flock; do type -P "$file" >/dev/null || printf '%s ' "$file"; done)"
  sources_interfaces_d && reply sources yes
  # A device that is made by its own stanza (bond, VLAN, bridge) must be made before the tunnels are.
  [[ -n $device && ! -e /sys/class/net/$device/device ]] && is_defined_after_source "$device" && reply late_device yes
  [[ -w $INTERFACES_D ]] && reply writable_etc yes
  [[ -w /run ]] && reply writable_run yes
  if [[ -n $device && -r /sys/class/net/$device/mtu ]]; then
    read_file text "/sys/class/net/$device/mtu"
    reply device_mtu "${text%$'\n'}"
  fi
  read_file text /proc/sys/net/ipv6/conf/all/forwarding
  reply forwarding "${text%$'\n'}"
  if [[ -n ${SSH_CONNECTION-} ]]; then
    run 10 ip -j route get "${SSH_CONNECTION%% *}"
    reply management "$out"
  fi
  # Whoever else defines a tunnel's interface: file:line:text.
  run 10 grep -HnE '^[[:space:]]*iface[[:space:]]+vxlan' /etc/network/interfaces "$INTERFACES_D"/*
  reply stanzas "$out"
  for file in "$INTERFACES_D"/vxlan*; do
    [[ -f $file ]] || continue
    read_file text "$file"
    reply "file:${file##*/}" "$text"
  done
  run 10 sha256sum "$INTERFACES_D"/vxlan*
  reply digests "$out"
  read_file text /run/network/ifstate
  reply ifstate "$text"
  for file in "$TRIALS"/vxlan*; do
    reply "trial:${file##*/}" "$(describe_trial "$file")"
  done
  run 20 ip -j -d addr show type vxlan
  reply links "$out"
  ask_kernel
  reply network "$out"
}

# Does /etc/network/interfaces read interfaces.d? (interfaces(5): source takes a shell pattern, source-directory a directory)
sources_interfaces_d() {
  local word pattern rest
  while read -r word pattern rest; do
    [[ $pattern == /* ]] || pattern=/etc/network/$pattern
    # shellcheck disable=SC2053 # the right side is a pattern on purpose
    case $word in
      source) [[ $INTERFACES_D/vxlan01 == $pattern ]] && return 0 ;;
      source-directory) [[ ${pattern%/} == "$INTERFACES_D" ]] && return 0 ;;
    esac
  done </etc/network/interfaces 2>/dev/null
  return 1
}

# Does `auto DEVICE` stand behind the line that reads interfaces.d? ifup -a goes in the order of the lines.
is_defined_after_source() { # DEVICE
  local word pattern rest sourced=''
  while read -r word pattern rest; do
    case $word in
      source | source-directory) [[ $pattern == *interfaces.d* ]] && sourced=yes ;;
      auto | allow-*) [[ " $pattern $rest " == *" $1 "* ]] && { [[ -n $sourced ]]; return; } ;;
    esac
  done </etc/network/interfaces 2>/dev/null
  return 1
}

# --- the kernel's word -----------------------------------------------------------------------------------------------------------

exists() { [[ -e /sys/class/net/$1 ]]; } # IF

state() { # IF
  local link=''
  if exists "$1"; then
    run 10 ip -j -d addr show dev "$1"
    ((rc == 0)) && link=$out
  fi
  reply links "$link"
  ask_kernel
  reply network "$out"
}

# Down by the given file (-i FILE) or by /etc, whatever ifupdown remembers; then the link is gone, or we say so.
# --force: after a failed ifup the state is cleared and plain ifdown would do nothing. A stale pid file is removed because
# ifdown would signal the process group of that number. (field-notes 1.4)
take_down() { # IF [-i FILE]
  local interface=$1
  shift
  drop_stale_pid "/run/network/ifup-$interface.pid"
  run_ifupdown "$UP_SECONDS" ifdown --force "$@" "$interface"
  exists "$interface" || return 0
  run 10 ip link del dev "$interface"
  ! exists "$interface"
}

# Ends an ifup that still runs, with its process group, which it leads itself.
stop_ifup() { # IF
  local pid='' name=''
  read_file pid "/run/network/ifup-$1.pid"
  read_file name "/proc/${pid%$'\n'}/comm"
  [[ $name != ifup* ]] || kill -KILL -- "-${pid%$'\n'}" 2>/dev/null
}

drop_stale_pid() { # FILE
  local pid='' name=''
  [[ -e $1 ]] || return 0
  read_file pid "$1"
  read_file name "/proc/${pid%$'\n'}/comm"
  [[ $name == ifup* ]] || rm -f "$1"
}

# Up by the given file or by /etc.
bring_up() { # IF [-i FILE]
  local interface=$1
  shift
  run_ifupdown "$UP_SECONDS" ifup "$@" "$interface"
  ((rc == 0)) && exists "$interface"
}

# --- a trial's place -------------------------------------------------------------------------------------------------------------

# The only way from one state to another. False when somebody else was faster, or the trial is in another state.
move() { # DIR FROM TO
  [[ " $TRANSITIONS " == *" $2>$3 "* && -e $1/$2 ]] && mv -T "$1/$2" "$1/$3" 2>/dev/null
}

run_of() { # VARIABLE DIR
  read_file "$1" "$2/run"
  printf -v "$1" '%s' "${!1%$'\n'}"
}

is_ours() { # DIR
  local run=''
  run_of run "$1"
  [[ $run == "$RUN" ]]
}

# The deadline is overwritten in place: on a full /run the longer one must not become an empty one.
set_deadline() { # DIR
  local now
  tick
  printf '%012d\n' "$((now + WINDOW * 100))" 1<>"$1/deadline"
}

is_due() { # DIR [HUNDREDTHS_OF_A_SECOND_LATER]
  local now deadline=''
  read_file deadline "$1/deadline"
  tick
  ((now >= 10#${deadline:-0} + ${2:-0}))
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
  mapfile -t who <<<"$who"
  printf '%s (from %s) since %s: %s, run %s' "${who[0]-}" "${who[1]-}" "${who[2]-}" "${who[3]-}" "$run"
}

# --- the run's lock and its guard ------------------------------------------------------------------------------------------------

# One lock a run and host, held by this program alone and gone with it; a trial belongs to the run that is named in it.
take_lock() {
  local file=$TRIALS/.$RUN.lock
  while :; do
    exec 9<>"$file" && flock -w 5 9 || return 1
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
  [[ -n ${locked-} ]] || { mkdir -p "$TRIALS" && take_lock && locked=yes; } || return 1
  is_process_in "$TRIALS/.$RUN.guard" || start_guard
}

# A service of systemd's is out of reach of whatever ends our session; elsewhere a process that has left it must do.
start_guard() {
  local self='' process=''
  process_of self "$$"
  if [[ -d /run/systemd/system ]] && type -P systemd-run >/dev/null && start_guard_unit "$self"; then return 0; fi
  set -m
  # By exec: of redirections that it may have to undo, bash keeps the old descriptors.
  (exec </dev/null >/dev/null 2>&1 3>&- 4<&- 9>&-; guard "$self") &
  set +m
  process_of process "$!"
  disown "$!"
  printf '%s\n' "$process" >"$TRIALS/.$RUN.guard" && return 0
  kill "$!"
  rm -f "$TRIALS/.$RUN.guard"
  return 1
}

start_guard_unit() { # "PID START" of the program
  local file=$TRIALS/.$RUN.program out rc tries
  printf 'GUARD_OF=%q\n%s\n' "$1" "$PROGRAM" >"$file" || return 1
  # It names no unit type: the text is read when the service starts, which we see by the guard's own file.
  run 10 systemd-run --quiet --collect --unit="vxfleet-$RUN" --description='vxfleet: ends trials nobody confirms' bash "$file"
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
  ! is_process "$process" || kill "${process%% *}"
  rm -f "$TRIALS/.$RUN.guard" "$TRIALS/.$RUN.lock"
}

# Ends what nobody ends: runs in a process of its own as long as the program lives or a trial of the run is left.
guard() { # "PID START" of the program
  local watched=$1 dir process='' open
  local -A workers=() idle=()
  trap '' HUP INT
  process_of process "$BASHPID"
  printf '%s\n' "$process" >"$TRIALS/.$RUN.guard"
  rm -f "$TRIALS/.$RUN.program"
  exec 5<> <(:)
  while :; do
    read -rt 1 -u 5
    open=''
    for dir in "$TRIALS"/vxlan*; do
      is_ours "$dir" || continue
      open=yes
      tend "$dir"
    done
    [[ -n $open ]] || is_process "$watched" || break
  done
  wait
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
  (claim "$2"; "$@") 5<&- &
  set +m
  process_of "workers[${2##*/}]" "$!"
}

# Removes what killed runs left beside the trials. A trial itself is never swept: it has to be ended.
sweep() {
  local file name run
  local -a waste=()
  for file in "$INTERFACES_D"/.vxlan*.vxfleet "$STORE"/vxlan*/.staged; do
    name=${file#"$INTERFACES_D/."}
    name=${name#"$STORE/"}
    [[ -e $TRIALS/${name%%[./]*} ]] || waste+=("$file")
  done
  for file in "$TRIALS"/.*.lock "$TRIALS"/.*.guard "$TRIALS"/.*.program "$TRIALS"/.vxlan*.*; do
    run=${file##*/.}
    if [[ $run == vxlan* ]]; then run=${run#*.}; else run=${run%.*}; fi
    is_session_open "$run" || is_process_in "$TRIALS/.$run.guard" || waste+=("$file")
  done
  ((${#waste[@]} == 0)) || rm -rf "${waste[@]}"
}

# --- records ---------------------------------------------------------------------------------------------------------------------

GENERATION_HEADER='vxfleet generation 1'
# Outcomes that are generations are confirmed and found: [cf]o*. The rest say how a trial ended instead: reverted, window, session, peer.

next_sequence() { # VARIABLE STORE_OF_IF
  local -a names=("$2"/[0-9]*)
  local last=${names[*]: -1}
  last=${last##*/}
  last=${last:-0}
  printf -v "$1" '%06d' "$((10#${last%%.*} + 1))"
}

# Writes a record to the disk under a name that no reader takes for one.
write_record() { # FILE OUTCOME BODY
  mkdir -p "${1%/*}" && printf '%s\noutcome %s\n%s' "$GENERATION_HEADER" "$2" "$3" >"$1" && sync "$1" && return 0
  rm -f "$1"
  return 1
} 2>/dev/null

# Keeps a record whose digest nobody has computed yet.
keep_record() { # IF OUTCOME BODY
  local store=$STORE/$1 sequence out rc
  write_record "$store/.record" "$2" "$3" || return 1
  run 10 sha256sum "$store/.record"
  next_sequence sequence "$store"
  mv -T "$store/.record" "$store/$sequence.$2.${out%% *}"
}

# The file in /etc, if it is not what our last generation left there: somebody else's, or edited. A rollback must find it again.
keep_found() { # IF BODY
  local interface=$1 live=$INTERFACES_D/$1 head text='' last='' line body="run before-$RUN"$'\n'
  local -a names=("$STORE/$1"/[0-9]*.[cf]o*)
  ((${#names[@]} == 0)) || read_file last "${names[${#names[@]} - 1]}"
  if [[ ! -e $live ]]; then
    [[ -n $last && $last != *$'\nfile absent\n\n' ]] || return 0
  else
    read_file text "$live"
    [[ $last != *$'\nfile present\n\n'* || ${last#*$'\nfile present\n\n'} != "$text" ]] || return 0
  fi
  head=${2%%$'\n\n'*}
  while IFS= read -r line; do
    [[ $line != @(time|spoke|end)\ * ]] || body+=$line$'\n'
  done <<<"$head"
  body+=$'operator -\ncommand -\nplan -\n'
  if [[ -e $live ]]; then body+=$'file present\n\n'$text; else body+=$'file absent\n\n'; fi
  keep_record "$interface" found "$body"
}

# The oldest go. Generations and the rest are counted apart: many failures must not push a way back out.
forget_oldest() { # IF
  local -a generations=("$STORE/$1"/[0-9]*.[cf]o*) others=("$STORE/$1"/[0-9]*.[rwsp][ei]*) oldest=()
  ((${#generations[@]} < KEEP)) || oldest+=("${generations[@]:0:${#generations[@]} - KEEP + 1}")
  ((${#others[@]} < KEEP)) || oldest+=("${others[@]:0:${#others[@]} - KEEP + 1}")
  ((${#oldest[@]} == 0)) || rm -f "${oldest[@]}"
}

# How the trial of a run ended, one of the outcomes; empty when nothing is known of it.
outcome_of() { # VARIABLE IF RUN
  local -a names=("$STORE/$2"/[0-9]*)
  local index head='' name
  printf -v "$1" ''
  for ((index = ${#names[@]} - 1; index >= 0; index--)); do
    read_file head "${names[index]}"
    [[ ${head%%$'\n\n'*} == *$'\n'"run $3"$'\n'* ]] || continue
    name=${names[index]##*/}
    name=${name#*.}
    printf -v "$1" '%s' "${name%%.*}"
    return 0
  done
}

history_of() { # [IF...]
  local file line head
  local -a files=() bad
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
  if ! { keep_found "$1" "$payload" && forget_oldest "$1" && write_record "$store/.record" confirmed "$payload" && next_sequence sequence "$store" &&
    mv -T "$store/.record" "$store/$sequence.confirmed.$2"; }; then
    fail store "cannot keep the generation in $store: is /var full or read-only?"
  fi
}

# --- trial, confirm, revert ------------------------------------------------------------------------------------------------------

prepare() { # IF OLD NEW
  local interface=$1 dir=$TRIALS/.$1.$RUN live=$INTERFACES_D/$1 problem text=''
  local old_bytes=${2/[-?]/0} new_bytes=${3/-/0}
  local old=${payload:0:old_bytes} new=${payload:old_bytes:new_bytes} body=${payload:old_bytes + new_bytes}
  [[ $guarded == yes ]] || fail refused "cannot begin a trial: is /run full or read-only?"
  [[ ! -e $TRIALS/$interface ]] || fail busy "$interface is held by $(held_by "$TRIALS/$interface")"
  # What was planned is right only for what was seen.
  [[ ! -e $live ]] || read_file text "$live"
  if [[ ($2 == - && -e $live) || ($2 != [-?] && (! -e $live || $text != "$old")) ]]; then
    fail changed "$live has changed since it was looked at"
  fi
  mkdir "$dir" 2>/dev/null || fail refused "cannot create $dir: is /run full or read-only?"
  if ! { printf '%s\n' "$RUN" >"$dir/run" && printf '%s\n' "$OPERATOR" "${SSH_CONNECTION%% *}" "$SINCE" "$COMMAND" >"$dir/who" &&
    printf '%s' "$body" >"$dir/body" && mkdir "$dir/empty" && { [[ $3 == - ]] || printf '%s' "$new" >"$dir/new"; } && printf '%012d\n' 0 >"$dir/deadline"; }; then
    rm -rf "$dir"
    fail refused "cannot write to $dir: is /run full?"
  fi
  # Prove now that /etc can take the file later. A name with a dot is read by no form of source.
  if ! printf '%s' "$new" >"$INTERFACES_D/.$interface.vxfleet"; then
    rm -rf "$dir" "$INTERFACES_D/.$interface.vxfleet"
    fail refused "cannot write to $INTERFACES_D: is /etc full or read-only?"
  fi
  rm -f "$INTERFACES_D/.$interface.vxfleet"
  [[ $3 == - ]] || problem=$(candidate_problem "$interface" "$dir") || { rm -rf "$dir"; fail invalid "$problem"; }

  set_deadline "$dir"
  # Only what has a file can be brought up again.
  if ! { { ! exists "$interface" || [[ ! -e $live ]] || : >"$dir/was_up"; } && claim "$dir" && : >"$dir/prepared"; }; then
    rm -rf "$dir"
    fail refused "cannot write to $dir: is /run full?"
  fi
  # It gets its name when it is complete, so that nobody ever sees half of one; a name is given once.
  if ! mv -T "$dir" "$TRIALS/$interface" 2>/dev/null; then
    rm -rf "$dir"
    fail busy "$interface is held by $(held_by "$TRIALS/$interface")"
  fi
}

# Prints why ifupdown would not take the candidate. `ifup -n` alone misses an empty option, ifquery alone a missing address. (1.6)
candidate_problem() { # IF DIR
  run 10 ifquery -i "$2/new" "$1"
  if ((rc != 0)) || [[ $'\n'$out == *$'\n'ifquery:* ]]; then
    printf 'ifquery: %s' "$out"
    return 1
  fi
  run 10 ifup -n -i "$2/new" --state-dir "$2/empty" "$1"
  if ((rc != 0)) || [[ $'\n'$out == *$'\n'ifup:* ]]; then
    printf 'ifup -n: %s' "$out"
    return 1
  fi
}

trial() { # IF
  local interface=$1 dir=$TRIALS/$1 now started up=0
  { is_ours "$dir" && claim "$dir" && set_deadline "$dir" && move "$dir" prepared armed; } || late "$interface"
  tick
  started=$now
  if [[ -e $INTERFACES_D/$interface || -e $dir/was_up ]] && ! take_down "$interface"; then
    reply output "$out"
    fail stuck "$interface is still there after ifdown and ip link del"
  fi
  if [[ -e $dir/new ]]; then
    bring_up "$interface" -i "$dir/new"
    up=$?
  fi
  tick
  reply down_ms "$(((now - started) * 10))"
  reply output "$out"
  ((up == 0)) || fail ifup "ifup failed with status $rc"
}

# No trial of this run can take the step: says what became of it instead. Ends the job.
late() { # IF
  local outcome=''
  if is_ours "$TRIALS/$1"; then
    [[ ! -e $TRIALS/$1/doubt ]] || fail late "too late: this host is finding out what the other end of $1 did"
    fail late "too late: the trial of $1 is being ended"
  fi
  outcome_of outcome "$1" "$RUN"
  case $outcome in
    window) fail late "too late: the window of $1 was over, and this host put the old end back" ;;
    session) fail late "too late: the session was gone, and this host put the old end of $1 back" ;;
    peer) fail late "too late: the other end of $1 was found on the old one, and this host put it back too" ;;
    confirmed) fail late "the trial of $1 is confirmed already" ;;
    *) fail late "no trial of this run is open on $1" ;;
  esac
}

extend() { # IF
  local dir=$TRIALS/$1
  { is_ours "$dir" && [[ -e $dir/armed ]] && set_deadline "$dir" && [[ -e $dir/armed ]]; } || late "$1"
}

# Beside its place, under a name with a dot, which no form of source reads.
stage() { # IF DIGEST ROLE MARKER NEW OLD
  local interface=$1 dir=$TRIALS/$1 temp=$INTERFACES_D/.$1.vxfleet store=$STORE/$1 body='' sequence out rc
  { is_ours "$dir" && [[ -e $dir/armed ]]; } || late "$interface"
  read_file body "$dir/body"
  if ! { keep_found "$interface" "$body" && forget_oldest "$interface" && write_record "$store/.staged" confirmed "$body"; }; then
    fail store "cannot keep the generation in $store: is /var full or read-only?"
  fi
  next_sequence sequence "$store"
  if [[ -e $dir/new ]] && ! { cat "$dir/new" >"$temp" && chmod 0644 "$temp" && sync "$temp"; } 2>/dev/null 3>&-; then
    rm -f "$temp"
    fail full "cannot write $temp: is /etc full or read-only?"
  fi
  { printf '%s\n' "${@:3}" >"$dir/peer" && printf '%s\n' "$sequence.confirmed.$2" >"$dir/staged"; } || fail full "cannot write to $dir: is /run full?"
  # Whoever ends a trial renames `armed` before it removes the file: one of us two sees the other.
  if [[ ! -e $dir/armed ]]; then
    rm -f "$temp" "$store/.staged"
    late "$interface"
  fi
}

promise() { # IF
  local dir=$TRIALS/$1
  # A full disk takes the rename, one that has become read-only does not.
  [[ -w $INTERFACES_D && -w $STORE/$1 ]] || fail full "$INTERFACES_D or $STORE has become read-only"
  { is_ours "$dir" && [[ -e $dir/staged ]] && set_deadline "$dir" && move "$dir" armed promised; } || late "$1"
}

confirm() { # IF
  local interface=$1 dir=$TRIALS/$1 outcome=''
  if ! is_ours "$dir"; then
    outcome_of outcome "$interface" "$RUN"
    # Said twice is said once.
    [[ $outcome != confirmed ]] || return 0
    late "$interface"
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
  elif stop_worker "$dir" && move "$dir" 'doubt' confirmed; then
    # The controller has found a way back to us and knows what the peer did: no need to find out.
    claim "$dir"
    run_new "$dir"
    complete "$dir" || fail pending "$interface runs the new end, but the host cannot write it to $INTERFACES_D: it tries again every second"
  else
    late "$interface"
  fi
}

# Only now, when it is the file of /etc: says to the hub that we have decided. The kernel takes it away again by itself.
show_marker() { # DIR
  local peer=''
  read_file peer "$1/peer"
  mapfile -t peer <<<"$peer"
  [[ ${peer[0]-} != decides ]] || run 5 ip -6 addr replace "${peer[1]}/64" dev "${1##*/}" nodad valid_lft "$((WINDOW * 2))" preferred_lft 0
}

# All that is left once the decision is made; may be repeated until it succeeds.
complete() { # DIR
  local dir=$1 interface=${1##*/} name=''
  local temp=$INTERFACES_D/.$interface.vxfleet store=$STORE/$interface
  read_file name "$dir/staged"
  if [[ ! -e $dir/new ]]; then
    rm -f "$INTERFACES_D/$interface" 2>/dev/null || return 1
  elif [[ -e $temp ]]; then
    mv -T "$temp" "$INTERFACES_D/$interface" 2>/dev/null || return 1
  fi
  [[ ! -e $store/.staged ]] || mv -T "$store/.staged" "$store/${name%$'\n'}"
  sync "$INTERFACES_D" "$store"
  show_marker "$dir"
  rm -rf "$dir"
}

revert() { # IF
  local dir=$TRIALS/$1
  is_ours "$dir" || late "$1"
  settle "$dir" reverted prepared armed promised 'doubt'
  reply output "$out"
  ((settled == 0)) || fail stuck "what ran before on $1 did not come up again: ${out:-no output}"
}

# Ends a trial that is in one of these states by going back. Only one caller gets past the rename.
settle() { # DIR OUTCOME FROM...
  local dir=$1 outcome=$2 from
  settled=0 out=''
  for from in "${@:3}"; do
    if [[ $from == prepared ]]; then
      ! move "$dir" prepared dropped || { rm -rf "$dir"; return 0; }
    elif move "$dir" "$from" reverting; then
      go_back "$dir" "$outcome"
      return 0
    fi
  done
}

# The way back; may be repeated.
go_back() { # DIR OUTCOME
  local dir=$1 interface=${1##*/} body='' tries
  settled=0
  stop_worker "$dir"
  claim "$dir"
  rm -f "$INTERFACES_D/.$interface.vxfleet" "$STORE/$interface/.staged"
  stop_ifup "$interface"
  if [[ ! -e $dir/runs_old ]]; then
    take_down_new "$dir" || settled=1
    # An ifup that fails or is killed here is not left at that.
    for tries in 1 2 3; do
      [[ -e $dir/was_up ]] || break
      ((tries == 1)) || { settled=0; pause 1; take_down "$interface" || settled=1; }
      bring_up "$interface" && break
      settled=1
    done
  fi
  read_file body "$dir/body"
  local said=$out
  # What cannot be recorded (a full /var) is put back all the same.
  keep_record "$interface" "$2" "$body"
  out=$said
  rm -rf "$dir"
}

take_down_new() { # DIR
  if [[ -e $1/new ]]; then take_down "${1##*/}" -i "$1/new"; else take_down "${1##*/}"; fi
}

# --- the hub in doubt ------------------------------------------------------------------------------------------------------------

# The controller or its session is gone, and it may have confirmed the peer. Silence decides nothing. (docs/protocol.md)
find_out() { # DIR
  local dir=$1 peer role marker new_peer old_peer answered wait=1
  read_file peer "$dir/peer"
  mapfile -t peer <<<"$peer"
  role=${peer[0]-} marker=${peer[1]-} new_peer=${peer[2]-} old_peer=${peer[3]-}
  while [[ -e $dir/doubt && ! -e $dir/order ]]; do
    answered=''
    if [[ -e $dir/new ]]; then
      run_new "$dir"
      ask "$dir" "$marker" "$new_peer"
      if [[ $answered == marker ]]; then
        keep_new "$dir"
        return
      fi
    fi
    if ! may_decide "$dir" "$answered"; then
      pause 1
      continue
    fi
    if [[ ! -e $dir/new || ! -e $dir/was_up || $old_peer == - ]]; then
      # One of the two ends cannot be asked.
      if [[ -n $answered ]]; then keep_new "$dir"; else settle "$dir" peer 'doubt'; fi
      return
    fi
    if [[ $role == compatible ]]; then
      # Old and new can talk to each other, so that an answer on the old end would say nothing.
      if [[ -n $answered ]]; then settle "$dir" peer 'doubt'; return; fi
    else
      find_out_on_old "$dir" "$answered" && return
    fi
    pause "$wait"
    wait=$((wait < 15 ? wait * 2 : 30))
  done
  settle "$dir" peer 'doubt'
}

# A peer that answers on the new end without the marker may still decide; and half a window after its deadline it is surely done with
# going back, so that an answer is an answer. When one of the two ends cannot be asked, silence has to last as long.
may_decide() { # DIR ANSWERED
  [[ -z $2 && $role == incompatible && -e $1/new && -e $1/was_up && $old_peer != - ]] || is_due "$1" "$((WINDOW * 50))"
}

find_out_on_old() { # DIR ANSWERED_ON_NEW
  local dir=$1 answered=''
  run_old "$dir"
  ask "$dir" "$marker" "$old_peer"
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
ask() { # DIR MARKER PEER
  local interface=${1##*/}
  ping_peer "$interface" "$2%$interface" &
  local first=$!
  ping_peer "$interface" "$3" &
  local second=$!
  ! wait "$second" || answered=peer
  ! wait "$first" || answered=marker
}

ping_peer() { # IF ADDRESS
  timeout 5 ping -6 -n -q -c 1 -i 0.5 -w 3 -I "$1" "$2" >/dev/null 2>&1
}

# `left_new` says that the new end may be down, `runs_old` that the old one is up.
run_new() { # DIR
  [[ -e $1/left_new ]] || return 0
  rm -f "$1/runs_old"
  take_down "${1##*/}"
  bring_up "${1##*/}" -i "$1/new"
  rm -f "$1/left_new"
}

run_old() { # DIR
  [[ ! -e $1/runs_old ]] || return 0
  : >"$1/left_new"
  take_down_new "$1"
  bring_up "${1##*/}"
  : >"$1/runs_old"
}

# Waits until the trial has ended and says how.
settled_as() { # IF
  local dir=$TRIALS/$1 outcome=''
  ! is_ours "$dir" || move "$dir" promised 'doubt'
  while is_ours "$dir"; do pause 0.2; done
  outcome_of outcome "$1" "$RUN"
  reply outcome "$outcome"
}

# Ends a trial that a dead run has left. The other end is ended first, by the controller: then there is an answer to find out.
takeover() { # IF
  local dir=$TRIALS/$1 run='' now ends
  run_of run "$dir"
  [[ -n $run ]] || return 0
  ! is_session_open "$run" || fail busy "$1 is held by $(held_by "$dir")"
  tick
  ends=$((now + (WINDOW < 60 ? WINDOW * 33 : 2000)))
  while [[ -e $dir ]]; do
    settle "$dir" session prepared armed
    if ! is_process_in "$TRIALS/.$run.guard"; then
      RUN=$run
      end_leftover "$dir"
    fi
    tick
    ((now < ends)) || : >"$dir/order"
    ((now < ends + 4000)) || fail stuck "the trial of $1 does not end: look at $dir"
    pause 0.2
  done
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
    rm -rf "$1"
  fi
}

# --- probe -----------------------------------------------------------------------------------------------------------------------

probe() { # IF SECONDS [diagnose]
  local interface=$1 seconds=$2 key status silent='' answers before=0 after=0
  local counter=/sys/class/net/$interface/statistics/rx_packets
  read_file before "$counter"
  answers=$(
    while read -r key source target bytes; do
      printf '%s %s\n' "$key" "$(ping_until "$seconds" "$source" "$target" "$bytes")" &
    done <<<"${payload%$'\n'}"
    wait
  ) 3>&- 4<&-
  reply pings "$answers"
  read_file after "$counter"
  reply received "$((after - before))"
  while read -r key status _; do
    [[ $status == 0 ]] || silent+=" $key"
  done <<<"$answers"
  if [[ -n $silent && ${3-} == diagnose ]]; then below "$interface" "$silent "; fi
}

# Prints ping's status and its output as one line. ping waits for its first answer; one that ends early (an ICMP error, an address
# that is not there yet) is started again until the time is over. 48 bytes of the packet are the IPv6 and ICMPv6 headers; -M do
# never fragments.
ping_until() { # SECONDS SOURCE TARGET BYTES
  local now ends left text='' status=1
  tick
  ends=$((now + $1 * 100))
  while ((status != 0 && (left = (ends - now + 99) / 100) > 0)); do
    text=$(ping -6 -n -q -c 1 -i 0.2 -w "$left" -M 'do' -s "$(($4 - 48))" -I "$2" "$3" 2>&1 </dev/null)
    status=$?
    ((status == 0)) || pause 0.2
    tick
  done
  printf '%s %s' "$status" "${text//$'\n'/ | }"
}

# What the layers below say, for the diagnosis: neighbours and the underlay. And whether a small packet would pass.
below() { # IF KEYS
  local key source target bytes remote=''
  run 5 ip -j -6 neigh show dev "$1"
  reply neighbours "$out"
  run 5 ip -j -d link show dev "$1"
  [[ $out =~ \"remote\":\"([0-9.]+)\" ]] && remote=${BASH_REMATCH[1]}
  if [[ -n $remote ]]; then
    run 5 ip -j route get "$remote"
    reply underlay_route "$out"
    run 5 ping -4 -n -q -c 1 -W 1 "$remote"
    # shellcheck disable=SC2031 # run sets rc here, in this shell
    reply underlay_ping "$rc"
  fi
  reply small "$(
    while read -r key source target bytes; do
      [[ $2 == *" $key "* ]] || continue
      ping -6 -n -q -c 2 -i 0.2 -W 1 -I "$source" "$target" >/dev/null 2>&1 </dev/null 3>&- && printf '%s ' "$key"
    done <<<"${payload%$'\n'}"
  )"
}

route() {
  local key source target
  while read -r key source target; do
    run 5 ip -6 -j route get "$target" from "$source"
    reply "$key" "$out"
  done <<<"${payload%$'\n'}"
}

# --- the session -----------------------------------------------------------------------------------------------------------------

job() { # SEQ VERB ARGUMENT...
  seq=$1
  if [[ $2 == @(prepare|trial|extend|stage|promise|confirm|revert|settle|note|takeover) && $WRITES != yes ]]; then
    fail protocol "$2 in a run that changes nothing"
  fi
  case $2 in
    inspect) inspect "$3" ;;
    state) state "$3" ;;
    probe) probe "$3" "$4" "${5-}" ;;
    route) route ;;
    history) history_of "${@:3}" ;;
    generation) generation "$3" "$4" ;;
    prepare) prepare "$3" "$4" "$5" ;;
    trial) trial "$3" ;;
    extend) extend "$3" ;;
    stage) stage "${@:3}" ;;
    promise) promise "$3" ;;
    confirm) confirm "$3" ;;
    revert) revert "$3" ;;
    settle) settled_as "$3" ;;
    note) note "$3" "$4" ;;
    takeover) takeover "$3" ;;
    *) fail protocol "unknown command $2" ;;
  esac
  printf '%s %s ! ok\n' "$NONCE" "$seq" >&3
}

# No more commands will come: nobody waits for questions any more; let changes end, then take back every trial nobody confirmed. A
# second session of the same run began no trial and ends none.
end_session() {
  # A signal arrives while `IFS= read` waits, and finds that one.
  local dir pid IFS=$' \t\n'
  trap '' TERM INT
  for pid in $(jobs -pr); do
    [[ -z ${asks[$pid]-} ]] || kill -TERM -- "-$pid" 2>/dev/null
  done
  if [[ -n ${locked-} ]]; then
    # A trial that is under way is not waited for either: without its ifup it ends, and is then taken back.
    for dir in "$TRIALS"/vxlan*; do
      if is_ours "$dir"; then stop_ifup "${dir##*/}"; fi
    done
    wait
    for dir in "$TRIALS"/vxlan*; do
      is_ours "$dir" || continue
      # In doubt it is the guard's.
      move "$dir" promised 'doubt' || settle "$dir" session prepared armed &
    done
    wait
  fi
  # Also what a killed program of this run has left.
  if [[ -n ${locked-} ]] || ! is_session_open "$RUN"; then dismiss_guard; fi
  exit 0
}

# The next command into $line. Whoever says nothing for a whole window is gone, whatever TCP still believes.
read_line() {
  local part='' now ends status
  line=''
  tick
  ends=$((now + WINDOW * 100))
  while :; do
    IFS= read -rt "$WINDOW" -u 4 part
    status=$?
    line+=$part
    ((status != 0)) || return 0
    tick
    # bash measures by the clock that can be set: a step of it is not a silence.
    ((status > 128 && now < ends)) || return 1
  done
}

# What follows the line into $payload.
read_payload() { # BYTES
  local part='' now ends
  payload=''
  tick
  ends=$((now + WINDOW * 100))
  while ((${#payload} < $1)); do
    IFS= read -rt "$WINDOW" -N "$(($1 - ${#payload}))" -u 4 part || { tick; ((now < ends)) && [[ -n $part ]] || return 1; }
    payload+=$part
  done
}

main() {
  local line seq verb length arguments locked='' guarded=''
  exec 3>&1 4<&0 </dev/null >/dev/null 2>&1
  trap '' HUP PIPE
  trap end_session TERM INT
  declare -A asks=()
  seq=0
  reply hello "$BASH_VERSION"
  while read_line; do
    IFS=' ' read -r seq verb length arguments <<<"$line"
    read_payload "$length" || break
    [[ $verb != alive ]] || continue
    if [[ $verb == prepare && $WRITES == yes ]]; then
      guarded=''
      ! stand_guard || guarded=yes
    fi
    # Job control gives each job a process group of its own, so that one can be ended with all it started.
    set -m
    # shellcheck disable=SC2086 # the arguments are words without blanks or patterns
    (trap - TERM INT; job "$seq" "$verb" $arguments) 4<&- 9>&- &
    set +m
    asks[$!]=''
    [[ $verb == @(inspect|state|probe|route|history|generation|settle) ]] && asks[$!]=yes
  done
  end_session
}

if [[ -n ${GUARD_OF-} ]]; then guard "$GUARD_OF"; else main; fi
