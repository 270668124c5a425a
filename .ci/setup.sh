# shellcheck shell=bash
# Sourced, in the repository's root, by what must work on a fresh clone: dependencies and dist/, each only when missing or out of date.

# Whether anything that dist/ is made of is newer than it.
is_dist_stale() {
  [ ! -e dist/bin.js ] || [ -n "$(find src tsconfig.json package-lock.json -newer dist/bin.js -print -quit)" ]
}

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo 'vxfleet needs Node.js 20.19 or newer, with npm.' >&2
  exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "vxfleet needs Node.js 20.19 or newer, this is $(node --version)." >&2
  exit 1
fi

# npm writes the hidden lock file as the last step of an installation.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'Installing the dependencies…'
  npm ci --ignore-scripts --include=dev --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi

if is_dist_stale; then
  echo 'Building…'
  .ci/build.sh
fi
