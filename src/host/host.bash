#!/usr/bin/env bash
# vxfleet's hand on a host. The controller sends this text over one SSH exec and keeps its stdin open for the whole run; nothing is
# installed. Needed: bash, coreutils, ip, ping, and classic ifupdown.
#
# The controller puts three assignments in front of this text:
#   NONCE   random word that begins every line of an answer, so that nothing a command prints can be taken for one
#   RUN     the run's random id: a leftover of another run is never mistaken for ours
#   WINDOW  seconds a trial may stay unconfirmed before this host ends it alone
#
# Commands arrive on stdin, one line each, and may be pipelined; each runs as a job of its own, so answers may overtake each other:
#   SEQ VERB LENGTH ARGUMENT...\n  followed by LENGTH bytes of payload
# An answer is any number of lines "NONCE SEQ KEY VALUE" (a repeated KEY goes on with the same value; in values \\ is a backslash and
# \n a newline), then one "NONCE SEQ ! ok" or "NONCE SEQ ! REASON text".
#
# Verbs (IF is a tunnel's interface, vxlanNN):
#   inspect DEVICE          this host's facts; payload: lines for `ip -6 -batch`, one JSON document each in the answer
#   prepare IF              take the candidate (payload) and prove that a trial can begin and end: validated, room in /run and /etc, timer
#                           set. Nothing that runs is touched
#   trial IF                run the prepared candidate instead of what runs now; /etc stays as it is
#   state IF                what the kernel has of IF; payload: `ip -6 -batch` lines as above
#   probe IF SECONDS [diagnose]
#                           payload: lines "KEY SOURCE TARGET BYTES", each pinged until it answers or SECONDS are over; "diagnose"
#                           adds, with one unanswered, what is known of the layers below (neighbours, underlay)
#   route                   payload: lines "KEY SOURCE TARGET": the interface by which the kernel would send each
#   stage IF [keep]         do all of a confirm that can fail: the candidate beside its place in /etc, on the disk; "keep" stores the file it
#                           will replace under /var/lib/vxfleet
#   confirm IF              make the candidate the file of /etc
#   revert IF               end the trial: candidate down, what ran before up again; of a trial only prepared, forget it
#
# A trial lives in /run/vxfleet/IF; its state is the name of one file there: `prepared`, then `armed`. Whoever renames `armed` first
# (confirm, revert, its timer, the end of the session) decides.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
INTERFACES_D=/etc/network/interfaces.d
TRIALS=/run/vxfleet
STORE=/var/lib/vxfleet
# An ifup that hangs must leave half of the window for the way back.
UP_SECONDS=$((WINDOW / 2 < 30 ? WINDOW / 2 : 30))
umask 077
shopt -s nullglob

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
  out=$(timeout -k 5 "$1" "${@:2}" 2>&1 </dev/null 3>&- 4<&-)
  rc=$?
}

# The payload's queries, one JSON document each on a line of its own; a query that fails (no such device) leaves none.
ask_kernel() {
  out=$(timeout -k 5 20 ip -6 -N -j -force -batch - 2>/dev/null <<<"$payload" 3>&- 4<&-)
}

read_file() { # VARIABLE FILE
  IFS= read -rd '' "$1" 2>/dev/null <"$2" || true
}

# --- inspect ---------------------------------------------------------------------------------------------------------------------

inspect() { # DEVICE
  local device=$1 text file
  reply uid "$EUID"
  reply ssh "${SSH_CONNECTION-}"
  if type -P ifup >/dev/null && type -P ifdown >/dev/null; then
    run 10 ifup --version
    reply ifupdown "${out%%$'\n'*}"
  fi
  reply missing "$(for file in ip ping timeout ifquery sync; do type -P "$file" >/dev/null || printf '%s ' "$file"; done)"
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
  for file in "$TRIALS"/*; do
    is_alive "$file" && reply "trial:${file##*/}" "$(held_by "$file")"
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
  run 30 ifdown --force "$@" "$interface"
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

# Up by the given file or by /etc. ifup that hangs is ended with its whole process group, which ifup leads itself.
bring_up() { # IF [-i FILE]
  local interface=$1
  shift
  run "$UP_SECONDS" ifup "$@" "$interface"
  if ((rc == 124 || rc == 137)); then
    stop_ifup "$interface"
    rm -f "/run/network/ifup-$interface.pid"
    out="no end after $UP_SECONDS s: killed"$'\n'$out
  fi
  ((rc == 0)) && exists "$interface"
}

# --- trial, confirm, revert ------------------------------------------------------------------------------------------------------

