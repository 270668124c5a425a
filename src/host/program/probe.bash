# shellcheck shell=bash
# Part of host.bash. Packets, and what the layers below say when none comes back.

probe() { # IF SECONDS [diagnose]
  local interface=$1 seconds=$2 diagnose=${3-} answers='' before=0 after=0 pieces more started now
  local -a pipes=()
  local counter=/sys/class/net/$interface/statistics/rx_packets questions=${payload%$'\n'}
  read_file before "$counter"
  count_fragments pieces
  # Who has asked for the other end while that was down asks again only after a second: what the hub forwards is enough for it.
  [[ $WRITES != yes ]] || ask ip -6 neigh flush dev "$interface" nud incomplete nud failed
  send_pings
  await_pings
  answers=${answers%$'\n'}
  tick
  reply answered_at "$((now * 10))"
  reply pings "$answers"
  read_file after "$counter"
  reply received "$((after - before))"
  count_fragments more
  reply fragments "$((more - pieces))"
}

# Pieces of IPv4 packets that have come to the host since it started: ReasmReqds of /proc/net/snmp.
count_fragments() { # VARIABLE
  local text
  local -a words
  read_file text /proc/net/snmp
  text=${text#*$'\nIp: '}
  # shellcheck disable=SC2206 # numbers
  words=(${text%%$'\n'*})
  printf -v "$1" '%s' "${words[13]:-0}"
}

# One process a question, for the first second: nearly all are answered by then. Their outputs' descriptors go into $pipes.
send_pings() {
  local key source target bytes pipe
  tick
  started=$now
  while read -r key source target bytes; do
    exec {pipe}< <(ping_once 1 "$source" "$target" "$bytes")
    pipes+=("$pipe")
  done <<<"$questions"
}

# Into $answers, a line "KEY STATUS OUTPUT" each. Who has not answered in the first second is asked until the time is over; meanwhile the
# layers below are looked at, so that nobody waits for the diagnosis.
await_pings() {
  local key source target bytes pipe text left late='' silent='' looking=''
  local -a asking
  while read -r key source target bytes; do
    text='' pipe=${pipes[0]} pipes=("${pipes[@]:1}")
    IFS= read -rN 65536 -u "$pipe" text
    exec {pipe}<&-
    # Of a process substitution bash may have forgotten the status.
    if [[ $text == *' 1 received'* ]]; then
      answers+="$key 0 ${text//$'\n'/ | }"$'\n'
    else
      late+="$key $source $target $bytes ${text//$'\n'/ | }"$'\n'
      silent+="$key "
    fi
  done <<<"$questions"
  [[ -n $late ]] || return 0
  if [[ -n $diagnose ]]; then
    below "$interface" " $silent" &
    looking=$!
  fi
  tick
  left=$((started + seconds * 100 - now))
  answers+=$(
    asking=()
    while read -r key source target bytes text; do
      ping_until "$key" "$left" "$source" "$target" "$bytes" "$text" &
      asking+=("$!")
    done <<<"${late%$'\n'}"
    await "${asking[@]}"
  ) 3>&- 4<&-
  await ${looking:+"$looking"}
}

# Ends with the first answer. 48 bytes of the packet are the IPv6 and ICMPv6 headers; -M do never fragments.
ping_once() { # SECONDS SOURCE TARGET BYTES
  exec ping -6 -n -q -c 1 -i 0.2 -w "$1" -M 'do' -s "$(($4 - 48))" -I "$2" "$3" 2>&1 </dev/null 3>&- 4<&- 9>&-
}

# Prints the key, ping's status and its output as one line. A ping that ends early (an ICMP error, an address that is not there yet) is
# started again until the time is over. 126, as a shell says of what it cannot run: this ping cannot ask.
ping_until() { # KEY HUNDREDTHS SOURCE TARGET BYTES TEXT
  local now ends left text=$6 status=1
  tick
  ends=$((now + $2))
  while ((status != 0 && (left = (ends - now + 99) / 100) > 0)) && ! is_ping_fault "$text"; do
    text=$(ping_once "$left" "$3" "$4" "$5")
    status=$?
    ((status == 0)) || pause 0.2
    tick
  done
  ! is_ping_fault "$text" || status=126
  printf '%s %s %s\n' "$1" "$status" "${text//$'\n'/ | }"
}

# Is that what a ping says that cannot do what it is asked for: another one than iputils', or one that may not open its socket, or none?
# One that has sent something can; the firewall that does not permit it is another matter.
is_ping_fault() { # OUTPUT
  [[ $1 != *' transmitted'* && $1 == @(*'nvalid option'*|*'nrecognized option'*|*[Uu]sage:*|*'not permitted'*|*'ermission denied'*|*'not found'*) ]]
}

# Tries the very options on the host itself, before the first trial: into $ping_fault what is wrong. That ::1 answers is not asked for.
find_ping_fault() {
  local text
  text=$(ping_once 1 ::1 ::1 1280)
  is_ping_fault "$text" || return 0
  ping_fault=${text#*: line +([0-9]): }
  ping_fault=${ping_fault%%$'\n'*}
}

# What the layers below say, for the diagnosis: neighbours and the underlay. And whether a small packet would pass.
below() { # IF KEYS
  local key source target bytes remote='' local='' device='' out rc
  local -a asking=()
  while read -r key source target bytes; do
    [[ $2 == *" $key "* ]] || continue
    { ! ping -6 -n -q -c 1 -i 0.2 -w 1 -I "$source" "$target" >/dev/null 2>&1 </dev/null || reply small "$key "; } &
    asking+=("$!")
  done <<<"$questions"
  ask ip -j -6 neigh show dev "$1"
  reply neighbours "$out"
  ask ip -j -d link show dev "$1"
  [[ $out =~ \"remote\":\"([0-9.]+)\" ]] && remote=${BASH_REMATCH[1]}
  [[ $out =~ \"local\":\"([0-9.]+)\" ]] && local=${BASH_REMATCH[1]}
  [[ $out =~ \"info_data\":\{[^}]*\"link\":\"([^\"]+)\" ]] && device=${BASH_REMATCH[1]}
  if [[ -n $remote ]]; then
    # As the tunnel's packets go: a rule may send them another way than those of the host.
    ask ip -j route get "$remote" ${local:+from "$local"} ${device:+oif "$device"}
    reply underlay_route "$out"
    ask ping -4 -n -q -c 1 -w 1 ${local:+-I "$local"} "$remote"
    reply underlay_ping "$rc"
  fi
  await "${asking[@]}"
}
