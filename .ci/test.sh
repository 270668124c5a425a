#!/usr/bin/env bash
# npm test: set-up, every check of the source, every test, and what Node.js has a part in again on other versions of it. On Debian, as root,
# installs what the tests run and the machine lacks.
# With CI_RESULTS=DIRECTORY the results are also left there as data, for .ci/run. With VXFLEET_TESTS=full (npm run test:full) the lab's
# tests run on every Debian that the lab has. Arguments go to vitest; with any, the machine's own Node.js is the only one.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=.ci/setup.sh
. .ci/setup.sh
install_programs shellcheck=shellcheck perltidy=perltidy perlcritic=libperl-critic-perl ssh-keygen=openssh-client ping=iputils-ping debootstrap=debootstrap

failed=0
.ci/check.sh || failed=1

reporters=()
if [ -n "${CI_RESULTS:-}" ]; then
  reporters=(--reporter=default --reporter=json "--outputFile.json=$CI_RESULTS/vitest.json")
fi

# Most of both is waiting, so the other versions of Node.js are tested beside the rest; it is what is niced that gives way. What they print
# comes after it. They are a process group, which does not outlive this script.
node_versions=
log=$(mktemp)
trap '[ -z "$node_versions" ] || kill -- "-$node_versions" 2>/dev/null || true; rm -f "$log"' EXIT
if [ "$#" -eq 0 ]; then
  set -m
  nice -n 10 .ci/node-versions.sh >"$log" 2>&1 &
  node_versions=$!
  set +m
fi

vitest_status=0
node_modules/.bin/vitest run --config test/vitest.config.ts "${reporters[@]}" "$@" || vitest_status=$?
if [ -n "${CI_RESULTS:-}" ]; then echo "$vitest_status" >"$CI_RESULTS/vitest-status"; fi
[ "$vitest_status" -eq 0 ] || failed=1

if [ -n "$node_versions" ]; then
  wait "$node_versions" || failed=1
  node_versions=
  cat "$log"
fi

exit "$failed"
