#!/bin/bash
# Builds what a lab host has and the machine lacks, as one overlayfs layer: build-image.bash CACHE KEY COPY [IFUPDOWN]
#
# CACHE/KEY/upper is the result, unless it is there already; it is then copied to COPY/upper. It holds the packages that a Debian server
# with ifupdown and sshd has, and whiteouts over everything of the machine that a host must not see. The machine itself is only ever read. Progress goes to stdout, a line a step.
#
# The caller runs this in mount and pid namespaces of its own, so that a kill leaves neither mount nor process.
set -euo pipefail
umask 022

cache=$1
key=$2
copy=$3
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=src/lab/mount-api.bash
. "$here/mount-api.bash"
# shellcheck source=src/lab/image-parts.bash
. "$here/image-parts.bash"
choose_ifupdown "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" "${4-}"

work=$cache/building
root=$work/root

# Top-level entries that a Debian system needs; anything else (/data, /work, a backup disk) is the machine's own business.
system=" bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var "

# Emptied in every host: mode and path. Empty directories stay, the machine's content does not.
emptied=(
  '0700 root' '0755 home' '0755 boot' '0755 media' '0755 mnt' '0755 opt' '0755 srv'
  '0755 etc/ssh' '0755 etc/profile.d' '0755 etc/network/interfaces.d' '0755 etc/sysctl.d' '0755 etc/apt/auth.conf.d' '0710 etc/ssl/private'
  '0750 etc/sudoers.d' '0755 etc/cron.d' '0755 etc/cron.daily' '0755 etc/cron.hourly' '0755 etc/cron.monthly' '0755 etc/cron.weekly' '0755 etc/cron.yearly'
  '0755 var/spool/cron' '0755 var/cache/apt' '0755 var/lib/apt/lists' '0755 var/cache/vxfleet-lab'
  '0755 var/log' '0755 var/backups' '2775 var/mail' '1777 var/tmp'
)
# Removed in every host.
removed=(
  etc/bash.bashrc etc/environment etc/profile etc/crontab etc/anacrontab etc/nologin etc/hosts.allow etc/hosts.deny etc/ld.so.preload
  etc/apt/auth.conf etc/network/interfaces etc/sysctl.conf usr/sbin/policy-rc.d var/lib/vxfleet
  etc/network/if-pre-up.d etc/network/if-up.d etc/network/if-down.d etc/network/if-post-down.d
)

mount_image() {
  mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
}

install_packages() {
  local package missing=()
  for package in "${host_packages[@]}"; do
    # shellcheck disable=SC2016 # dpkg-query's own variable
    [[ $(chroot "$root" dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # 101: no service may be started while packages are installed
  chmod 755 "$root/usr/sbin/policy-rc.d"
  echo "installing ${missing[*]} into the image"
  export DEBIAN_FRONTEND=noninteractive
  chroot "$root" apt-get -q update </dev/null >"$work/apt.log" 2>&1 || echo 'apt-get update failed' >>"$work/apt.log"
  if ! chroot "$root" apt-get -qy --no-install-recommends install "${missing[@]}" </dev/null >>"$work/apt.log" 2>&1; then
    fail "apt-get could not install ${missing[*]} into the image:
$(tail -n 12 "$work/apt.log")" "The packages come from the machine's own sources: see whether apt-get update works."
  fi
}

# Written straight into the layer, not through the mount: a whiteout (a character device 0:0) hides a directory of any size at once.
white_out() {
  local path=$1
  rm -rf "${work:?}/upper/$path"
  # What the machine has not got today it may get while a lab runs.
  [[ -e /$path || -L /$path || -d /$(dirname "$path") ]] || return 0
  mkdir -p "$work/upper/$(dirname "$path")"
  mknod "$work/upper/$path" c 0 0
}

hide_machine() {
  local entry
  for entry in /* /.[!.]*; do
    entry=${entry#/}
    [[ $system == *" $entry "* || ! -e /$entry ]] || white_out "$entry"
  done
  for entry in "${removed[@]}"; do white_out "$entry"; done
  for entry in "${emptied[@]}"; do
    # A directory that is mounted over on the machine is empty in the overlay anyway.
    white_out "${entry#* }"
  done
}

# Through the mount: a directory made over a whiteout is opaque, so what the machine adds later stays hidden too.
write_fresh_files() {
  local entry hooks
  for entry in "${emptied[@]}"; do
    mkdir -p "$root/${entry#* }"
    chmod "${entry%% *}" "$root/${entry#* }"
  done
  for hooks in pre-up up down post-down; do mkdir -p "$root/etc/network/if-$hooks.d"; done
  mkdir -p "$root/run" "$root/tmp" "$root/proc" "$root/sys" "$root/dev"
  install -m 644 "$root/usr/share/base-files/profile" "$root/etc/profile"
  : >"$root/etc/environment"
  : >"$root/etc/bash.bashrc"
  cat >"$root/etc/sudoers" <<'FILE'
# As on a stock Debian 12.
Defaults env_reset
Defaults mail_badpass
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults use_pty
root ALL=(ALL:ALL) ALL
%sudo ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
FILE
  chmod 440 "$root/etc/sudoers"
  # No password of the machine is worth anything in a host; `*` lets a key in where `!` would not.
  sed -i 's/^\([^:]*\):[^:]*:/\1:*:/' "$root/etc/shadow"
  rm -f "$root/etc/shadow-" "$root/etc/gshadow-"
  sed -i 's|^\(root:.*\):[^:]*$|\1:/bin/bash|' "$root/etc/passwd"
  write_host_files "$root"
}

build() {
  mkdir -p "$work"/{upper,work,root}
  if ! mount_image 2>"$work/mount.log"; then
    fail "overlayfs cannot keep a layer in $cache: $(head -n 1 "$work/mount.log")" \
      "In a container, whose root is an overlay itself, mount a volume or a tmpfs at $cache."
  fi
  mount_api "$root"
  install_packages
  umount -R "$root"
  hide_machine
  mount_image
  write_fresh_files
  umount "$root"
  rm -rf "$work"/{work,root} "$work"/*.log
}

keep_image "$cache" "$key" "$copy"
