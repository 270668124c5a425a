#!/usr/bin/env bash
# Builds dist/ from src/: one file of JavaScript (bundle.mjs), and the programs of hosts and of the lab in folders as in src/. With --if-stale
# only when something that dist/ is made of is newer than it.
# Beside it .dist.modules/, the same as a file for each module, for what reaches into the program: the campaign, tests of the lab, bench/.
# Both are replaced only when all has been built: a type error leaves the old ones in place.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --if-stale ]; then
  if [ -e dist/bin.js ] && [ -e .dist.modules/bin.js ] && [ -z "$(find src tsconfig.json package-lock.json .ci/bundle.mjs -newer dist/bin.js -print -quit)" ]; then exit 0; fi
  echo 'Building…'
fi

next=$(mktemp -d .dist.XXXXXX)
modules=$(mktemp -d .dist.XXXXXX)
trap 'rm -rf "$next" "$modules"' EXIT
chmod 755 "$next" "$modules"

node_modules/.bin/tsc --project tsconfig.json --noEmit false --rootDir src --outDir "$modules"
node .ci/bundle.mjs "$next"

while IFS= read -r -d '' program; do
  for target in "$next/${program#src/}" "$modules/${program#src/}"; do
    mkdir -p "$(dirname "$target")"
    cp "$program" "$target"
  done
done < <(find src -type f ! -name '*.ts' -print0)

chmod +x "$next/bin.js" "$modules/bin.js"
rm -rf dist .dist.modules
mv "$modules" .dist.modules
mv "$next" dist
