# shellcheck shell=bash
# Part of host.bash. What there is on the host.

inspect() { # payload: lines for `ip -batch`, an empty line, lines for `ip -6 -batch`
  local text file missing='' sockets='' mounts
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
  [[ -w $INTERFACES_D ]] && reply writable_etc yes
  [[ -w /run ]] && reply writable_run yes
  [[ -w $STORE || (! -e $STORE && -w ${STORE%/*}) ]] && reply writable_var yes
  for file in net/ipv6/conf/{all,default}/disable_ipv6 net/ipv6/conf/all/forwarding net/ipv6/icmp/echo_ignore_all kernel/random/boot_id; do
    read_file text "/proc/sys/$file"
    reply "sysctl:${file//\//.}" "${text%$'\n'}"
  done
  find_forwarding
  read_file text /sys/devices/system/cpu/online
  reply cpus "${text%$'\n'}"
  # What a driver made is there before anything is configured.
  for file in /sys/class/net/*/device; do
    file=${file%/device}
    reply hardware "${file##*/} "
  done
  for file in /proc/net/udp{,6}; do
    while read -r _ text _; do sockets+="$text "; done <"$file"
  done 2>/dev/null
  reply sockets "$sockets"
  [[ ! -e /etc/network/interfaces ]] || can_open /etc/network/interfaces || reply unreadable '/etc/network/interfaces '
  send_interfaces
  read_file mounts /proc/self/mountinfo
  for file in "$INTERFACES_D"/vxlan+([0-9a-f]) "$STORE"/vxlan+([0-9a-f]); do
    # What nothing can be renamed onto, or into: it is immutable, mounted there, or of another kind.
    [[ ($file == "$STORE"/* && -d $file || -f $file) && -w $file && $mounts != *" $file "* ]] || reply fixed "$file "
    [[ $file == "$INTERFACES_D"/* && -f $file ]] || continue
    can_open "$file" || reply unreadable "$file "
    # Of a file with a zero byte bash has what stands before it.
    if IFS= read -rd '' text <"$file"; then reply binary "${file##*/} "; fi 2>/dev/null
    reply "file:${file##*/}" "$text"
  done
  find_edited
  if [[ -e /run/systemd/netif/state ]]; then
    reply networkd $'\n'
    for file in /{lib,usr/lib,usr/local/lib,run,etc}/systemd/networkd.conf{,.d/*.conf}; do
      read_file text "$file"
      reply networkd "$text"$'\n'
    done
  fi
  read_file text /run/network/ifstate
  reply ifstate "$text"
  for file in "$TRIALS"/vxlan*; do
    reply "trial:${file##*/}" "$(describe_trial "$file")"
  done
  # A query that fails leaves no document, and its number among the errors.
  text=$'addr show\n'"route get ${SSH_CONNECTION%% *}"$'\n'${payload%%$'\n\n'*}
  out=$(exec ip -d -j -force -batch - 2>&1 <<<"$text" 3>&- 4<&- 9>&-)
  reply links "$out"
  # A kernel that has made one makes another. Else it is asked for what it must refuse, once it knows what a VXLAN is.
  if [[ $out != *'"info_kind":"vxlan"'* && $WRITES == yes ]]; then
    ask ip link add vxlan-none mtu 67 type vxlan id 1 dstport 4789
    reply vxlan_answer "$out"
  fi
  ask_kernel "${payload#*$'\n\n'}"
  reply network "$out"
  # There is no host without rules.
  [[ -n $out ]] || explain_ip
}

# Files of sysctl, networkd, FRR and the like in which a line may turn IPv6 forwarding on when the host boots.
find_forwarding() {
  local text file pattern=$'(^|\n)[^#;!\n]*(ipv6[^\n]*|IPv6|IP)[fF]orward'
  read_file text /proc/sys/net/ipv6/conf/all/forwarding
  [[ $text == 1* ]] || return 0
  for file in /etc/sysctl.conf /{usr/lib,usr/local/lib,run,etc}/sysctl.d/*.conf /etc/frr/*.conf /etc/rc.local \
    /{usr/lib,run,etc}/systemd/{networkd.conf{,.d/*.conf},network/*.network{,.d/*.conf}}; do
    read_file text "$file"
    [[ ! $text =~ $pattern ]] || reply forwarding_files "$file "
  done
}

# Files that are not what our newest generation left: somebody has edited, removed or made them.
find_edited() {
  local store last text was
  for store in "$STORE"/vxlan+([0-9a-f]); do
    newest_generation last "${store##*/}"
    [[ -n $last ]] || continue
    was='' text=''
    [[ $last != *$'\nfile present\n\n'* ]] || was=${last#*$'\nfile present\n\n'}
    [[ ! -f $INTERFACES_D/${store##*/} ]] || read_file text "$INTERFACES_D/${store##*/}"
    [[ $text != "$was" ]] || continue
    last=${last%%$'\nfile '*}$'\n'
    last=${last#*$'\nchange '}
    reply "edited:${store##*/}" "${last%%$'\n'*}"
  done
}

# Whatever ifupdown may read but the tunnels' own files: what it makes of it, the controller knows. A word too much does no harm.
send_interfaces() {
  local file directory text word rest left=1000000 number=0
  local -a queue=(/etc/network/interfaces "$INTERFACES_D"/*)
  local -A sent=()
  while ((number < ${#queue[@]})); do
    file=${queue[number]//\/.\///}
    ((number += 1))
    [[ -f $file && -z ${sent[$file]-} && $file != "$INTERFACES_D"/vxlan+([0-9a-f]) ]] || continue
    sent[$file]=yes
    read_file text "$file"
    ((left -= ${#text} + 100))
    ((left > 0)) || { reply unsent "$file"; return; }
    reply "interfaces:$number" "$file"$'\n'"$text"
    directory=${file%/*}
    cd "$directory" || continue
    text=${text//\\$'\n'/ }
    while read -r word rest; do
      [[ $word == source* ]] || continue
      # shellcheck disable=SC2086 # its words are patterns
      for file in $rest; do
        [[ $file == /* ]] || file=$directory/$file
        if [[ -d $file ]]; then queue+=("$file"/*); else queue+=("$file"); fi
      done
    done <<<"${text//$'\r'/}"
  done
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
