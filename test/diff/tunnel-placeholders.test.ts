import { describe, expect, it } from 'vitest';
import { foldDiffs } from '../../src/diff/fold-diffs.js';
import { tunnelPlaceholders } from '../../src/diff/tunnel-placeholders.js';
import { DEFAULTS, type Spoke } from '../../src/inventory/inventory.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { underlay } from '../render/fleet.js';

const ssh = { host: 'h', port: 22, user: 'root', isOfInventory: true, identityFile: undefined, proxyJump: undefined };
const spokeOf = (id: number): Spoke => ({
  name: `site${id}`,
  id,
  mode: 'policy',
  underlay: underlay(`203.0.113.${id}`),
  ssh,
  vni: id,
  dstport: 4789,
  srcport: DEFAULTS.srcport,
  mtu: undefined,
  metric: 512,
  tags: [],
  isolate: false,
});
const { host: _, ...spokeSsh } = ssh;
const plan = makePlan({
  spokeSsh,
  path: 'inventory.yaml',
  prefix: '2001:db8:ae00::/40',
  templates: undefined,
  filter: true,
  hub: { underlay: underlay('198.51.100.1'), ssh, anchor: undefined },
  spokes: Array.from({ length: 255 }, (_, n) => spokeOf(n + 1)),
});

describe('tunnelPlaceholders', () => {
  it('lets one change of the whole fleet fold into one diff', () => {
    const diffs = plan.tunnels.map((tunnel) => ({
      spoke: tunnel.spoke,
      id: tunnel.id,
      end: 'spoke' as const,
      drift: [`${tunnel.interface}: the address ${tunnel.spokeAddress64} is missing.`],
      placeholders: tunnelPlaceholders(tunnel),
      text: [
        `--- ${tunnel.spoke}:/etc/network/interfaces.d/${tunnel.interface}`,
        `+iface ${tunnel.interface} inet6 static`,
        `+  address ${tunnel.spokeAddress80}/80`,
        `+  pre-up ip link add ${tunnel.interface} address ${tunnel.spokeMac} type vxlan id ${tunnel.vni} local ${tunnel.spokeUnderlay.address} dstport ${tunnel.dstport}`,
        `+  up ip -6 rule add from ${tunnel.prefix48} table ${tunnel.table} priority ${tunnel.priority}`,
        `+  up ip -6 route replace default via ${tunnel.hubAddress} table ${tunnel.table} metric ${tunnel.metric}`,
        '',
      ].join('\n'),
    }));
    // Also ids that look like something else: 6 as in `ip -6`, 64 and 80 as in the prefixes' lengths.
    expect(foldDiffs(diffs).map(({ ids }) => ids.length)).toEqual([255]);
  });
});
