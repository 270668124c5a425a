#!/usr/bin/env bash
# Builds dist/ from src/: one file of JavaScript (bundle.mjs), and the programs of hosts and of the lab in folders as in src/. With --if-stale
# only when something that dist/ is made of is newer than it.
# dist/ is replaced only when all of it has been built: a type error leaves the old one in place.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --if-stale ]; then
  if [ -e dist/bin.js ] && [ -z "$(find src tsconfig.json package-lock.json .ci/bundle.mjs -newer dist/bin.js -print -quit)" ]; then exit 0; fi
  echo 'Building…'
fi

next=$(mktemp -d .dist.XXXXXX)
trap 'rm -rf "$next"' EXIT
chmod 755 "$next"

node_modules/.bin/tsc --project tsconfig.json --noEmit
node .ci/bundle.mjs "$next"

while IFS= read -r -d '' program; do
  target=$next/${program#src/}
  mkdir -p "$(dirname "$target")"
  cp "$program" "$target"
done < <(find src -type f ! -name '*.ts' -print0)

chmod +x "$next/bin.js"
rm -rf dist
mv "$next" dist
