# shellcheck shell=bash
# Part of host.bash. A tunnel's interface: what the kernel has of it, and ifupdown's way up and down.

exists() { [[ -e /sys/class/net/$1 ]]; } # IF

# Does ifupdown believe that it is up? ifupdown2 brings up whatever it believes.
is_remembered() { # IF
  local state=''
  [[ -z $ifupdown2 ]] || return 1
  read_file state /run/network/ifstate
  [[ $'\n'$state == *$'\n'"$1="* ]]
}

# Down by the given file (-i FILE) or by /etc, whatever ifupdown remembers; then the link is gone, or we say so.
# --force: after a failed ifup the state is cleared and plain ifdown would do nothing. A stale pid file is removed because
# ifdown would signal the process group of that number. (field-notes 1.4)
take_down() { # IF [-i FILE]
  local interface=$1
  if [[ -n $ifupdown2 ]]; then
    take_down_with_ifupdown2 "$@"
    return
  fi
  shift
  drop_stale_pid "/run/network/ifup-$interface.pid"
  run "$UP_SECONDS" ifdown --force "$@" "$interface"
  exists "$interface" || return 0
  ask ip link del dev "$interface"
  ! exists "$interface"
}

# Ends an ifup that still runs, with its process group, which it leads itself.
stop_ifup() { # IF
  local pid='' name=''
  if [[ -n $ifupdown2 ]]; then
    stop_ifupdown2 "$1"
    return
  fi
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
  if [[ -n $ifupdown2 ]]; then
    bring_up_with_ifupdown2 "$@"
    return
  fi
  shift
  run "$UP_SECONDS" ifup "$@" "$interface"
  ((rc == 0)) && exists "$interface"
}
