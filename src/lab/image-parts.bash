# shellcheck shell=bash
# Sourced by the programs that make an image: what every image has, and how one is kept in the cache.

# Programs of the image run in its root, where the directory that this names may not be.
unset TMPDIR

# What a Debian server has that vxfleet needs, sudo for who logs in as another than root, ps, which the lab needs, and nft for NAT and filters.
# shellcheck disable=SC2034 # read where this is sourced
host_packages=(openssh-server ifupdown iproute2 iputils-ping nftables procps sudo)

# choose_ifupdown RELEASE [ifupdown2|ifupdown-ng]: which ifupdown a host has. Until Debian 12 ifupdown-ng is `ifup`; then it stands beside as `ifup-ng`.
choose_ifupdown() {
  case ${2-} in
    '') ;;
    ifupdown-ng) [[ $1 == @(bullseye|bookworm) ]] && host_packages[1]=$2 || host_packages+=("$2") ;;
    *) host_packages[1]=$2 ;;
  esac
}

# fail MESSAGE [HINT]: facts first, then what to do about it, on a line that the caller recognises.
fail() {
  printf '%s\n' "$1" >&2
  [[ -z ${2-} ]] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

# keep_image CACHE KEY COPY: copies CACHE/KEY to COPY. When it is not there yet, `build` makes it in CACHE/building, and it is renamed when it is
# complete. The lock is flock(2) on the cache's directory: it cannot outlive its holder. A copy, because a purge may come while a lab is up.
keep_image() {
  local cache=$1 key=$2 copy=$3
  # The lock must be on the directory that is there now: a purge may have removed the one that was waited for.
  until [[ $cache -ef /proc/self/fd/9 ]]; do
    mkdir -p "$cache"
    exec 9<"$cache"
    flock 9
  done
  rm -rf "$cache/building"
  if [[ ! -d $cache/$key ]]; then
    command -v apt-get >/dev/null || fail 'this machine has no apt-get' 'The lab needs a Debian system: use one in a virtual machine.'
    mkdir "$cache/building"
    build
    mv -T "$cache/building" "$cache/$key"
  fi
  mkdir -p "$(dirname "$copy")"
  cp -a -T "$cache/$key" "$copy"
}

# write_host_files ROOT: the network and the sshd of a host, the same in every image.
write_host_files() {
  local root=$1 needed
  cat >"$root/etc/network/interfaces" <<'FILE'
# This file describes the network interfaces available on your system
# and how to activate them. For more information, see interfaces(5).

source /etc/network/interfaces.d/*

# The loopback network interface
auto lo
iface lo inet loopback
FILE
  cat >"$root/etc/ssh/sshd_config" <<'FILE'
# A lab host's sshd: root with the lab's key, nothing else.
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
Subsystem sftp internal-sftp
FILE
  for needed in usr/sbin/sshd sbin/ifup bin/ping bin/ps usr/bin/sudo; do
    # In it: a link that begins at the root would lead to the machine's.
    chroot "$root" test -x "/$needed" || fail "the image has no /$needed"
  done
}
