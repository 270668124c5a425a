# shellcheck shell=bash
# Sourced by build-image.bash and start-host.bash: the file systems that a root needs besides its files.

# mount_api ROOT: a proc for the current pid namespace, a sysfs for the current network namespace, and a /dev that holds the harmless
# devices only (the machine's own /dev would let a host write to the machine's disks).
mount_api() {
  local root=$1 node
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t tmpfs -o mode=755,size=64k tmpfs "$root/dev"
  while read -r node major minor; do
    mknod -m 666 "$root/dev/$node" c "$major" "$minor"
  done <<'NODES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
NODES
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s fd/0 "$root/dev/stdin"
  ln -s fd/1 "$root/dev/stdout"
  ln -s fd/2 "$root/dev/stderr"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
}
