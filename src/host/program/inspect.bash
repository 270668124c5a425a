# shellcheck shell=bash
# Part of host.bash. What there is on the host.

inspect() { # DEVICE
  local device=$1 text file missing='' stanzas=''
  [[ $WRITES != yes ]] || sweep
  reply uid "$EUID"
  reply ssh "${SSH_CONNECTION-}"
  if [[ -n $ifupdown2 ]]; then
    reply ifupdown ifupdown2
  elif type -P ifup >/dev/null && type -P ifdown >/dev/null; then
    ask ifup --version
    reply ifupdown "${out%%$'\n'*}"
  fi
  for file in ping sha256sum sync flock; do
    type -P "$file" >/dev/null || missing+="$file "
  done
  PATH=$IFUP_PATH type -P ip >/dev/null || missing+='ip '
  [[ -d /sys/class/net/lo ]] || missing+='/sys '
  reply missing "$missing"
  # CapEff of proc_pid_status(5), in hex. A root without some of them is one in a container.
  read_file text /proc/self/status
  [[ ! $text =~ CapEff:[[:blank:]]*([0-9a-f]+) ]] || reply capabilities "${BASH_REMATCH[1]}"
  sources_interfaces_d && reply sources yes
  # A device that is made by its own stanza (bond, VLAN, bridge) must be made before the tunnels are.
  [[ -n $device && ! -e /sys/class/net/$device/device ]] && is_defined_after_source "$device" && reply late_device yes
  [[ -w $INTERFACES_D ]] && reply writable_etc yes
  [[ -w /run ]] && reply writable_run yes
  [[ -w $STORE || (! -e $STORE && -w ${STORE%/*}) ]] && reply writable_var yes
  if [[ -n $device && -r /sys/class/net/$device/mtu ]]; then
    read_file text "/sys/class/net/$device/mtu"
    reply device_mtu "${text%$'\n'}"
  fi
  read_file text /proc/sys/net/ipv6/conf/all/forwarding
  reply forwarding "${text%$'\n'}"
  read_file text /sys/devices/system/cpu/online
  reply cpus "${text%$'\n'}"
  find_foreign_stanzas
  reply stanzas "$stanzas"
  [[ ! -e /etc/network/interfaces ]] || can_open /etc/network/interfaces || reply unreadable '/etc/network/interfaces '
  for file in "$INTERFACES_D"/vxlan*; do
    [[ -f $file ]] || continue
    can_open "$file" || reply unreadable "$file "
    # Of a file with a zero byte bash has what stands before it.
    if IFS= read -rd '' text <"$file"; then reply binary "${file##*/} "; fi 2>/dev/null
    reply "file:${file##*/}" "$text"
  done
  read_file text /run/network/ifstate
  reply ifstate "$text"
  for file in "$TRIALS"/vxlan*; do
    reply "trial:${file##*/}" "$(describe_trial "$file")"
  done
  # The way back to whoever asks comes last: a query that fails leaves no line.
  text=$'addr show type vxlan\n'${SSH_CONNECTION:+route get ${SSH_CONNECTION%% *}}
  out=$(exec ip -d -j -force -batch - 2>/dev/null <<<"$text" 3>&- 4<&- 9>&-)
  reply links "$out"
  ask_kernel "$payload"
  reply network "$out"
  # There is no host without rules.
  [[ -n $out ]] || explain_ip
}

# Why ip has not answered, and which one it is, for people.
explain_ip() {
  local said
  ask ip -6 -d -N -j rule show
  said=${out#*: line +([0-9]): }
  ask ip -V
  reply ip_fault "${said%%$'\n'*} (${out%%$'\n'*})"
}

# What root may not even open is a security module's, or on a broken disk: not the same as nothing.
can_open() { # FILE
  { :; } <"$1"
} 2>/dev/null

# Lines `file:line:text` of whoever else defines a tunnel's interface, into $stanzas. Files of our names are sent whole.
find_foreign_stanzas() {
  local file text line number
  for file in /etc/network/interfaces "$INTERFACES_D"/*; do
    [[ -f $file && ${file##*/} != vxlan* ]] || continue
    read_file text "$file"
    [[ $text =~ (^|$'\n')[[:blank:]]*iface[[:blank:]]+vxlan ]] || continue
    number=0
    while IFS= read -r line; do
      ((number += 1))
      [[ ! $line =~ ^[[:blank:]]*iface[[:blank:]]+vxlan ]] || stanzas+=$file:$number:$line$'\n'
    done <"$file"
  done
}

# Does /etc/network/interfaces read interfaces.d? (interfaces(5): source takes a shell pattern, source-directory a directory; ifupdown2 has no such word)
sources_interfaces_d() {
  local word pattern rest
  while read -r word pattern rest; do
    [[ $pattern == /* ]] || pattern=/etc/network/$pattern
    # shellcheck disable=SC2053 # the right side is a pattern on purpose
    case $word in
      source) [[ $INTERFACES_D/vxlan01 == $pattern ]] && return 0 ;;
      source-directory) [[ -z $ifupdown2 && ${pattern%/} == "$INTERFACES_D" ]] && return 0 ;;
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
