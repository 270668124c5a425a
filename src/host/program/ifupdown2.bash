# shellcheck shell=bash
# Part of host.bash. The way up and down where ifup is ifupdown2's, as on Proxmox VE. What was measured of it: docs/ifupdown.md.

# `ifup --version` would take half a second: it asks dpkg.
ifupdown2=''
if hash ifup 2>/dev/null && [[ ${BASH_CMDS[ifup]-} -ef /usr/share/ifupdown2/__main__.py ]]; then ifupdown2=yes; fi

# It reads the one file, never /etc/network/interfaces: a mistake in any other stanza would make its status 1. -u: the file given, and not what it
# remembers, which a killed ifup has not written.
take_down_with_ifupdown2() { # IF [-i FILE]
  local file=${3-$INTERFACES_D/$1}
  if [[ -e $file ]]; then
    exists "$1" || stand_in "$1"
    with_ifupdown2 "$1" ifdown -u -i "$file" "$1"
  fi
  exists "$1" || return 0
  ask ip link del dev "$1"
  ! exists "$1"
}

# Of a link that is gone it runs no down line, and rules and routes would stay. A link of its name, never up, with a VNI that nobody has.
stand_in() { # IF
  ask ip link add "$1" type vxlan id "$((0xff0000 + 16#${1#vxlan}))" dstport 65535
}

# Of a line that fails it only warns, and goes on with the next. A line that it does not know is passed over, and makes its status 1: of an old file, made
# for ifupdown, that is how it was up before; a candidate with such a line is not valid.
bring_up_with_ifupdown2() { # IF [-i FILE]
  local file=${3-$INTERFACES_D/$1} errors='' tries
  for tries in 1 2 3 4 5; do
    with_ifupdown2 "$1" ifup -i "$file" "$1"
    lacks_address "$1" "$file" || break
  done
  errors_in_output
  if ((rc == 1)) && [[ $errors == +("error: "+([!$'\n'])": invalid syntax '"+([!$'\n'])?($'\n')) ]]; then rc=0; fi
  [[ $out != *": "@(pre-up|up|post-up)" cmd '"*' failed: '* ]] || rc=1
  ((rc == 0)) && exists "$1"
}

# Of a link that a line of the file makes it may not have heard in time: it then sets none of the stanza's own addresses, without a word. Our files have
# none; those of somebody else, or made for ifupdown, do.
lacks_address() { # IF FILE
  local text='' out='' rc
  read_file text "$2"
  [[ $text =~ (^|$'\n')[[:blank:]]*address[[:blank:]]+[0-9a-fA-F]*: ]] && exists "$1" || return 1
  ask ip -6 -o addr show dev "$1" scope global
  [[ -z $out ]]
}

# The lines of $out that say an error, into $errors.
errors_in_output() {
  local line
  while IFS= read -r line; do
    [[ $line != error:* ]] || errors+=$line$'\n'
  done <<<"$out"
  errors=${errors%$'\n'}
}

# It has one lock for the whole host and gives up at once (status 89) when somebody else has it, as an administrator's ifreload. Our own wait for each
# other, on the directory's lock. In a group of its own, so that it can be ended with what it has started.
with_ifupdown2() { # IF COMMAND...
  local process_file=$TRIALS/$1/ifup now ends
  exec 8<"$TRIALS"
  flock -w 60 8
  tick
  ends=$((now + UP_SECONDS * 100))
  while :; do
    run "$UP_SECONDS" setsid -w "${@:2}"
    tick
    ((rc == 89 && now < ends)) || break
    pause 0.2
  done
  exec 8<&-
  rm -f "$process_file"
}

# Ends one that is at work on the tunnel, with what it has started.
stop_ifupdown2() { # IF
  local process=''
  read_file process "$TRIALS/$1/ifup"
  process=${process%%+([[:space:]])}
  ! is_process "$process" || kill -KILL -- "-${process%% *}" "${process%% *}" 2>/dev/null
}

# Would it take the candidate, and take it with -i?
is_valid_for_ifupdown2() { # IF DIR
  local text='' errors=''
  read_file text /etc/network/ifupdown2/ifupdown2.conf
  if [[ $'\n'$text =~ $'\n'[[:blank:]]*disable_cli_interfacesfile[[:blank:]]*[=:][[:blank:]]*1 ]]; then
    problem='disable_cli_interfacesfile=1 in /etc/network/ifupdown2/ifupdown2.conf: ifup would not run a trial from /run'
    return 1
  elif [[ $text == *use_daemon=yes* ]]; then
    problem='use_daemon=yes in /etc/network/ifupdown2/ifupdown2.conf: vxfleet was not tried with the daemon'
    return 1
  fi
  # It has no lock, which `ifup -s` would take, and no status for what it says.
  ask ifquery -i "$2/new" "$1"
  errors_in_output
  [[ -n $errors ]] || ((rc == 0)) || errors=$out
  [[ -z $errors ]] || { problem="ifquery: $errors"; return 1; }
}
