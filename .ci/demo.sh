#!/usr/bin/env bash
# The main job, on real hosts: a hub and three spokes in a lab on this machine get their tunnels; one is changed; one breaks.
# Run by `npm run demo`; does its own set-up. Needs root on Linux.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/setup.sh
. .ci/setup.sh

export VXFLEET_LAB=demo
work=$(mktemp -d)
trap 'node dist/bin.js lab down >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
vxfleet() {
  printf '%s$ vxfleet %s%s\n' "$dim" "$*" "$plain"
  node dist/bin.js "$@"
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
ifindexes() { node dist/bin.js lab exec hub -- sh -c 'cd /sys/class/net; for i in vxlan*; do echo "$i $(cat $i/ifindex)"; done'; }

cat >"$work/inventory.yaml" <<'YAML'
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
cd_inventory=(-i "$work/inventory.yaml")

say '1. A hub and three spokes: real sshd, real ifupdown, real VXLAN, in namespaces of their own'
vxfleet lab up "${cd_inventory[@]}"
vxfleet inventory "${cd_inventory[@]}"

say '2. Deploy: both ends of each tunnel are tried, proven with packets, and only then written to /etc'
expect 0 vxfleet lab run -- deploy "${cd_inventory[@]}"

say '3. One spoke gets another UDP port: what would change?'
sed -i '/^  osaka:/a\    vxlan: { dstport: 4790 }' "$work/inventory.yaml"
expect 4 vxfleet lab run -- diff --exit-code "${cd_inventory[@]}"

say '4. Deploy it: only that tunnel is bounced'
ifindexes >"$work/before"
expect 0 vxfleet lab run -- deploy "${cd_inventory[@]}"
ifindexes >"$work/after"
printf '%s on the hub, interface and its number in the kernel, before and after:%s\n' "$dim" "$plain"
join "$work/before" "$work/after" | while read -r interface before after; do
  printf '  %-8s %4s -> %-4s %s\n' "$interface" "$before" "$after" "$([ "$before" = "$after" ] && echo untouched || echo bounced)"
done

say '5. Deploy again: nothing changes'
expect 0 vxfleet lab run -- deploy "${cd_inventory[@]}"

say "6. Life happens: tokyo's line is cut"
vxfleet lab cut tokyo
expect 1 vxfleet lab run -- verify --verify-timeout 2 "${cd_inventory[@]}"

say '7. The line is back'
vxfleet lab heal tokyo
expect 0 vxfleet lab run -- verify "${cd_inventory[@]}"

say '8. Everything is taken away again'
vxfleet lab down
