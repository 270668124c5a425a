#!/usr/bin/env bash
# npm run test:node-versions: the unit tests that Node.js has a part in, and the package's, with each Node.js of .ci/node-versions. The
# machine's own version is left out: npm test has it. (What is left out of the tests is in test/vitest.config.ts.)
# Part of npm test. Arguments go to vitest.
# The binaries come from npm, by the lock file's digests and without any script, into ~/.cache/vxfleet (530 MB; it may be deleted at any time).
# Where they cannot be had, nothing is tested: under CI that is a failure, elsewhere a message.
# With CI_RESULTS=DIRECTORY the results are left there as data, for .ci/run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/setup.sh
. .ci/setup.sh

readonly CACHE=${XDG_CACHE_HOME:-~/.cache}/vxfleet/node-versions
readonly UNUSED_DAYS=30

# Prints the directory that has node_modules/node-*/bin/node, and fills it when it is not there yet. It is named by its lock file.
fetch() { # LOCK_DIRECTORY
  local digest directory
  digest=$(sha256sum <"$1/package-lock.json")
  directory=$CACHE/${digest:0:16}
  [ -e "$directory" ] || install_into "$directory" "$1" || return 1
  touch "$directory"
  find "$CACHE" -mindepth 1 -maxdepth 1 -mtime "+$UNUSED_DAYS" -exec rm -rf {} +
  echo "$directory"
}

# All or nothing: a run that is killed leaves no half-filled directory under that name.
install_into() { # DIRECTORY LOCK_DIRECTORY
  local next
  mkdir -p "$CACHE" && next=$(mktemp -d "$CACHE/.next.XXXXXX") || return 1
  if ! { cp "$2/package.json" "$2/package-lock.json" "$next" &&
    npm ci --prefix "$next" --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 >&2; }; then
    rm -rf "$next"
    return 1
  fi
  # Another run may have been faster; the two are the same.
  mv --no-target-directory "$next" "$1" 2>/dev/null || rm -rf "$next"
}

# Ends the script where there are no binaries.
give_up() { # REASON
  if [ "${CI:-}" = true ]; then
    echo "node-versions: $1" >&2
    if [ -n "${CI_RESULTS:-}" ]; then echo 'failed node-versions' >>"$CI_RESULTS/checks"; fi
    exit 1
  fi
  echo "node-versions: skipped, tested with $(node --version) only: $1" >&2
  exit 0
}

# `node` and npm's programs are then this one too. Two processes, each of which loads the modules once for all of its files: half of the work.
run_tests() { # BIN_DIRECTORY VERSION [VITEST_ARGUMENT...]
  local bin=$1 version=$2
  shift 2
  local -a reporters=(--reporter=minimal)
  if [ -n "${CI_RESULTS:-}" ]; then reporters+=(--reporter=json "--outputFile.json=$CI_RESULTS/vitest-$version.json"); fi
  VXFLEET_TESTS=node-versions PATH=$bin:$PATH node node_modules/.bin/vitest run --config test/vitest.config.ts \
    --project unit --project package --maxWorkers=2 --no-isolate "${reporters[@]}" "$@"
}

leave_status() { # VERSION STATUS
  if [ -n "${CI_RESULTS:-}" ]; then echo "$2" >"$CI_RESULTS/vitest-$1-status"; fi
}

cpu=$(node -p process.arch)
[ -d ".ci/node-versions/$cpu" ] || give_up "there are no binaries for $cpu"
directory=$(fetch ".ci/node-versions/$cpu") || give_up 'the binaries could not be fetched (why is said above)'

declare -A bins=()
for bin in "$directory"/node_modules/node-*/bin; do
  version=$("$bin/node" --version)
  [ "$version" = "$(node --version)" ] || bins[$version]=$bin
done
# What is killed half-way has a result too.
for version in "${!bins[@]}"; do leave_status "$version" unfinished; done

failed=0
for version in $(printf '%s\n' "${!bins[@]}" | sort --version-sort); do
  printf '\nNode.js %s\n' "$version"
  status=0
  run_tests "${bins[$version]}" "$version" "$@" || status=$?
  leave_status "$version" "$status"
  [ "$status" -eq 0 ] || failed=1
done
exit "$failed"
