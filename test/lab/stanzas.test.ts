/** What the stanzas are for, on real hosts: docs/templates.md has the lines, docs/hosts.md what a user does beside them. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { hostNamespace } from '../../src/lab/lab-paths.js';
import { beginDeployed, labAvailability, labOfCheckout, startLab, until, type TestLab } from './harness.js';

const unavailable = await labAvailability();

const HOSTS_DOC = fileURLToPath(new URL('../../docs/hosts.md', import.meta.url));

const TUNNELS = {
  tokyo: {
    interface: 'vxlan01',
    prefix80: '2001:db8:ae00:0:1::',
    prefix64: '2001:db8:ae00:1::',
    prefix48: '2001:db8:ae01:',
  },
  osaka: {
    interface: 'vxlan02',
    prefix80: '2001:db8:ae00:0:2::',
    prefix64: '2001:db8:ae00:2::',
    prefix48: '2001:db8:ae02:',
  },
} as const;
type Spoke = keyof typeof TUNNELS;

const inventory = (hub: string, tokyo: string, vxlan = ''): string => `prefix: 2001:db8:ae00::/40
hub: ${hub}
spokes:
  tokyo:
    id: 1
    ${tokyo}
    ${vxlan}
  osaka:
    id: 2
    mode: policy
    underlay: { address: 198.18.1.2, device: eth0 }
`;
const HUB = '{ underlay: { address: 198.18.0.1, device: eth0 } }';
const TOKYO = 'underlay: { address: 198.18.1.1, device: eth0 }';
const INVENTORY = inventory(HUB, TOKYO);

/** A host of the LAN behind a spoke: a namespace that `lab down` removes with the hosts' because of its name. */
const LAN_HOST = hostNamespace(labOfCheckout('stanzas'), 'lan');

