# shellcheck shell=bash
# Part of host.bash. Packets, and what the layers below say when none comes back.

probe() { # IF SECONDS [diagnose]
  local interface=$1 seconds=$2 key status silent='' answers before=0 after=0
  local counter=/sys/class/net/$interface/statistics/rx_packets
  read_file before "$counter"
  answers=$(
    while read -r key source target bytes; do
      ping_until "$key" "$seconds" "$source" "$target" "$bytes" &
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

# Prints the key, ping's status and its output as one line. ping waits for its first answer; one that ends early (an ICMP error, an address
# that is not there yet) is started again until the time is over. 48 bytes of the packet are the IPv6 and ICMPv6 headers; -M do
# never fragments.
ping_until() { # KEY SECONDS SOURCE TARGET BYTES
  local now ends left text='' status=1
  tick
  ends=$((now + $2 * 100))
  while ((status != 0 && (left = (ends - now + 99) / 100) > 0)); do
    text=$(exec ping -6 -n -q -c 1 -i 0.2 -w "$left" -M 'do' -s "$(($5 - 48))" -I "$3" "$4" 2>&1 </dev/null)
    status=$?
    ((status == 0)) || pause 0.2
    tick
  done
  printf '%s %s %s\n' "$1" "$status" "${text//$'\n'/ | }"
}

# What the layers below say, for the diagnosis: neighbours and the underlay. And whether a small packet would pass.
below() { # IF KEYS
  local key source target bytes remote=''
  ask ip -j -6 neigh show dev "$1"
  reply neighbours "$out"
  ask ip -j -d link show dev "$1"
  [[ $out =~ \"remote\":\"([0-9.]+)\" ]] && remote=${BASH_REMATCH[1]}
  if [[ -n $remote ]]; then
    ask ip -j route get "$remote"
    reply underlay_route "$out"
    ask ping -4 -n -q -c 1 -W 1 "$remote"
    # shellcheck disable=SC2031 # ask sets rc here, in this shell
    reply underlay_ping "$rc"
  fi
  reply small "$(
    while read -r key source target bytes; do
      [[ $2 == *" $key "* ]] || continue
      ping -6 -n -q -c 2 -i 0.2 -W 1 -I "$source" "$target" >/dev/null 2>&1 </dev/null 3>&- && printf '%s ' "$key"
    done <<<"${payload%$'\n'}"
  )"
}
