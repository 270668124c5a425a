#!/bin/bash
# Makes a lab host's root and becomes its init: start-host.bash STATE LOWER HOST DEVICE ADDRESS PORT
#
# STATE    the lab's directory, with state.json and the tmpfs disks/
# LOWER    what is below the host's own disk, as overlayfs's lowerdir
# HOST     the host's name; DEVICE, ADDRESS its underlay interface and IPv4 address; PORT of sshd
#
# Runs as pid 1 of fresh mount, pid, uts and ipc namespaces in the host's network namespace. File descriptor 3 is where host-init.bash
# says "ready".
set -euo pipefail
umask 022

state=$1
lower=$2
host=$3
device=$4
address=$5
port=$6
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=src/lab/mount-api.bash
. "$here/mount-api.bash"

# `lab down` removes this file first and then kills what is in the namespaces: whoever comes later must not stay.
[[ -e $state/state.json ]] || exit 0

disk=$state/disks/$host
root=$disk/root

# After a reboot the old mount of the same disk may need a moment to go.
for attempt in {1..40}; do
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$disk/upper,workdir=$disk/work" "$root" && break
  ((attempt < 40)) || { echo "the root of $host could not be mounted" >&2; exit 1; }
  sleep 0.05
done
mount_api "$root"
printf '%s' "$host" >/proc/sys/kernel/hostname

# The kernel's knobs belong to the machine, but for those of the host's own network namespace.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
[[ ! -e $root/proc/sysrq-trigger ]] || mount --bind /dev/null "$root/proc/sysrq-trigger"

install -m 755 "$here/host-init.bash" "$root/run/lab-init"
cd "$root"
pivot_root . .
umount -l .
cd /

# Root in a host is root on its network and its files, not on the machine.
drop=-sys_module,-sys_rawio,-sys_time,-sys_boot,-mknod,-syslog
exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --bounding-set="$drop" --inh-caps="$drop" /bin/bash /run/lab-init "$device" "$address" "$port"
