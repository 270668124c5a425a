#!/usr/bin/env bash
# vxfleet's hand on a host. The controller sends this text over one SSH exec and keeps its stdin open for the whole run; nothing is
# installed. Needed: bash, coreutils, grep, sed, util-linux, ip, ping, and ifupdown or ifupdown2. The protocol, and why it is safe: docs/protocol.md.
#
# Its parts stand in program/ and are put in their places before it is sent (host-program.ts). The text is read into PROGRAM and run from
# there; the controller puts these assignments in front of it:
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
#   inspect                 this host's facts; payload: lines for `ip -batch`, an empty line, lines for `ip -6 -batch`; one JSON document
#                           each in the answer. A run that may change something sweeps up first what killed runs have left beside their trials
#   state                   what the kernel has; payload: `ip -6 -batch` lines as above
#   probe IF SECONDS [diagnose]
#                           payload: lines "KEY SOURCE TARGET BYTES", each pinged until it answers or SECONDS are over. "diagnose" adds, with
#                           one not answered in the first second, what is known of the layers below (neighbours, underlay)
#   history [IF...]         the heads of the kept records, of all tunnels or of these
#   generation IF NAME      one record, whole
# Verbs that change; CHANGE is the id of one change of one tunnel, of which a run may make several on an interface:
#   prepare IF CHANGE OLD NEW OTHERS [still]
#                           take the candidate and prove that a trial can begin and end: validated, room in /run, /etc and /var, guard there.
#                           Payload: OLD bytes that /etc must have now, NEW bytes of the candidate, OTHERS bytes of lines for
#                           `ip -6 -batch` that add again what is not the tunnel's, the record's body; `-` stands for no file. Nothing that runs is touched. "still": the two differ in nothing that runs, and the trial bounces nothing
#   trial IF CHANGE         run the prepared candidate instead of what runs now; /etc stays as it is
#   extend IF CHANGE        start the trial's window anew
#   stage IF CHANGE DIGEST ROLE MARKER NEW OLD
#                           do all of a confirm that can fail: candidate and record (of that SHA-256) beside their places, on the disk.
#                           ROLE: `decides` (shows the address MARKER once it is confirmed), `incompatible` or `compatible` (promises, and
#                           may have to ask the peer at MARKER, at NEW or OLD; the second if old and new can talk to each other), or
#                           `alone`. `-` stands for no address
#   promise IF CHANGE       from now on go back only on the controller's word, or when the peer is found on the old end
#   confirm IF CHANGE       make the candidate the file of /etc, then show the marker
#   revert IF CHANGE        end the trial: candidate down, what ran before up again; of a trial only prepared, forget it
#   settle IF CHANGE        wait until the trial has ended, finding out what the peer did if need be, and say how
#   note IF DIGEST          payload: a record's body, kept as a generation of its own: the other end has changed, this one has not
#   takeover IF             end the trial of a run that is gone
#
# A trial lives in /run/vxfleet/IF; its state is the name of one file there. Whoever renames that file first decides.

# Where ifup looks too (ifupdown 0.8: execute.c, set_environ); what it does not need may also be where the login's own PATH has it.
IFUP_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C PATH=$IFUP_PATH${PATH:+:$PATH}
INTERFACES_D=/etc/network/interfaces.d
TRIALS=/run/vxfleet
STORE=/var/lib/vxfleet
readonly TRANSITIONS='prepared>armed prepared>dropped armed>promised armed>confirmed armed>reverting promised>confirmed promised>reverting promised>doubt doubt>confirmed doubt>reverting confirmed>reverting'
# Generations kept a tunnel end, and as many of what did not become one.
KEEP=20
# An ifup that hangs must leave half of the window for the way back.
UP_SECONDS=$((WINDOW < 2 ? 1 : WINDOW / 2 < 30 ? WINDOW / 2 : 30))
umask 077
shopt -s nullglob extglob

# shellcheck source=src/host/program/answers.bash
. ./program/answers.bash
# shellcheck source=src/host/program/processes.bash
. ./program/processes.bash
# shellcheck source=src/host/program/inspect.bash
. ./program/inspect.bash
# shellcheck source=src/host/program/interface.bash
. ./program/interface.bash
# shellcheck source=src/host/program/ifupdown2.bash
. ./program/ifupdown2.bash
# shellcheck source=src/host/program/trial-state.bash
. ./program/trial-state.bash
# shellcheck source=src/host/program/guard.bash
. ./program/guard.bash
# shellcheck source=src/host/program/records.bash
. ./program/records.bash
# shellcheck source=src/host/program/prepare.bash
. ./program/prepare.bash
# shellcheck source=src/host/program/trial.bash
. ./program/trial.bash
# shellcheck source=src/host/program/doubt.bash
. ./program/doubt.bash
# shellcheck source=src/host/program/probe.bash
. ./program/probe.bash