prepare() { # IF
  local interface=$1 dir=$TRIALS/.$1.$RUN problem
  mkdir -p "$TRIALS" 2>/dev/null || fail refused "cannot create $TRIALS: is /run writable?"
  end_leftover "$TRIALS/$interface"
  mkdir "$dir" 2>/dev/null || fail refused "cannot create $dir: is /run full or read-only?"
  if ! { printf '%s\n' "$RUN" >"$dir/run" && printf '%s' "$payload" >"$dir/new" && mkdir "$dir/empty"; }; then
    rm -rf "$dir"
    fail refused "cannot write to $dir: is /run full?"
  fi
  # Prove now that /etc can take the file later. A name with a dot is read by no form of source.
  if ! printf '%s' "$payload" >"$INTERFACES_D/.$interface.vxfleet"; then
    rm -rf "$dir" "$INTERFACES_D/.$interface.vxfleet"
    fail refused "cannot write to $INTERFACES_D: is /etc full or read-only?"
  fi
  rm -f "$INTERFACES_D/.$interface.vxfleet"
  problem=$(candidate_problem "$interface" "$dir") || { rm -rf "$dir"; fail invalid "$problem"; }

  # The timer stands before anything is touched, or nothing is. Only what has a file can be brought up again.
  if ! { { ! exists "$interface" || [[ ! -e $INTERFACES_D/$interface ]] || : >"$dir/was_up"; } && : >"$dir/prepared" && arm_timer "$interface" "$dir"; }; then
    rm -rf "$dir"
    fail refused "cannot write to $dir: is /run full?"
  fi
  # It gets its name when it is complete, so that nobody ever sees a trial without its timer; a name is given once.
  if ! mv -T "$dir" "$TRIALS/$interface" 2>/dev/null; then
    stop_timer "$dir"
    rm -rf "$dir"
    fail busy "a trial of $interface is open: $(held_by "$TRIALS/$interface")"
  fi
}

trial() { # IF
  local interface=$1 dir=$TRIALS/$1 live=$INTERFACES_D/$1 started
  { is_ours "$dir" && mv -T "$dir/prepared" "$dir/armed" 2>/dev/null; } || fail late "no trial of this run is prepared on $interface"
  started=$EPOCHREALTIME
  if [[ -e $live || -e $dir/was_up ]]; then
    if ! take_down "$interface"; then
      reply output "$out"
      fail stuck "$interface is still there after ifdown and ip link del"
    fi
  fi
  bring_up "$interface" -i "$dir/new"
  local up=$?
  reply down_us "$((${EPOCHREALTIME/./} - ${started/./}))"
  reply output "$out"
  ((up == 0)) || fail ifup "ifup failed with status $rc"
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

# The timer is a job that only waits: it holds none of the session's descriptors and outlives it.
# It waits on a pipe that nobody writes to, because a `sleep` would stay behind when the timer is ended.
arm_timer() { # IF DIR
  (
    trap - TERM
    exec 3>&- 4<&- 5<> <(:)
    read -rt "$WINDOW" -u 5
    is_ours "$TRIALS/$1" && settle "$1"
  ) </dev/null >/dev/null 2>&1 &
  printf '%s\n' "$!" >"$2/timer" && return 0
  kill "$!"
  return 1
}

stop_timer() { # DIR
  local pid
  read_file pid "$1/timer"
  [[ -n $pid ]] && kill "${pid%$'\n'}" 2>/dev/null
}

# Does the trial's timer run? A number that another program has by now is not it.
is_alive() { # DIR
  local pid='' name=''
  read_file pid "$1/timer"
  read_file name "/proc/${pid%$'\n'}/comm"
  [[ $name == bash* ]]
}

# A trial whose timer is dead belongs to nobody any more: what it left is ended before a new one begins.
end_leftover() { # DIR
  [[ -d $1 ]] || return 0
  is_alive "$1" && return 0
  if [[ -e $1/armed || -e $1/reverting ]]; then
    rm -f "$1/reverting"
    : >"$1/armed"
    settle "${1##*/}"
  fi
  rm -rf "$1" "$INTERFACES_D/.${1##*/}.vxfleet"
}

held_by() { # DIR
  local other
  read_file other "$1/run"
  printf 'run %s' "${other%$'\n'}"
}

# Beside its place, under a name with a dot, which no form of source reads.
stage() { # IF [keep]
  local interface=$1 dir=$TRIALS/$1 live=$INTERFACES_D/$1 temp=$INTERFACES_D/.$1.vxfleet
  is_ours "$dir" || fail late "no trial of this run is open on $interface"
  if [[ ${2-} == keep && -e $live ]]; then
    keep_copy "$live" "$STORE/$interface" || fail store "cannot keep a copy of $live in $STORE/$interface"
  fi
  if ! { cat "$dir/new" >"$temp" && chmod 0644 "$temp" && sync "$temp"; } 2>/dev/null 3>&-; then
    rm -f "$temp"
    fail full "cannot write $temp: is /etc full or read-only?"
  fi
  # Whoever ends a trial renames `armed` before it removes the file: one of us two sees the other.
  if [[ ! -e $dir/armed ]]; then
    rm -f "$temp"
    fail late "the trial of $interface ended while its file was being staged"
  fi
}

confirm() { # IF
  local interface=$1 dir=$TRIALS/$1 live=$INTERFACES_D/$1 temp=$INTERFACES_D/.$1.vxfleet
  { is_ours "$dir" && [[ -e $dir/armed ]]; } || fail late "no trial of this run is open on $interface: it was ended before the confirm came"
  [[ -e $temp ]] || fail protocol "the candidate of $interface is not staged"
  # From here on the timer has lost.
  mv -T "$dir/armed" "$dir/confirmed" 2>/dev/null || fail late "the trial of $interface ended while it was being confirmed"
  if ! mv -T "$temp" "$live"; then
    mv -T "$dir/confirmed" "$dir/armed"
    fail full "cannot rename $temp to $live"
  fi
  sync "$INTERFACES_D"
  stop_timer "$dir"
  rm -rf "$dir"
  run 10 sha256sum "$live"
  reply digest "${out%% *}"
}

keep_copy() { # FILE DIR
  mkdir -p "$2" && cp -p "$1" "$2/adopted-$RUN" && sync "$2/adopted-$RUN"
}

is_ours() { # DIR
  local other
  [[ -e $1/armed || -e $1/prepared ]] || return 1
  read_file other "$1/run"
  [[ ${other%$'\n'} == "$RUN" ]]
}

revert() { # IF
  is_ours "$TRIALS/$1" || fail late "no trial of this run is open on $1"
  settle "$1"
  reply output "$out"
  ((settled == 0)) || fail stuck "what ran before on $1 did not come up again: ${out:-no output}"
}

# Ends a trial by going back. Only one caller gets past the rename.
settle() { # IF
  local interface=$1 dir=$TRIALS/$1
  settled=0 out=''
  if mv -T "$dir/prepared" "$dir/dropped" 2>/dev/null; then
    [[ ${BASHPID} == "$(<"$dir/timer")" ]] || stop_timer "$dir"
    rm -rf "$dir"
    return 0
  fi
  mv -T "$dir/armed" "$dir/reverting" 2>/dev/null || return 0
  rm -f "$INTERFACES_D/.$interface.vxfleet"
  stop_ifup "$interface"
  take_down "$interface" -i "$dir/new" || settled=1
  if [[ -e $dir/was_up ]]; then
    bring_up "$interface" || settled=1
  fi
  [[ ${BASHPID} == "$(<"$dir/timer")" ]] || stop_timer "$dir"
  rm -rf "$dir"
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
  local ends=$((SECONDS + $1)) left text='' status=1
  while ((status != 0 && (left = ends - SECONDS) > 0)); do
    text=$(ping -6 -n -q -c 1 -i 0.2 -w "$left" -M 'do' -s "$(($4 - 48))" -I "$2" "$3" 2>&1 </dev/null)
    status=$?
    ((status == 0)) || pause 0.2
  done
  printf '%s %s' "$status" "${text//$'\n'/ | }"
}

pause() { # SECONDS, without a process
  read -rt "$1" <> <(:)
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
  case $2 in
    inspect) inspect "$3" ;;
    prepare) prepare "$3" ;;
    trial) trial "$3" ;;
    state) state "$3" ;;
    probe) probe "$3" "$4" "${5-}" ;;
    route) route ;;
    stage) stage "$3" "${4-}" ;;
    confirm) confirm "$3" ;;
    revert) revert "$3" ;;
    *) fail protocol "unknown command $2" ;;
  esac
  printf '%s %s ! ok\n' "$NONCE" "$seq" >&3
}

