#!/bin/bash
# pid 1 of a lab host: host-init.bash DEVICE ADDRESS PORT
#
# What systemd does on a real one: the network, sshd for ever, and the reaping of orphans (bash waits for every child that is given to it).
# Says "ready" on file descriptor 3 when sshd listens. Its output is the host's console.
set -u
umask 022
# The lab may be gone from the other end of the descriptor and of the console; a host goes on.
trap '' PIPE HUP INT

device=$1
address=$2
port=$3

mkdir -p /run/sshd /run/network /run/lock
ip link set lo up
# As systemd-sysctl does.
for file in /etc/sysctl.d/*.conf; do [[ ! -f $file ]] || sysctl -q -p "$file"; done
ip address add "$address/15" dev "$device"
ip link set "$device" up
# As its networking.service does: what ifupdown2 remembers is on the disk, and is forgotten here after a boot.
networking=/usr/share/ifupdown2/sbin/start-networking
if [[ -x $networking ]]; then "$networking" start 3>&-; else ifup -a 3>&-; fi

serve_ssh() {
  while :; do
    /usr/sbin/sshd -D -e -p "$port"
    sleep 1
  done
}
serve_ssh 3>&- &

until [[ -s /run/sshd.pid ]]; do sleep 0.02; done
echo ready >&3
exec 3>&-
while :; do
  wait
  sleep 1
done
