# shellcheck shell=bash
# Part of host.bash. What there is on the host.

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
