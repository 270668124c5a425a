#!/usr/bin/env bash
# Builds dist/ from src/: compiled TypeScript, and the bash programs beside it, in the same folders. With --if-stale only when
# something that dist/ is made of is newer than it.
# dist/ is replaced only when all of it has been built: a type error leaves the old one in place.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --if-stale ]; then
  if [ -e dist/bin.js ] && [ -z "$(find src tsconfig.json package-lock.json -newer dist/bin.js -print -quit)" ]; then exit 0; fi
  echo 'Building…'
fi

next=$(mktemp -d .dist.XXXXXX)
trap 'rm -rf "$next"' EXIT
chmod 755 "$next"

node_modules/.bin/tsc --project tsconfig.json --outDir "$next"

while IFS= read -r -d '' program; do
  target=$next/${program#src/}
  mkdir -p "$(dirname "$target")"
  cp "$program" "$target"
done < <(find src -type f \( -name '*.bash' -o -name '*.sh' \) -print0)

chmod +x "$next/bin.js"
rm -rf dist
mv "$next" dist