describe.skipIf(unavailable !== undefined)(`the stanzas on real hosts ${unavailable ?? ''}`, () => {
  let lab: TestLab;

  /** A command of the machine itself, outside of every host. */
  const machine = async (script: string): Promise<string> => (await promisify(execFile)('sh', ['-euc', script])).stdout;

  /** As root on a host; must succeed. */
  const on = async (host: string, script: string): Promise<string> => {
    const outcome = await lab.exec(host, ['bash', '-euc', script]);
    expect({ script, ...outcome }).toMatchObject({ code: 0 });
    return outcome.stdout;
  };

  const vxfleet = async (...argv: string[]): Promise<{ code: number | null; recap: Recap }> => {
    const { code, stdout } = await lab.run([...argv, '--output', 'json']);
    return { code, recap: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap };
  };

  beforeAll(async () => {
    lab = await startLab('stanzas', { inventoryText: INVENTORY });
  });
  beforeEach(async () => {
    for (const host of lab.hosts) await on(host, 'nft flush ruleset');
    await beginDeployed(lab, INVENTORY);
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('leave nothing to a scan of their prefixes: few neighbours, and "unreachable" for what nobody has', async () => {
    /** A datagram to each of 600 addresses; the kernel may refuse any of them. */
    const scan = (prefix: string): string =>
      `for i in {16..615}; do printf -v address '${prefix}%x' "$i"; printf x >"/dev/udp/$address/9"; done 2>/dev/null || true`;
    const neighbours = async (host: string): Promise<number> =>
      Number(await on(host, 'ip -6 neigh show nud all | grep -vc NOARP || true'));

    for (const { prefix80, prefix64, prefix48 } of Object.values(TUNNELS)) {
      for (const address of [`${prefix64}77`, `${prefix48}:77`]) {
        const { code, stdout } = await lab.exec('hub', ['ping', '-6', '-n', '-c1', '-W5', address]);
        expect({ address, code, stdout }).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/From \S+::2 .* unreachable: No route/),
        });
      }
      for (const prefix of [prefix80, prefix64, `${prefix48}:`]) {
        for (const host of lab.hosts) {
          await on(host, scan(prefix));
          for (const seen of lab.hosts) expect(await neighbours(seen)).toBeLessThan(20);
        }
      }
    }
    expect((await vxfleet('verify')).code).toBe(0);
  });

  it('leave the /64 and the /48 to a LAN behind the spoke', async () => {
    const lan = async (spoke: Spoke, network: string): Promise<void> => {
      await machine(`
        ip netns del ${LAN_HOST} 2>/dev/null || true
        ip netns add ${LAN_HOST}
        ip -n ${LAN_HOST} link add eth0 type veth peer name eth1 netns ${hostNamespace(lab.name, spoke)}
        ip -n ${LAN_HOST} link set eth0 up
        ip -n ${LAN_HOST} addr add ${network}77/64 dev eth0 nodad
        ip -n ${LAN_HOST} route add default via ${network}2`);
      await on(
        spoke,
        `printf 'auto eth1\\niface eth1 inet6 static\\n  address ${network}2/64\\n' >/etc/network/interfaces.d/eth1
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        ifup eth1`,
      );
      // From the hub to the LAN, and back by the spoke's default route or rules.
      expect(await lab.exec('hub', ['ping', '-6', '-c3', '-i0.2', '-W5', `${network}77`])).toMatchObject({ code: 0 });
      const hub = `${TUNNELS[spoke].prefix80}1`;
      expect(await machine(`ip netns exec ${LAN_HOST} ping -6 -c3 -i0.2 -W5 ${hub}`)).toMatch(/ 0% packet loss/);
      expect(await vxfleet('verify')).toMatchObject({ code: 0, recap: { counts: { unchanged: 2 } } });
      // A bounce takes nothing from it, and a reboot brings both back.
      expect(await vxfleet('deploy', spoke, '--force')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
      expect(await lab.exec('hub', ['ping', '-6', '-c1', '-W5', `${network}77`])).toMatchObject({ code: 0 });
      await on(spoke, 'ifdown eth1; rm /etc/network/interfaces.d/eth1; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding');
      await machine(`ip netns del ${LAN_HOST}`);
    };
    // The routed /64 itself, and a /64 of the /48; from a spoke of each mode.
    await lan('tokyo', TUNNELS.tokyo.prefix64);
    await lan('osaka', `${TUNNELS.osaka.prefix48}1::`);
  });

  it('send from a small range of UDP ports, or from one', async () => {
    const count = async (host: string, ports: string): Promise<void> => {
      await on(
        host,
        `nft flush ruleset; nft -f - <<'RULES'
table inet ports {
  counter within {}
  counter beyond {}
  chain sent {
    type filter hook output priority 0;
    udp dport 4789 udp sport ${ports} counter name within
    udp dport 4789 udp sport != ${ports} counter name beyond
  }
}
RULES`,
      );
    };
    const counted = async (host: string): Promise<{ within: number; beyond: number }> => {
      const answer = await on(host, 'nft list counters');
      const packets = (name: string) => Number(new RegExp(`counter ${name} \\{\\s*packets (\\d+)`).exec(answer)?.[1]);
      return { within: packets('within'), beyond: packets('beyond') };
    };
    /** 300 flows of the tunnel's, a packet each; the kernel chooses an outer port by their addresses and ports. */
    const FLOWS = 300;
    const send = async (from: string, address: string): Promise<void> => {
      await on(from, `for i in {1..${FLOWS}}; do printf x >/dev/udp/${address}/$((1000 + i)); done`);
    };
    const expectWithin = async (ports: string): Promise<void> => {
      await count('hub', ports);
      await count('tokyo', ports);
      await send('hub', `${TUNNELS.tokyo.prefix80}2`);
      await send('tokyo', `${TUNNELS.tokyo.prefix80}1`);
      for (const host of ['hub', 'tokyo']) {
        const { within, beyond } = await counted(host);
        expect(beyond).toBe(0);
        expect(within).toBeGreaterThanOrEqual(FLOWS);
      }
    };
    await expectWithin('49152-49167');
    await writeFile(lab.inventoryPath, inventory(HUB, TOKYO, 'vxlan: { srcport: 4789 }'));
    expect(await vxfleet('deploy', 'tokyo')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
    await expectWithin('4789');
  });

  it('work behind a firewall that lets in and forwards what docs/hosts.md says', async () => {
    const documented =
      /```text\n(table inet filter \{[^]*?\n\})\n```/.exec(await readFile(HOSTS_DOC, 'utf8'))?.[1] ?? '';
    const rules = (peers: string) => documented.replace(/(ip saddr) \{.*?\}/, `$1 { ${peers} }`);
    expect(rules('x')).toContain('ip saddr { x } udp');
    await on('hub', `nft -f - <<'RULES'\n${rules('198.18.1.1, 198.18.1.2')}\nRULES`);
    for (const spoke of Object.keys(TUNNELS)) await on(spoke, `nft -f - <<'RULES'\n${rules('198.18.0.1')}\nRULES`);
    const { code, stdout } = await lab.run(['deploy', '--force', '--output', 'json']);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.not.stringContaining('"level":"warning"') });
    expect((await vxfleet('verify')).code).toBe(0);
  });

  it('work through 1:1 NAT of both ends, and take no other local address than one of the host', async () => {
    /** The router between: to the others the host has `address`, to itself 198.18.0.1 or 198.18.1.1. */
    const translate = async (at: string, address: string, local: string): Promise<void> => {
      await on(
        at,
        `nft -f - <<'RULES'
table netdev translation {
  chain inward { type filter hook ingress device eth0 priority 0; ip saddr ${local} udp dport 4789 ip saddr set ${address}; }
}
table ip translation {
  chain outward { type route hook output priority -150; ip daddr ${address} ip daddr set ${local}; }
}
RULES`,
      );
    };
    const hub = '{ underlay: { address: 198.18.77.1, local: 198.18.0.1, device: eth0 }, ssh: { host: 198.18.0.1 } }';
    const tokyo = (local: string): string =>
      `underlay: { address: 198.18.77.2, local: ${local}, device: eth0 }\n    ssh: { host: 198.18.1.1 }`;
    await translate('hub', '198.18.77.2', '198.18.1.1');
    await translate('tokyo', '198.18.77.1', '198.18.0.1');

    await writeFile(lab.inventoryPath, inventory(hub, tokyo('198.18.1.11')));
    const refused = await vxfleet('deploy', 'tokyo');
    expect(refused.code).toBe(1);
    expect(refused.recap.tunnels[0]).toMatchObject({
      status: 'failed',
      error: { code: 'refused', end: 'spoke', layer: 'underlay' },
    });
    expect(refused.recap.tunnels[0]?.error?.message).toContain(
      '198.18.1.11 is not an address of tokyo: eth0 has 198.18.1.1/15',
    );
    expect(refused.recap.tunnels[0]?.error?.hint).toContain('spokes.tokyo.underlay.local');

    await writeFile(lab.inventoryPath, inventory(hub, tokyo('198.18.1.1')));
    expect(await vxfleet('deploy', 'tokyo')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
    expect(await on('hub', 'ip -d link show vxlan01')).toMatch(/ remote 198\.18\.77\.2 local 198\.18\.0\.1 /);
    expect(await on('tokyo', 'ip -d link show vxlan01')).toMatch(/ remote 198\.18\.77\.1 local 198\.18\.1\.1 /);
    expect(await vxfleet('verify', 'tokyo')).toMatchObject({ code: 0, recap: { counts: { unchanged: 1 } } });
  });

  it('start few processes', async () => {
    /** By the process numbers that the host gives out; the least of three, since a host has a life of its own. */
    const started = async (host: string, name: string): Promise<{ down: number; up: number }> => {
      const answer = await on(
        host,
        `last() { read -r _ _ _ _ "$1" </proc/loadavg; }
        for i in 1 2 3; do last a; ifdown ${name}; last b; ifup ${name}; last c; echo $((b - a)) $((c - b)); done`,
      );
      const rounds = answer
        .trim()
        .split('\n')
        .map((line) => line.split(' ').map(Number));
      const least = (column: number): number => Math.min(...rounds.map((round) => round[column] ?? 0));
      return { down: least(0), up: least(1) };
    };
    await until('the guards of the deploy have ended', async () =>
      (await Promise.all(lab.hosts.map(async (host) => lab.exec(host, ['sh', '-c', 'ls -A /run/vxfleet'])))).every(
        ({ stdout }) => stdout === '',
      ),
    );
    expect({
      hub: await started('hub', 'vxlan01'),
      gateway: await started('tokyo', 'vxlan01'),
      policy: await started('osaka', 'vxlan02'),
    }).toEqual({ hub: { down: 11, up: 16 }, gateway: { down: 11, up: 17 }, policy: { down: 15, up: 27 } });
  });
});
