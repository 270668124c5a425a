# shellcheck shell=bash
# Part of host.bash. What goes back to the controller, and running programs apart from its channel.

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

# Runs a command that comes to its end by itself: what it says into $out, its status into $rc. By exec, which spares a process.
ask() { # COMMAND...
  out=$(exec "$@" 2>&1 </dev/null 3>&- 4<&- 9>&-)
  rc=$?
}

# The same for one that may hang, and may start programs of its own, as ifup does: these would keep the pipe open, and the whole group,
# which ifup leads itself, ends with it. What comes is its number, what it says, and its status: of a process substitution that has ended
# before we wait, bash may have forgotten how. Whoever may have to end it finds its process in the file $process_file, if one is named.
run() { # SECONDS COMMAND...
  local output pid='' part='' process='' now ends status=129
  exec {output}< <(
    exec 2>&1 </dev/null 3>&- 4<&- 8<&- 9>&-
    (printf '%s\n' "$BASHPID"; exec "${@:2}") &
    wait "$!"
    printf '\n%s' "$?"
  )
  out=''
  tick
  ends=$((now + $1 * 100))
  IFS= read -r -u "$output" pid
  [[ -z ${process_file-} ]] || { process_of process "$pid" && printf '%s\n' "$process" >"$process_file"; } 2>/dev/null
  while ((now < ends)); do
    # In large pieces: without -N, bash reads a pipe byte by byte.
    IFS= read -rN 65536 -t "$(((ends - now + 99) / 100))" -u "$output" part
    status=$?
    out+=$part
    # Above 128 its time is over, or the clock was set.
    ((status == 0 || status > 128)) || break
    tick
  done
  exec {output}<&-
  rc=${out##*$'\n'}
  # What it has started may hold the pipe for longer than it lives.
  if ((status == 0 || status > 128)) && kill -0 "$pid" 2>/dev/null; then
    kill -KILL -- "-$pid" "$pid" 2>/dev/null
    rc=124
    out="no end after $1 s: killed"$'\n'$out
  elif [[ $rc == +([0-9]) ]]; then
    out=${out%$'\n'*}
  else
    rc=125
  fi
  # Not in one step: of a long text bash tries every end.
  while [[ $out == *$'\n' ]]; do out=${out%$'\n'}; done
}

# Waits for these children. Never for all: of a process substitution that ended at once bash may have missed the end, and would wait for
# it as long as any child lives.
await() { # PID...
  (($# == 0)) || wait "$@"
}

# One JSON document for each query, on a line of its own; a query that fails (no such device) leaves none.
ask_kernel() { # QUERIES
  out=$(exec ip -6 -d -N -j -force -batch - 2>/dev/null <<<"$1" 3>&- 4<&- 9>&-)
}

# Empty when there is no such file.
read_file() { # VARIABLE FILE
  printf -v "$1" ''
  IFS= read -rd '' "$1" 2>/dev/null <"$2" || true
}

# The kernel's clock in hundredths of a second, into $now: nobody can set it, and bash's SECONDS and EPOCHREALTIME follow the one that
# can be set. (proc_uptime(5))
tick() {
  local up
  read -r up _ </proc/uptime
  now=$((10#${up/./}))
}

# A pipe that nobody writes to, opened once, before the first process that may wait is started: waiting on it takes none.
idle=''
open_idle() { [[ -n $idle ]] || exec {idle}<> <(:); }
pause() { # SECONDS
  open_idle
  read -rt "$1" -u "$idle"
}