# No more commands will come: nobody waits for questions any more; let changes end, then take back every trial nobody confirmed.
end_session() {
  local dir pid
  trap '' TERM INT
  for pid in $(jobs -pr); do
    [[ -z ${asks[$pid]-} ]] || kill -TERM -- "-$pid" 2>/dev/null
  done
  # A trial that is under way is not waited for either: without its ifup it ends, and is then taken back.
  for dir in "$TRIALS"/*; do
    if is_ours "$dir"; then stop_ifup "${dir##*/}"; fi
  done
  wait
  for dir in "$TRIALS"/*; do
    if is_ours "$dir"; then settle "${dir##*/}" & fi
  done
  wait
  exit 0
}

main() {
  local seq verb length arguments
  exec 3>&1 4<&0 </dev/null >/dev/null 2>&1
  trap '' HUP PIPE
  trap end_session TERM INT
  declare -A asks=()
  seq=0
  reply hello "$BASH_VERSION"
  while IFS=' ' read -ru 4 seq verb length arguments; do
    payload=''
    ((length == 0)) || IFS= read -rN "$length" -u 4 payload || break
    # Job control gives each job a process group of its own, so that one can be ended with all it started.
    set -m
    # shellcheck disable=SC2086 # the arguments are words without blanks or patterns
    (trap - TERM INT; job "$seq" "$verb" $arguments) 4<&- &
    set +m
    asks[$!]=''
    [[ $verb == @(prepare|trial|stage|confirm|revert) ]] || asks[$!]=yes
  done
  end_session
}

main