job() { # SEQ VERB ARGUMENT...
  seq=$1
  if [[ $2 == @(prepare|trial|extend|stage|promise|confirm|revert|settle|note|takeover) && $WRITES != yes ]]; then
    fail protocol "$2 in a run that changes nothing"
  fi
  case $2 in
    inspect) inspect ;;
    state) ask_kernel "$payload"; reply network "$out" ;;
    probe) probe "$3" "$4" "${5-}" ;;
    history) history_of "${@:3}" ;;
    generation) generation "$3" "$4" ;;
    prepare) prepare "${@:3}" ;;
    trial) trial "${@:3}" ;;
    extend) extend "${@:3}" ;;
    stage) stage "${@:3}" ;;
    promise) promise "${@:3}" ;;
    confirm) confirm "${@:3}" ;;
    revert) revert "${@:3}" ;;
    settle) settled_as "${@:3}" ;;
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
  local -a settling=()
  trap '' TERM INT
  for pid in "${!asks[@]}"; do
    # Its number may be another's by now.
    [[ -z ${asks[$pid]} || ! -e /proc/$pid || $'\n'$(jobs -pr)$'\n' != *$'\n'"$pid"$'\n'* ]] || kill -TERM -- "-$pid" 2>/dev/null
  done
  if [[ -n ${locked-} ]]; then
    # A trial that is under way is not waited for either: without its ifup it ends, and is then taken back.
    for dir in "$TRIALS"/vxlan*; do
      if is_ours "$dir"; then stop_ifup "${dir##*/}"; fi
    done
    await "${!asks[@]}"
    # In doubt a trial is the guard's: it has to be there.
    stand_guard
    for dir in "$TRIALS"/vxlan*; do
      is_ours "$dir" || continue
      move "$dir" promised 'doubt' || settle "$dir" session prepared armed &
      settling+=("$!")
    done
    await "${settling[@]}"
  fi
  # Also what a killed program of this run has left.
  if [[ -n ${locked-} ]] || ! is_session_open "$RUN"; then dismiss_guard; fi
  exit 0
}

# The next command into $line. Whoever says nothing for a whole window is gone, whatever TCP still believes. Only the first byte is waited
# for by the clock: bash measures by one that can be set, and a step of it in the middle of a line would take the line's end away.
# The rest is there already: a command and its payload come in one SSH packet (up to 32 KB), which sshd passes on whole or not at all.
read_line() {
  local first='' now ends status
  line=''
  tick
  ends=$((now + WINDOW * 100))
  while :; do
    IFS= read -rt "$WINDOW" -N 1 -u 4 first
    status=$?
    if [[ -n $first ]]; then
      IFS= read -r -u 4 line || return 1
      line=$first$line
      return 0
    fi
    tick
    # A step of the clock is not a silence.
    ((status > 128 && now < ends)) || return 1
  done
}

main() {
  local line seq verb length arguments words=() locked='' guarded='' guard_fault='' ping_fault='' has_tried_ping=''
  # Every clock and every process is read from there. The status is one that the controller knows (starter.ts).
  [[ -r /proc/uptime && -r /proc/self/stat ]] || { echo '/proc is not mounted' >&2; exit 96; }
  exec 3>&1 4<&0 </dev/null >/dev/null 2>&1
  trap '' HUP PIPE
  trap end_session TERM INT
  declare -A asks=()
  seq=0
  reply hello "$BASH_VERSION"
  while read_line; do
    seq=${line%% *} arguments=${line#* }
    verb=${arguments%% *} arguments=${arguments#* }
    length=${arguments%% *} arguments=${arguments:${#length}}
    payload=''
    ((length == 0)) || IFS= read -rN "$length" -u 4 payload || break
    if [[ $verb == alive ]]; then
      # A guard that was killed is replaced: its trials must not be without one.
      [[ -z $locked ]] || stand_guard
      continue
    fi
    if [[ $verb == prepare && $WRITES == yes ]]; then
      guarded=''
      ! stand_guard || guarded=yes
      # Once: a host does not get another ping in the middle of a run.
      [[ -n $has_tried_ping ]] || { has_tried_ping=yes; find_ping_fault; }
    fi
    # Words, and no patterns for files.
    set -f
    # shellcheck disable=SC2206
    words=($arguments)
    set +f
    # Job control gives each job a process group of its own, so that one can be ended with all it started.
    set -m
    (trap - TERM INT; job "$seq" "$verb" "${words[@]}") 4<&- 9>&- &
    set +m
    asks[$!]=''
    [[ $verb == @(inspect|state|probe|history|generation|settle) ]] && asks[$!]=yes
  done
  end_session
}

if [[ -n ${GUARD_OF-} ]]; then guard "$GUARD_OF"; else main; fi
