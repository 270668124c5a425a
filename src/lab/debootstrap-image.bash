#!/bin/bash
# Makes a Debian release of its own, with debootstrap, for hosts that shall not run the machine's: debootstrap-image.bash CACHE KEY COPY RELEASE [IFUPDOWN]
#
# CACHE/KEY/root is the result, unless it is there already; it is then copied to COPY/root. Nothing of the machine is in it but the address of the
# mirror that the machine's apt uses. Progress goes to stdout, a line a step.
#
# The caller runs this in mount and pid namespaces of its own, so that a kill leaves neither mount nor process.
set -euo pipefail
umask 022

cache=$1
key=$2
copy=$3
release=$4
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=src/lab/image-parts.bash
. "$here/image-parts.bash"
choose_ifupdown "$release" "${5-}"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# A tmpfs, gone with the mount namespace: dpkg syncs every file that it writes, which costs nothing there.
memory=$cache/building/memory
root=$memory/root

# Emptied, since no host reads it: more than half of what debootstrap leaves. And what it copied from the machine, or made for this one system.
unneeded=(
  usr/share/{doc,info,locale,man} var/cache/apt var/cache/debconf var/lib/apt/lists var/log dev run
)
unique=(etc/resolv.conf etc/hostname etc/machine-id)

# The mirror of the machine's own apt that has the release, or else the machine's own release. Prints nothing when there is none: debootstrap
# has a default.
find_mirror() {
  local own
  own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  { apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null || true; } |
    awk -v wanted="$release" -v own="$own" '
      $2 == "main" && ($1 == wanted || $1 == own) && !($1 in mirror) { mirror[$1] = $3 }
      END { print wanted in mirror ? mirror[wanted] : mirror[own] }'
}

# debootstrap fetches with wget, which knows nothing of apt's settings and by itself waits for 15 minutes for a host that does not answer.
configure_wget() {
  local proxy=
  printf 'timeout = 20\ntries = 2\n' >"$memory/wgetrc"
  export WGETRC=$memory/wgetrc
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [[ -z $proxy || $proxy == DIRECT ]] || export http_proxy=$proxy
}

# What debootstrap complained of, and the end of what the programs printed that it ran.
tail_logs() {
  grep -v '^I: ' "$memory/log" | tail -n 3
  tail -n 6 "$root/debootstrap/debootstrap.log" 2>/dev/null
}

run_debootstrap() {
  local mirror packages
  mirror=$(find_mirror)
  packages=$(IFS=, && echo "${host_packages[*]}")
  echo "making the image of Debian $release with debootstrap: about a minute, once"
  LC_ALL=C debootstrap --variant=minbase --keyring="$keyring" --force-check-gpg --include="$packages" \
    "$release" "$root" ${mirror:+"$mirror"} </dev/null >"$memory/log" 2>&1 && return
  fail "debootstrap could not make Debian $release from ${mirror:-its default mirror}:
$(tail_logs)" "The packages come from the mirror of the machine's own apt: see whether apt-get update works."
}

build() {
  command -v debootstrap >/dev/null || fail "an image of Debian $release needs the program debootstrap" 'apt-get install debootstrap'
  [[ -r $keyring ]] || fail "an image of Debian $release needs Debian's keys, $keyring" 'apt-get install debian-archive-keyring'
  mkdir "$memory"
  mount -t tmpfs -o mode=755 tmpfs "$memory"
  configure_wget
  run_debootstrap
  write_host_files "$root"
  (cd "$root" && rm -rf "${unneeded[@]}" "${unique[@]}" etc/ssh/ssh_host_* && mkdir -p "${unneeded[@]}")
  cp -a "$root" "$cache/building/root"
  umount "$memory"
  rmdir "$memory"
}

keep_image "$cache" "$key" "$copy"
