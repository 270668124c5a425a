#!/usr/bin/env bash
# The main job, on real hosts: a hub and three spokes in a lab on this machine get their tunnels; one is changed; one change cannot work;
# one line is cut.
# Run by `npm run demo`; does its own set-up. Needs root on Debian. Takes under a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/setup.sh
. .ci/setup.sh

export VXFLEET_LAB=demo
repository=$PWD
work=$(mktemp -d)
trap 'node "$repository/dist/bin.js" lab down >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
vxfleet() {
  printf '%s$ vxfleet %s%s\n' "$dim" "$*" "$plain"
  node "$repository/dist/bin.js" "$@"
}
# Runs a command that must end with the given status; anything else ends the demo.
expect() { # STATUS COMMAND...
  local want=$1 got=0
  shift
  "$@" || got=$?
  if [ "$got" -ne "$want" ]; then
    printf 'demo: expected exit code %s, got %s from: %s\n' "$want" "$got" "$*" >&2
    exit 1
  fi
  printf '%s(exit code %s)%s\n' "$dim" "$got" "$plain"
}
# The kernel's number of each tunnel on the hub: a bounce gives a new one.
ifindexes() { node "$repository/dist/bin.js" lab exec hub -- sh -c 'cd /sys/class/net; for i in vxlan*; do echo "$i $(cat $i/ifindex)"; done'; }

cd "$work"
cat >inventory.yaml <<'YAML'
prefix: 2001:db8:ae00::/40
hub:
  underlay: { address: 198.18.0.1, device: eth0 }
spokes:
  tokyo:
    id: 1
    underlay: { address: 198.18.1.1, device: eth0 }
  osaka:
    id: 2
    underlay: { address: 198.18.1.2, device: eth0 }
  sapporo:
    id: 0x0a
    mode: policy
    underlay: { address: 198.18.1.10, device: eth0 }
YAML


say '1. An inventory: a hub and three spokes, and the addresses that follow from it'
cat inventory.yaml
echo
vxfleet inventory

say '2. A lab with these hosts: real sshd, real ifupdown, real VXLAN, in namespaces of their own on this machine'
vxfleet lab up -i inventory.yaml

say '3. Deploy: both ends of each tunnel are tried, proven with packets, and only then written to /etc'
expect 0 vxfleet lab run -- deploy -i inventory.yaml

say "4. osaka gets another UDP port in the inventory: what would change on the hosts?"
sed -i '/^  osaka:/a\    vxlan: { dstport: 4790 }' inventory.yaml
expect 4 vxfleet lab run -- diff --exit-code -i inventory.yaml

say '5. Deploy it: only that tunnel is bounced'
ifindexes >before
expect 0 vxfleet lab run -- deploy -i inventory.yaml
ifindexes >after
printf "%sThe kernel's number of each interface on the hub, before and after:%s\n" "$dim" "$plain"
join before after | while read -r interface before after; do
  printf '  %-8s %4s -> %-4s %s\n' "$interface" "$before" "$after" "$([ "$before" = "$after" ] && echo untouched || echo bounced)"
done

say '6. Deploy again: nothing changes'
expect 0 vxfleet lab run -- deploy -i inventory.yaml

say "7. A change that cannot work (a template without the hub's route to the /48): tried, found out, put back"
mkdir templates
grep -v 'prefix_48' "$repository/templates/hub.liquid" >templates/hub.liquid
sed 's/^hub:/templates: templates\nhub:/' inventory.yaml >broken.yaml
expect 1 vxfleet lab run -- deploy tokyo --verify-timeout 3 -i broken.yaml
expect 0 vxfleet lab run -- verify tokyo -i inventory.yaml

say "8. A new MTU for all while tokyo's line is cut: the others get it, tokyo is left alone (it is given 10 s)"
printf 'defaults:\n  vxlan: { mtu: 1400 }\n' >>inventory.yaml
vxfleet lab cut tokyo
expect 1 vxfleet lab run -- deploy -i inventory.yaml

say '9. The line is back: the same command does the rest'
vxfleet lab heal tokyo
expect 0 vxfleet lab run -- deploy -i inventory.yaml
expect 0 vxfleet lab run -- verify -i inventory.yaml

say '10. Undo the last run, by the same trial and proof'
expect 0 vxfleet lab run -- rollback -i inventory.yaml

say '11. Who did what: the hosts know'
vxfleet lab run -- history -i inventory.yaml

say '12. Everything is taken away again'
vxfleet lab down
