#!/usr/bin/env bash
# npm test: set-up, every check of the source, every test. On Debian, as root, installs what the tests run and the machine lacks.
# With CI_RESULTS=DIRECTORY the results are also left there as data, for .ci/run. Arguments go to vitest.
set -euo pipefail
cd "$(dirname "$0")/.."

# Prints the Debian packages of the programs that are missing.
missing_packages() {
  local program package
  while read -r program package; do
    command -v "$program" >/dev/null || echo "$package"
  done <<'PROGRAMS' | sort -u
shellcheck shellcheck
ssh-keygen openssh-client
ssh-agent openssh-client
ip iproute2
ping iputils-ping
flock util-linux
unshare util-linux
nsenter util-linux
setpriv util-linux
mount mount
PROGRAMS
}

install_missing_packages() {
  local -a packages
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests need these Debian packages: ${packages[*]}" >&2
    return 1
  fi
  echo "Installing ${packages[*]}…"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
}

install_missing_packages
# shellcheck source=.ci/setup.sh
. .ci/setup.sh

failed=0
.ci/check.sh || failed=1

reporters=()
if [ -n "${CI_RESULTS:-}" ]; then
  reporters=(--reporter=default --reporter=json "--outputFile.json=$CI_RESULTS/vitest.json")
fi
vitest_status=0
node_modules/.bin/vitest run --config test/vitest.config.ts "${reporters[@]}" "$@" || vitest_status=$?
if [ -n "${CI_RESULTS:-}" ]; then echo "$vitest_status" >"$CI_RESULTS/vitest-status"; fi
[ "$vitest_status" -eq 0 ] || failed=1

exit "$failed"
