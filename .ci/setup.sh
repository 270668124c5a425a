# shellcheck shell=bash
# Sourced, in the repository's root, by what must work on a fresh clone: Debian packages, dependencies and dist/, each only when missing
# or out of date.

# Installs the packages of the programs that are missing. Fails, naming them, when it may not.
install_programs() { # PROGRAM=PACKAGE...
  local pair
  local -a packages=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
  done
  [ "${#packages[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "These Debian packages are needed: ${packages[*]}" >&2
    return 1
  fi
  echo "Installing ${packages[*]}…"
  apt-get -qq update
  # Quiet unless it fails: dpkg would print a line a file.
  local log status=0
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >"$log" 2>&1 || status=$?
  [ "$status" -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo 'vxfleet needs Node.js 20.19 or newer, with npm.' >&2
  exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "vxfleet needs Node.js 20.19 or newer, this is $(node --version)." >&2
  exit 1
fi

# What the lab runs on the machine itself (src/lab/check-machine.ts). The rest goes into the lab's image.
install_programs ip=iproute2 flock=util-linux unshare=util-linux nsenter=util-linux setpriv=util-linux mount=mount

# npm writes the hidden lock file as the last step of an installation.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'Installing the dependencies…'
  npm ci --ignore-scripts --include=dev --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi

.ci/build.sh --if-stale
