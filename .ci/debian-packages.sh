# shellcheck shell=bash
# Sourced: the Debian packages that the checks and tests use, installed when they are missing and we may.

needed=()
for pair in shellcheck:shellcheck ip:iproute2 unshare:util-linux ssh-keygen:openssh-client git:git; do
  command -v "${pair%%:*}" >/dev/null || needed+=("${pair##*:}")
done
if [ "${#needed[@]}" -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "needed, and not to be installed by this user on this system: ${needed[*]}" >&2
    exit 1
  fi
  echo "installing ${needed[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >/dev/null
  apt-get -qq install -y --no-install-recommends "${needed[@]}" >/dev/null
fi
