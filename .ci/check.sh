#!/usr/bin/env bash
# npm run check: every check of the source that needs no run. All of them run; the output of those that fail is shown.
# With CI_RESULTS=DIRECTORY a line "ok NAME" or "failed NAME" for each is left in DIRECTORY/checks.
set -euo pipefail
cd "$(dirname "$0")/.."

output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
names=()
failed=()

# Starts one; they run beside each other.
check() { # NAME COMMAND...
  local name=$1
  shift
  names+=("$name")
  { "$@" >"$output/$name" 2>&1 || echo "$*" >"$output/$name.failed"; } &
}

# Shows them in their order.
show() {
  local name
  wait
  for name in "${names[@]}"; do
    if [ ! -e "$output/$name.failed" ]; then
      echo "  ok      $name"
      record ok "$name"
    else
      echo "  FAILED  $name: $(cat "$output/$name.failed")"
      sed 's/^/    /' "$output/$name"
      record failed "$name"
      failed+=("$name")
    fi
  done
}

record() {
  if [ -n "${CI_RESULTS:-}" ]; then echo "$1 $2" >>"$CI_RESULTS/checks"; fi
}

# dependency-cruiser says nothing when it cannot read TypeScript and looks at no file: so the count is checked too.
layers() {
  local report sources
  report=$(node_modules/.bin/depcruise --config .dependency-cruiser.cjs src) || {
    echo "$report"
    return 1
  }
  echo "$report"
  sources=$(find src -name '*.ts' | wc -l)
  local cruised
  cruised=$(sed -n 's/.*(\([0-9]*\) modules.*/\1/p' <<<"$report")
  [ "${cruised:-0}" -ge "$sources" ] || {
    echo "only ${cruised:-0} of $sources source files were looked at"
    return 1
  }
}

shell_programs() {
  local -a programs
  mapfile -d '' programs < <(
    find . \( -name node_modules -o -name dist -o -name '.dist.*' -o -name .git \) -prune -o \
      -type f \( -name '*.sh' -o -name '*.bash' -o -path ./.ci/run \) -print0
  )
  shellcheck --external-sources --check-sourced "${programs[@]}"
}

# perltidy prints what the program should look like; its status says only whether it could read it.
perl_programs() {
  local program
  local -a programs
  mapfile -d '' programs < <(find src -name '*.pl' -print0)
  for program in "${programs[@]}"; do
    perl -c "$program" 2>&1 | grep -v ' syntax OK$' && return 1
    perltidy -pro=.perltidyrc -st -se "$program" | diff -u "$program" - || return 1
  done
  perlcritic --quiet --profile .perlcriticrc "${programs[@]}"
}

echo 'Checks'
check types node_modules/.bin/tsc --project tsconfig.json --noEmit
check test-types node_modules/.bin/tsc --project test/tsconfig.json
check lint node_modules/.bin/oxlint --type-aware --deny-warnings
check format node_modules/.bin/prettier --check --log-level warn .
check layers layers
check unused node_modules/.bin/knip --no-progress
check shell shell_programs
check perl perl_programs
show

if [ "${#failed[@]}" -gt 0 ]; then
  echo "${#failed[@]} of the checks failed: ${failed[*]}" >&2
  exit 1
fi
