/** The packet filter of both ends, against a stranger on the underlay and against a host of the fleet that has gone bad. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { beginDeployed, labAvailability, startLab, type TestLab } from './harness.js';
import { addRogue, injection, type Injection, type Rogue } from './rogue.js';

const unavailable = await labAvailability();

/** A second and a third VNI byte are in use too: the filter compares all three. */
const VNI = { tokyo: 1, osaka: 0x02_03_04 } as const;
type Spoke = keyof typeof VNI;
const LINK = { tokyo: 'vxlan01', osaka: 'vxlan02' } as const;
const ADDRESS = { hub: '198.18.0.1', tokyo: '198.18.1.1', osaka: '198.18.1.2' } as const;
const SITE = {
  tokyo: { hub: '2001:db8:ae00:0:1::1', own: '2001:db8:ae01::1' },
  osaka: { hub: '2001:db8:ae00:0:2::1', own: '2001:db8:ae02::1' },
} as const;
/** No site's, but the fleet's. */
const UNASSIGNED = '2001:db8:ae77::1';
const EVERY_VNI = [...Array.from({ length: 255 }, (_, index) => index + 1), VNI.osaka];

describe.skipIf(unavailable !== undefined)('the filter', () => {
  let lab: TestLab;
  let rogue: Rogue;
  let filtered: string;
  let open: string;

  const sh = async (host: string, script: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.exec(host, ['sh', '-euc', script]);
    expect({ host, script, code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };
  const vxfleet = async (...argv: string[]): Promise<{ code: number | null; recap: Recap }> => {
    const { code, stdout } = await lab.run([...argv, '--output', 'json']);
    return { code, recap: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap };
  };
  /** Packets that a tunnel's link has taken out of VXLAN. */
  const received = async (host: string, link: string): Promise<number> =>
    Number(await sh(host, `cat /sys/class/net/${link}/statistics/rx_packets`));
  /** What one of the filter's counters has counted. */
  const dropped = async (host: string, counter: string): Promise<number> => {
    const answer = await sh(host, `nft list counter inet vxfleet ${counter}`);
    return Number(/packets (\d+)/.exec(answer)?.[1]);
  };
  /** How much a number grows by what is done. */
  const growth = async (count: () => Promise<number>, act: () => Promise<void>): Promise<number> => {
    const before = await count();
    await act();
    return (await count()) - before;
  };
  /** A table of the test's own, after ours, counts what has come through. */
  const countArrivals = async (host: string, match: string): Promise<() => Promise<number>> => {
    await sh(
      host,
      `nft 'table inet test { counter arrived { }; chain in { type filter hook prerouting priority 10; ${match} counter name arrived; }; }'`,
    );
    return async () => Number(/packets (\d+)/.exec(await sh(host, 'nft list counter inet test arrived'))?.[1]);
  };
  const to = (end: keyof typeof ADDRESS, spoke: Spoke): Pick<Injection, 'to' | 'mac' | 'vnis'> => ({
    to: ADDRESS[end],
    mac: `02:76:78:00:0${spoke === 'tokyo' ? 1 : 2}:0${end === 'hub' ? 1 : 2}`,
    vnis: [VNI[spoke]],
  });

  beforeAll(async () => {
    lab = await startLab('filter', { spokes: 2 });
    const text = await readFile(lab.inventoryPath, 'utf8');
    filtered = text.replace(/\n {4}id: 2\b/, `$&\n    vxlan: { vni: ${VNI.osaka} }\n    mode: policy`);
    open = filtered.replace(/^prefix:/m, 'filter: off\nprefix:');
    rogue = await addRogue(lab.name);
  });
  beforeEach(async () => {
    for (const host of lab.hosts) await sh(host, 'nft delete table inet test 2>/dev/null || true');
    await beginDeployed(lab, filtered);
  });
  afterAll(async () => {
    await rogue?.remove();
    await lab?.down();
  });

  it('lets no stranger into a tunnel, whatever VNI is guessed; without it every one gets in', async () => {
    const TUNNELS = { hub: 2, tokyo: 1, osaka: 1 } as const;
    const broadcast = 'ff:ff:ff:ff:ff:ff';
    const inject = async (): Promise<Record<string, number>> => {
      const arrived: Record<string, number> = {};
      for (const end of ['hub', 'tokyo', 'osaka'] as const) {
        const arrivals = await countArrivals(end, 'iifname "vxlan*" udp dport 9');
        const packet = {
          to: ADDRESS[end],
          mac: broadcast,
          source: UNASSIGNED,
          target: SITE.tokyo.own,
          vnis: EVERY_VNI,
        };
        arrived[end] = await growth(arrivals, async () => rogue.exec(injection(packet)));
        await sh(end, 'nft delete table inet test');
      }
      return arrived;
    };
    expect(await inject()).toEqual({ hub: 0, tokyo: 0, osaka: 0 });
    for (const host of ['hub', 'tokyo', 'osaka'] as const) expect(await dropped(host, 'port_4789')).toBe(TUNNELS[host]);

    await writeFile(lab.inventoryPath, open);
    expect(await vxfleet('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 2 } } });
    for (const host of lab.hosts) expect(await sh(host, 'nft list tables')).toBe('');
    expect(await inject()).toEqual(TUNNELS);
  });

  it('is proven by packets that must not pass, and a change without that proof is put back', async () => {
    const dropped = { sent: 3, dropped: 3 };
    const intrusions = (['spoke', 'hub'] as const).flatMap((from) =>
      (['vni', 'source'] as const).map((kind) => ({ from, kind, ...dropped })),
    );
    const changed = await vxfleet('deploy', 'tokyo', '--force');
    expect(changed).toMatchObject({ code: 0, recap: { tunnels: [{ status: 'changed', intrusions }] } });
    expect((await vxfleet('verify')).recap.tunnels).toMatchObject([{ intrusions }, { intrusions }]);

    // What never comes to the filter proves nothing of it, as rightly as it may be dropped.
    const before = 'type filter hook prerouting priority -400; iifname "vxlan01" ip6 saddr 2001:db8:ae02::/48 drop;';
    await sh('hub', `nft 'table inet test { chain in { ${before} }; }'`);
    const unproven = await vxfleet('deploy', 'tokyo', '--force');
    expect(unproven).toMatchObject({
      code: 1,
      recap: { tunnels: [{ status: 'reverted', put_back: 'answers', error: { end: 'hub', layer: 'filter' } }] },
    });
    expect(unproven.recap.tunnels[0]?.intrusions.map((one) => one.dropped)).toEqual([3, 0, 3, 3]);
    expect((await vxfleet('verify', 'tokyo')).recap.tunnels).toMatchObject([{ error: { layer: 'filter' } }]);
  });

  it('comes to a fleet tunnel by tunnel: the others work as before', async () => {
    await writeFile(lab.inventoryPath, open);
    expect(await vxfleet('deploy', '--force')).toMatchObject({ code: 0, recap: { counts: { changed: 2 } } });
    await writeFile(lab.inventoryPath, filtered);
    expect(await vxfleet('deploy', 'osaka')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
    await writeFile(lab.inventoryPath, open);
    expect((await vxfleet('verify', 'tokyo')).code).toBe(0);
    const across = ['ping', '-6', '-n', '-c2', '-i0.2', '-W1', '-I', SITE.tokyo.own, SITE.osaka.own];
    expect((await lab.exec('tokyo', across)).code).toBe(0);
  });

  it('binds a VNI to its site: another site of the fleet cannot send with it', async () => {
    const packet = { ...to('hub', 'osaka'), source: SITE.osaka.own, target: SITE.osaka.hub, count: 20 };
    const inject = async (): Promise<void> => {
      await lab.exec('tokyo', injection(packet));
    };
    const counter = `peer_${ADDRESS.tokyo}_4789`;
    const before = await dropped('hub', counter);
    expect(await growth(async () => received('hub', LINK.osaka), inject)).toBe(0);
    expect((await dropped('hub', counter)) - before).toBe(20);
  });

  it('lets out of a tunnel only what belongs to its site, and nothing of the fleet in from elsewhere', async () => {
    const arrivals = await countArrivals('hub', 'ip6 saddr 2001:db8:ae00::/40 udp dport 9');
    const send = async (from: string, packet: Injection): Promise<void> => {
      const { code, stderr } = await lab.exec(from, injection(packet));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    };
    const own = { ...to('hub', 'tokyo'), target: SITE.tokyo.hub, count: 10 };
    // With its own sources a site's packets pass, also those that no VXLAN device has made.
    expect(await growth(arrivals, async () => send('tokyo', { ...own, source: SITE.tokyo.own }))).toBe(10);
    for (const source of [SITE.osaka.own, SITE.osaka.hub, SITE.tokyo.hub, UNASSIGNED]) {
      const before = await dropped('hub', `${LINK.tokyo}_in`);
      expect(await growth(arrivals, async () => send('tokyo', { ...own, source }))).toBe(0);
      expect((await dropped('hub', `${LINK.tokyo}_in`)) - before).toBe(10);
    }
    // From the hub to a site: what claims to be the site itself.
    const atTokyo = await countArrivals('tokyo', 'udp dport 9');
    const down = { ...to('tokyo', 'tokyo'), target: SITE.tokyo.own, count: 10 };
    expect(await growth(atTokyo, async () => send('hub', { ...down, source: SITE.osaka.own }))).toBe(10);
    const atEnd = await dropped('tokyo', `${LINK.tokyo}_in`);
    expect(await growth(atTokyo, async () => send('hub', { ...down, source: '2001:db8:ae01::99' }))).toBe(0);
    expect((await dropped('tokyo', `${LINK.tokyo}_in`)) - atEnd).toBe(10);
    // A site that sends what is not its own finds that out at its own end.
    await sh('tokyo', 'ip -6 addr add 2001:db8:1234::1/128 dev lo');
    const leave = 'ping -6 -n -c3 -i0.2 -W1 -I 2001:db8:1234::1 2001:db8:ae00:0:1::1 || true';
    expect(
      await growth(
        async () => dropped('tokyo', `${LINK.tokyo}_out`),
        async () => void (await sh('tokyo', leave)),
      ),
    ).toBe(3);
    await sh('tokyo', 'ip -6 addr del 2001:db8:1234::1/128 dev lo');
    // Over the underlay's own link, from whoever is on it.
    const hubMac = (await sh('hub', 'cat /sys/class/net/eth0/address')).trim();
    const spoof = `
      ip link set eth0 up; ip -6 addr add ${SITE.osaka.own}/128 dev eth0 nodad 2>/dev/null || true
      ip -6 route replace ${SITE.tokyo.hub} dev eth0; ip -6 neigh replace ${SITE.tokyo.hub} lladdr ${hubMac} dev eth0
      perl -MSocket=:all -e 'socket my $s, PF_INET6, SOCK_DGRAM, 0; bind $s, sockaddr_in6(0, inet_pton(AF_INET6, $ARGV[0])) or die $!;
        send $s, "x", 0, sockaddr_in6(9, inet_pton(AF_INET6, $ARGV[1])) or die $! for 1 .. 10' ${SITE.osaka.own} ${SITE.tokyo.hub}`;
    const before = await dropped('hub', 'prefix_20010db8ae00_40');
    expect(await growth(arrivals, async () => rogue.exec(['sh', '-euc', spoof]))).toBe(0);
    expect((await dropped('hub', 'prefix_20010db8ae00_40')) - before).toBe(10);
  });

  it('keeps the tunnels out of the table of connections', async () => {
    const text = filtered.replace(`vni: ${VNI.osaka}`, '$&, srcport: 1025-65000');
    // IPv4 alone is tracked: what is within the tunnel is IPv6.
    const track = `nft 'table ip test { chain in { type filter hook input priority 0; ct state invalid drop; }; chain out { type filter hook output priority 0; ct state invalid drop; }; }'`;
    const flows = async (): Promise<number> => {
      for (const host of ['hub', 'osaka']) await sh(host, `nft delete table ip test 2>/dev/null || true; ${track}`);
      const connections = async (): Promise<number> =>
        Number(await sh('hub', 'cat /proc/sys/net/netfilter/nf_conntrack_count'));
      return growth(connections, async () => {
        // 20,000 flows: 200 ports to 100 ports.
        await sh(
          'osaka',
          `perl -MSocket=:all -e 'for my $from (2001 .. 2200) { socket my $s, PF_INET6, SOCK_DGRAM, 0; bind $s, sockaddr_in6($from, inet_pton(AF_INET6, $ARGV[0])) or die $!;
            send $s, "x", 0, sockaddr_in6($_, inet_pton(AF_INET6, $ARGV[1])) for 3001 .. 3100 }' ${SITE.osaka.own} ${SITE.osaka.hub}`,
        );
      });
    };
    await writeFile(lab.inventoryPath, text);
    expect(await vxfleet('deploy', 'osaka')).toMatchObject({ code: 0 });
    expect(await flows()).toBeLessThan(50);
    await writeFile(lab.inventoryPath, text.replace(/^prefix:/m, 'filter: off\nprefix:'));
    expect(await vxfleet('deploy', 'osaka')).toMatchObject({ code: 0 });
    expect(await flows()).toBeGreaterThan(5000);
    for (const host of ['hub', 'osaka']) await sh(host, 'nft delete table ip test');
  });

  it('changes for one tunnel without losing a packet of another', async () => {
    const ping = await lab.spawnExec('osaka', [
      'ping',
      '-6',
      '-n',
      '-q',
      '-i0.02',
      '-I',
      SITE.osaka.own,
      SITE.osaka.hub,
    ]);
    for (const dstport of [4790, 4789]) {
      const text = filtered.replace(/\n {4}id: 1\b/, `$&\n    vxlan: { dstport: ${dstport} }`);
      await writeFile(lab.inventoryPath, text);
      expect(await vxfleet('deploy', 'tokyo')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
      const ports = await sh('hub', 'nft list map inet vxfleet ports');
      expect([...ports.matchAll(/(\d+) : goto/g)].map(([, port]) => Number(port))).toEqual([
        ...new Set([4789, dstport]),
      ]);
    }
    await writeFile(lab.inventoryPath, open);
    expect(await vxfleet('deploy', 'tokyo')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
    const { stdout } = await ping.stop();
    expect(stdout).toMatch(/ 0% packet loss/);
    expect(await sh('tokyo', 'nft list tables')).toBe('');
  });

  it('that somebody has taken away is missed by verify, and comes back with the next deploy', async () => {
    await sh('tokyo', 'nft flush ruleset');
    await sh('hub', `nft 'delete element inet vxfleet arriving { "${LINK.osaka}" }'`);
    const { code, recap } = await vxfleet('verify');
    expect(code).toBe(1);
    expect(recap.tunnels.map(({ error }) => [error?.end, error?.layer, error?.message])).toEqual([
      ['spoke', 'filter', 'the filter of vxlan01 is missing'],
      ['hub', 'filter', `the filter's arriving has no "${LINK.osaka}" : goto ${LINK.osaka}`],
    ]);
    expect(await vxfleet('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 2 } } });
    expect((await vxfleet('verify')).code).toBe(0);
  });

  it('is there after a reboot, and stands beside the tables of others', async () => {
    const others = `
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority 10; policy accept;
    ct state { established, related } accept
    ct state invalid drop
  }
}
table ip filter {
  chain DOCKER-USER {
  }
  chain FORWARD {
    type filter hook forward priority 0; policy drop;
    jump DOCKER-USER
  }
}
table ip6 filter {
  chain ufw6-user-input {
    udp dport 4789 accept
  }
  chain INPUT {
    type filter hook input priority 0; policy accept;
    jump ufw6-user-input
  }
}`;
    for (const host of lab.hosts) await sh(host, `nft -f - <<'RULES'\n${others}\nRULES`);
    const own = async (host: string): Promise<string> => sh(host, 'nft -s list table inet vxfleet | sort');
    const foreign = async (host: string): Promise<string> =>
      sh(host, 'nft list table inet firewalld; nft list table ip filter; nft list table ip6 filter');
    const before = await Promise.all(lab.hosts.map(foreign));
    expect(await vxfleet('deploy', '--force')).toMatchObject({ code: 0, recap: { counts: { changed: 2 } } });
    expect((await Promise.all(lab.hosts.map(foreign))).map((text) => text.replace(/packets .*/g, ''))).toEqual(
      before.map((text) => text.replace(/packets .*/g, '')),
    );
    const filters = await Promise.all(lab.hosts.map(own));
    for (const host of lab.hosts) await lab.reboot(host);
    expect(await Promise.all(lab.hosts.map(own))).toEqual(filters);
    expect((await vxfleet('verify')).code).toBe(0);
  });

  it('keeps an isolated site from the others, and lets it reach what is beyond the hub', async () => {
    const isolated = filtered.replace(/\n {4}id: 1\b/, '$&\n    isolate: true');
    const ping = async (from: Spoke, target: string): Promise<boolean> =>
      (await lab.exec(from, ['ping', '-6', '-n', '-c2', '-i0.2', '-W1', '-I', SITE[from].own, target])).code === 0;
    expect(await ping('tokyo', SITE.osaka.own)).toBe(true);
    await writeFile(lab.inventoryPath, isolated);
    expect(await vxfleet('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 1, unchanged: 1 } } });
    expect(await ping('tokyo', SITE.osaka.own)).toBe(false);
    expect(await ping('osaka', SITE.tokyo.own)).toBe(false);
    expect(await dropped('hub', 'isolated')).toBeGreaterThan(0);
    await sh(
      'hub',
      'ip link add beyond0 type veth peer name beyond1; ip link set beyond0 up; ip -6 addr add 2001:db8:ffff::1/64 dev beyond0 nodad',
    );
    expect(await ping('tokyo', '2001:db8:ffff::1')).toBe(true);
    await sh('hub', 'ip link del beyond0');
    expect((await vxfleet('verify')).code).toBe(0);
    // What has taken the hub's rule away is found by packets.
    await sh('hub', `nft 'flush chain inet vxfleet forwarded'`);
    expect((await vxfleet('verify')).recap.tunnels[0]?.error).toMatchObject({ end: 'hub', layer: 'filter' });
  });

  it('is refused where there is no nft, which says what to install', async () => {
    await sh('tokyo', 'mv /usr/sbin/nft /usr/sbin/nft.away');
    const refused = await vxfleet('deploy', 'tokyo', '--force');
    expect(refused.recap.tunnels[0]?.error).toMatchObject({
      code: 'refused',
      end: 'spoke',
      layer: 'filter',
      hint: expect.stringMatching(/apt-get install nftables.*filter: off/) as string,
    });
    await sh('tokyo', 'mv /usr/sbin/nft.away /usr/sbin/nft');
  });
});
