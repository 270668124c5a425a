import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { hostNamespace } from '../../src/lab/lab-paths.js';
import { labAvailability, labOfCheckout, startLab, type TestLab } from './harness.js';

const unavailable = await labAvailability();

const ANCHOR = '2001:db8:ffff:a::1';
const INVENTORY = `prefix: 2001:db8:ae00::/40
hub:
  underlay: { address: 198.18.0.1, device: eth0 }
  anchor: ${ANCHOR}
spokes:
  tokyo:
    id: 1
    underlay: { address: 198.18.1.1, device: eth0 }
  osaka:
    id: 2
    mode: policy
    underlay: { address: 198.18.1.2, device: eth0 }
`;
const HOSTS = ['hub', 'tokyo', 'osaka'] as const;
type Host = (typeof HOSTS)[number];

/** The internet: a namespace that `lab down` removes with the hosts' because of its name. */
const ISP = hostNamespace(labOfCheckout('modes'), 'isp');
const wire = (host: Host) => ({
  namespace: hostNamespace(labOfCheckout('modes'), host),
  port: `to-${host}`,
  network: `2001:db8:ffff:${{ hub: 'f', tokyo: '1', osaka: '2' }[host]}`,
});

/** What the kernel of a host has, one line a thing. */
interface Kernel {
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
}

type Json = Record<string, unknown>;
const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const array = (value: unknown): Json[] => (Array.isArray(value) ? value.map(object) : []);

async function ask(lab: TestLab, host: Host, query: string): Promise<Json[]> {
  const { code, stdout, stderr } = await lab.exec(host, ['sh', '-c', `ip -j -N ${query}`]);
  expect({ query, code, stderr }).toEqual({ query, code: 0, stderr: '' });
  return array(JSON.parse(stdout || '[]'));
}

async function kernelOf(lab: TestLab, host: Host): Promise<Kernel> {
  const [links, routes6, routes4, rules6, rules4] = await Promise.all(
    ['-d addr show', '-6 route show table all', '-4 route show table all', '-6 rule show', '-4 rule show'].map(
      (query) => ask(lab, host, query),
    ),
  );
  return {
    links: (links ?? []).map(describeLink).sort(),
    addresses: (links ?? [])
      .flatMap((link) => array(link['addr_info']).map((entry) => ({ name: text(link['ifname']), entry })))
      .filter(({ entry }) => !isKernelsOwnAddress(entry))
      .map(({ name, entry }) => {
        const tentative = entry['tentative'] === true ? ' tentative' : '';
        return `${name} ${text(entry['local'])}/${text(entry['prefixlen'])}${tentative}`;
      })
      .sort(),
    routes: [...(routes6 ?? []), ...(routes4 ?? [])]
      .filter((route) => !isKernelsOwnRoute(route))
      .map(describeRoute)
      .sort(),
    rules: [
      ...(rules6 ?? []).map((rule) => `inet6 ${describeRule(rule)}`),
      ...(rules4 ?? []).map((rule) => `inet ${describeRule(rule)}`),
    ],
  };
}

/**
 * The only things left out: what the kernel makes alone of each link and each address. Numbers are rtnetlink(7)'s: scopes 253 link and
 * 254 host; protocol 2 kernel; route types 2 local, 3 broadcast, 4 anycast, 5 multicast.
 */
const isKernelsOwnAddress = (entry: Json): boolean => ['253', '254'].includes(text(entry['scope']));
const isKernelsOwnRoute = (route: Json): boolean =>
  text(route['protocol']) === '2' &&
  (['2', '3', '4', '5'].includes(text(route['type'])) || text(route['dst']) === 'fe80::/64');

function describeLink(link: Json): string {
  const info = object(link['linkinfo']);
  const data = object(info['info_data']);
  const flags = Array.isArray(link['flags']) ? link['flags'] : [];
  const head = `${text(link['ifname'])} ${flags.includes('UP') ? 'up' : 'down'} mtu ${text(link['mtu'])}`;
  if (info['info_kind'] !== 'vxlan') return `${head} ${text(info['info_kind'])}`.trim();
  return [
    head,
    text(link['address']),
    `vxlan id ${text(data['id'])} local ${text(data['local'])} remote ${text(data['remote'])} dev ${text(data['link'])}`,
    `srcport ${text(object(data['port_range'])['low'])} ${text(object(data['port_range'])['high'])}`,
    `dstport ${text(data['port'])} ttl ${text(data['ttl'])} ${data['learning'] === true ? 'learning' : 'nolearning'}`,
  ].join(' ');
}

function describeRoute(route: Json): string {
  const via = 'gateway' in route ? ` via ${text(route['gateway'])}` : '';
  const type = text(route['type']) === '7' ? 'unreachable ' : 'type' in route ? `type ${text(route['type'])} ` : '';
  const metric = 'metric' in route ? ` metric ${text(route['metric'])}` : '';
  return `table ${text(route['table']) || '254'}: ${type}${text(route['dst'])}${via} dev ${text(route['dev'])}${metric}`;
}

function describeRule(rule: Json): string {
  const length = 'srclen' in rule ? `/${text(rule['srclen'])}` : '';
  const suppress = 'suppress_prefixlen' in rule ? ` suppress_prefixlength ${text(rule['suppress_prefixlen'])}` : '';
  const to = 'dst' in rule ? ` to ${text(rule['dst'])}` : '';
  return `${text(rule['priority'])}: from ${text(rule['src'])}${length}${to} lookup ${text(rule['table'])}${suppress}`;
}

const KERNEL_RULES = [
  'inet6 0: from all lookup 255',
  'inet6 32766: from all lookup 254',
  'inet 0: from all lookup 255',
  'inet 32766: from all lookup 254',
  'inet 32767: from all lookup 253',
];
const IPV4_ROUTE = 'table 254: 198.18.0.0/15 dev eth0';

/** Written by hand from the addressing scheme, not computed by the plan that is under test. */
const EXPECTED: Readonly<Record<Host, Kernel>> = {
  hub: {
    links: [
      'eth0 up mtu 1500 veth',
      'isp0 up mtu 1500 veth',
      'lo up mtu 65536',
      'vxlan01 up mtu 1450 02:76:78:00:01:01 vxlan id 1 local 198.18.0.1 remote 198.18.1.1 dev eth0 srcport 49152 49168 dstport 4789 ttl 64 nolearning',
      'vxlan02 up mtu 1450 02:76:78:00:02:01 vxlan id 2 local 198.18.0.1 remote 198.18.1.2 dev eth0 srcport 49152 49168 dstport 4789 ttl 64 nolearning',
    ],
    addresses: [
      'eth0 198.18.0.1/15',
      'isp0 2001:db8:ffff:f::2/64',
      'vxlan01 2001:db8:ae00:0:1::1/80',
      'vxlan02 2001:db8:ae00:0:2::1/80',
    ],
    routes: [
      IPV4_ROUTE,
      'table 254: 2001:db8:ae00:0:1::2 dev vxlan01 metric 1024',
      'table 254: 2001:db8:ae00:0:2::2 dev vxlan02 metric 1024',
      'table 254: 2001:db8:ae00:1::/64 via 2001:db8:ae00:0:1::2 dev vxlan01 metric 1024',
      'table 254: 2001:db8:ae00:2::/64 via 2001:db8:ae00:0:2::2 dev vxlan02 metric 1024',
      'table 254: 2001:db8:ae01::/48 via 2001:db8:ae00:0:1::2 dev vxlan01 metric 1024',
      'table 254: 2001:db8:ae02::/48 via 2001:db8:ae00:0:2::2 dev vxlan02 metric 1024',
      'table 254: 2001:db8:ffff:f::/64 dev isp0 metric 256',
      'table 254: default via 2001:db8:ffff:f::1 dev isp0 metric 1024',
      'table 254: unreachable 2001:db8:ae00::/40 dev lo metric 2147483645',
      'table 254: unreachable 2001:db8:ae00::/40 dev lo metric 2147483646',
    ],
    rules: KERNEL_RULES,
  },
  tokyo: {
    links: [
      'eth0 up mtu 1500 veth',
      'isp0 up mtu 1500 veth',
      'lo up mtu 65536',
      'vxlan01 up mtu 1450 02:76:78:00:01:02 vxlan id 1 local 198.18.1.1 remote 198.18.0.1 dev eth0 srcport 49152 49168 dstport 4789 ttl 64 nolearning',
    ],
    addresses: [
      'eth0 198.18.1.1/15',
      'isp0 2001:db8:ffff:1::2/64',
      'vxlan01 2001:db8:ae00:0:1::2/80',
      'vxlan01 2001:db8:ae00:1::1/64',
      'vxlan01 2001:db8:ae01::1/48',
    ],
    routes: [
      IPV4_ROUTE,
      'table 254: 2001:db8:ae00:0:1::1 dev vxlan01 metric 1024',
      'table 254: 2001:db8:ffff:1::/64 dev isp0 metric 256',
      'table 254: default via 2001:db8:ae00:0:1::1 dev vxlan01 metric 512',
      'table 254: default via 2001:db8:ffff:1::1 dev isp0 metric 1024',
      'table 254: unreachable 2001:db8:ae00:1::/64 dev lo metric 2147483647',
      'table 254: unreachable 2001:db8:ae01::/48 dev lo metric 2147483647',
    ],
    rules: KERNEL_RULES,
  },
  osaka: {
    links: [
      'eth0 up mtu 1500 veth',
      'isp0 up mtu 1500 veth',
      'lo up mtu 65536',
      'vxlan02 up mtu 1450 02:76:78:00:02:02 vxlan id 2 local 198.18.1.2 remote 198.18.0.1 dev eth0 srcport 49152 49168 dstport 4789 ttl 64 nolearning',
    ],
    addresses: [
      'eth0 198.18.1.2/15',
      'isp0 2001:db8:ffff:2::2/64',
      'vxlan02 2001:db8:ae00:0:2::2/80',
      'vxlan02 2001:db8:ae00:2::1/64',
      'vxlan02 2001:db8:ae02::1/48',
    ],
    routes: [
      IPV4_ROUTE,
      'table 254: 2001:db8:ae00:0:2::1 dev vxlan02 metric 1024',
      'table 254: 2001:db8:ffff:2::/64 dev isp0 metric 256',
      'table 254: default via 2001:db8:ffff:2::1 dev isp0 metric 1024',
      'table 254: unreachable 2001:db8:ae00:2::/64 dev lo metric 2147483647',
      'table 254: unreachable 2001:db8:ae02::/48 dev lo metric 2147483647',
      'table 30002: default via 2001:db8:ae00:0:2::1 dev vxlan02 metric 1024',
      'table 30002: unreachable default dev lo metric 2147483647',
    ],
    rules: [
      'inet6 0: from all lookup 255',
      'inet6 20016: from 2001:db8:ae00:0:2::/80 lookup 254 suppress_prefixlength 0',
      'inet6 20016: from 2001:db8:ae00:2::/64 lookup 254 suppress_prefixlength 0',
      'inet6 20016: from 2001:db8:ae02::/48 lookup 254 suppress_prefixlength 0',
      'inet6 20017: from 2001:db8:ae00:0:2::/80 lookup 30002',
      'inet6 20017: from 2001:db8:ae00:2::/64 lookup 30002',
      'inet6 20017: from 2001:db8:ae02::/48 lookup 30002',
      ...KERNEL_RULES.slice(1),
    ],
  },
};

/** The parts that are sorted as text are so here too; rules stay in the kernel's order. */
const sorted = ({ links, addresses, routes, rules }: Kernel): Kernel => ({
  links: [...links].sort(),
  addresses: [...addresses].sort(),
  routes: [...routes].sort(),
  rules,
});

const TUNNELS: Readonly<Record<Host, readonly string[]>> = {
  hub: ['vxlan01', 'vxlan02'],
  tokyo: ['vxlan01'],
  osaka: ['vxlan02'],
};

/** Bytes of the packets of one `send`: far more than the neighbour discovery that goes on beside it. */
const COUNT = 40;
const SIZE = 1000;
const CARRIED = COUNT * SIZE;
const SILENCE = CARRIED / 10;

describe.skipIf(unavailable !== undefined)(`both modes on real hosts ${unavailable ?? ''}`, () => {
  let lab: TestLab;
  let before: Record<Host, Kernel>;

  /** A command of the machine itself, outside of every host. */
  const machine = async (script: string): Promise<string> => (await promisify(execFile)('sh', ['-euc', script])).stdout;

  /** A cable from a host to the internet, with the internet as the host's default route. */
  const connect = async (host: Host): Promise<void> => {
    const { namespace, port, network } = wire(host);
    await machine(`
      ip -n ${ISP} link add ${port} type veth peer name isp0 netns ${namespace}
      ip -n ${ISP} addr add ${network}::1/64 dev ${port} nodad
      ip -n ${ISP} link set ${port} up
      ip -n ${namespace} addr add ${network}::2/64 dev isp0 nodad
      ip -n ${namespace} link set isp0 up
      ip -n ${namespace} -6 route add default via ${network}::1 dev isp0 metric 1024`);
  };

  const kernels = async (): Promise<Record<Host, Kernel>> => {
    const [hub, tokyo, osaka] = await Promise.all(HOSTS.map((host) => kernelOf(lab, host)));
    if (hub === undefined || tokyo === undefined || osaka === undefined) throw new TypeError('three hosts');
    return { hub, tokyo, osaka };
  };

  const vxfleet = async (...argv: string[]): Promise<{ code: number | null; recap: Recap }> => {
    const { code, stdout, stderr } = await lab.run([...argv, '--output', 'json']);
    expect(stderr).toBe('');
    return { code, recap: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap };
  };
  const resultOf = ({ recap }: { recap: Recap }, spoke: string) =>
    recap.tunnels.find((tunnel) => tunnel.spoke === spoke);

  /** As root on a host; must succeed. */
  const on = async (host: Host, script: string): Promise<void> => {
    expect(await lab.exec(host, ['sh', '-euc', script])).toMatchObject({ code: 0 });
  };

  const receivedBy = async (namespace: string, device: string): Promise<number> => {
    const answer = await machine(`ip -n ${namespace} -j -s link show dev ${device}`);
    return Number(object(object(object(array(JSON.parse(answer))[0])['stats64'])['rx'])['bytes']);
  };

  /** Bytes that arrive while a host pings the anchor: at the hub out of the tunnel, and at the host's own provider. */
  const send = async (host: 'tokyo' | 'osaka', ...from: string[]) => {
    const counters = () =>
      Promise.all([
        receivedBy(wire('hub').namespace, TUNNELS[host][0] ?? ''),
        receivedBy(ISP, wire(host).port),
        receivedBy(ISP, wire('hub').port),
      ]);
    const [tunnel, provider, upstream] = await counters();
    const ping = ['ping', '-6', '-n', '-q', '-c', `${COUNT}`, '-i', '0.01', '-s', `${SIZE}`, '-W', '1'];
    const { code } = await lab.exec(host, [...ping, ...from.flatMap((source) => ['-I', source]), ANCHOR]);
    const after = await counters();
    return {
      answered: code === 0,
      tunnel: after[0] - tunnel,
      provider: after[1] - provider,
      upstream: after[2] - upstream,
    };
  };

  type Sent = Awaited<ReturnType<typeof send>>;
  const expectByTunnel = (sent: Sent): void => {
    expect(sent.answered).toBe(true);
    expect(sent.tunnel).toBeGreaterThanOrEqual(CARRIED);
    expect(sent.upstream).toBeGreaterThanOrEqual(CARRIED);
    expect(sent.provider).toBeLessThan(SILENCE);
  };
  const expectByProvider = (sent: Sent): void => {
    expect(sent.answered).toBe(true);
    expect(sent.provider).toBeGreaterThanOrEqual(CARRIED);
    expect(sent.upstream).toBeLessThan(SILENCE);
  };
  const expectNowhere = (sent: Sent): void => {
    expect(sent.answered).toBe(false);
    expect(sent.provider).toBeLessThan(SILENCE);
    expect(sent.upstream).toBeLessThan(SILENCE);
  };

  beforeAll(async () => {
    lab = await startLab('modes', { inventoryText: INVENTORY });
    await machine(`
      ip netns add ${ISP}
      ip -n ${ISP} link set lo up
      ip -n ${ISP} addr add ${ANCHOR}/128 dev lo nodad`);
    for (const host of HOSTS) await connect(host);
    await machine(`ip -n ${ISP} -6 route add 2001:db8:ae00::/40 via ${wire('hub').network}::2 dev ${wire('hub').port}`);
    before = await kernels();
  });
  afterAll(async () => {
    await lab?.down();
    expect(await machine('ip netns list')).not.toContain(ISP);
  });

  it('makes in the kernel exactly what is planned, in all tables', async () => {
    const deploy = await vxfleet('deploy');
    expect(deploy.recap.tunnels.map((tunnel) => tunnel.error)).toEqual([null, null]);
    expect(deploy.code).toBe(0);
    const now = await kernels();
    for (const host of HOSTS) expect(now[host]).toEqual(sorted(EXPECTED[host]));
  });

  it('verifies from both ends as far as the anchor', async () => {
    const { code, recap } = await vxfleet('verify');
    expect(code).toBe(0);
    for (const tunnel of recap.tunnels) {
      const anchors = tunnel.checks.filter((check) => check.prefix === 'anchor');
      expect(anchors).toMatchObject([
        { from: 'spoke', target: ANCHOR, ok: true },
        { from: 'spoke', target: ANCHOR, ok: true },
      ]);
      expect(tunnel.checks).toHaveLength(8);
    }
    expect(await kernels()).toEqual(Object.fromEntries(HOSTS.map((host) => [host, sorted(EXPECTED[host])])));
  });

  it.each(['2001:db8:ae00:0:2::2', '2001:db8:ae00:2::1', '2001:db8:ae02::1'])(
    'in policy mode sends what comes from %s through the tunnel',
    async (source) => {
      expectByTunnel(await send('osaka', source));
    },
  );

  it('in policy mode leaves all else to the other default route', async () => {
    expectByProvider(await send('osaka', `${wire('osaka').network}::2`));
    expectByProvider(await send('osaka'));
  });

  it('in gateway mode makes the tunnel the default route, whatever the source', async () => {
    expectByTunnel(await send('tokyo'));
    expectByTunnel(await send('tokyo', '2001:db8:ae00:1::1'));
    expectByTunnel(await send('tokyo', '2001:db8:ae01::1'));
  });

  describe.each([
    ['is down', 'ip link set dev vxlan02 down'],
    ['is gone', 'ip link del dev vxlan02'],
  ])('in policy mode while the link %s', (_, breakIt) => {
    // The link takes its addresses along. Those of a LAN behind the spoke stay, and these are what could leak.
    const LAN = ['2001:db8:ae00:0:2::99', '2001:db8:ae00:2::99', '2001:db8:ae02::99'];
    beforeAll(async () => {
      for (const address of LAN) await on('osaka', `ip addr add ${address}/128 dev lo`);
    });
    afterAll(async () => {
      for (const address of LAN) await on('osaka', `ip addr del ${address}/128 dev lo`);
      expect(resultOf(await vxfleet('deploy', '--force'), 'osaka')).toMatchObject({ status: 'changed' });
    });

    it('lets nothing from the prefixes out by the other default route, which stays in use', async () => {
      // That the addresses work as sources is shown first: else the silence would prove nothing. (The first is in the link prefix,
      // where the hub asks for neighbours on the link itself and nobody answers for an address of lo.)
      for (const address of LAN.slice(1)) expectByTunnel(await send('osaka', address));
      await on('osaka', breakIt);
      for (const address of LAN) expectNowhere(await send('osaka', address));
      expectByProvider(await send('osaka'));
    });

    it('would leak without the rules', async () => {
      await on('osaka', 'for p in 20016 20017; do while ip -6 rule del pref $p 2>/dev/null; do :; done; done');
      const { provider } = await send('osaka', '2001:db8:ae02::99');
      expect(provider).toBeGreaterThanOrEqual(CARRIED);
    });
  });

  it('in gateway mode leaves the other default route in use when the link is gone', async () => {
    await on('tokyo', 'ip link del dev vxlan01');
    expectByProvider(await send('tokyo'));
    expect(resultOf(await vxfleet('deploy'), 'tokyo')).toMatchObject({ status: 'changed' });
    expectByTunnel(await send('tokyo'));
  });

  it('leaves nothing after ifdown, and ifup brings all of it back', async () => {
    for (const host of HOSTS) await on(host, `ifdown ${TUNNELS[host].join(' ')}`);
    expect(await kernels()).toEqual(before);
    for (const host of HOSTS) await on(host, `ifup ${TUNNELS[host].join(' ')}`);
    const now = await kernels();
    for (const host of HOSTS) expect(now[host]).toEqual(sorted(EXPECTED[host]));
    expect(await vxfleet('verify')).toMatchObject({ code: 0 });
  });

  it('keeps the guard of the aggregate until the last tunnel of the hub goes', async () => {
    await on('hub', 'ifdown vxlan01');
    expect((await kernelOf(lab, 'hub')).routes.filter((route) => route.includes('unreachable'))).toEqual([
      'table 254: unreachable 2001:db8:ae00::/40 dev lo metric 2147483645',
    ]);
    await on('hub', 'ifup vxlan01');
  });

  it('comes up over what a crash left: links, routes and rules without a state', async () => {
    for (const host of HOSTS) {
      await on(host, `for i in ${TUNNELS[host].join(' ')}; do sed -i "/^$i=/d" /run/network/ifstate; done`);
      await on(host, `ifup ${TUNNELS[host].join(' ')}`);
    }
    const now = await kernels();
    for (const host of HOSTS) expect(now[host]).toEqual(sorted(EXPECTED[host]));
  });

  describe('verify', () => {
    /** Breaks, verifies, mends; the tunnel must be whole again, or later tests would fail for this one. */
    const failureWith = async (spoke: 'tokyo' | 'osaka', host: Host, breakIt: string, mend: string) => {
      await on(host, breakIt);
      const verify = await vxfleet('verify', spoke, '--verify-timeout', '2');
      await on(host, mend);
      expect(await vxfleet('verify', spoke)).toMatchObject({ code: 0 });
      expect(verify.code).toBe(1);
      expect(resultOf(verify, spoke)).toMatchObject({ status: 'failed' });
      return resultOf(verify, spoke)?.error;
    };

    it('names forwarding when the hub does not forward', async () => {
      const sysctl = '/proc/sys/net/ipv6/conf/all/forwarding';
      const error = await failureWith('tokyo', 'hub', `echo 0 > ${sysctl}`, `echo 1 > ${sysctl}`);
      expect(error?.layer).toMatch(/^(forwarding|anchor)$/);
      expect(`${error?.message} ${error?.hint}`).toMatch(/forward/);
    });

    it('names the anchor when the upstream is cut', async () => {
      const error = await failureWith(
        'osaka',
        'hub',
        'ip -6 route replace unreachable 2001:db8:ffff:a::/64',
        'ip -6 route del unreachable 2001:db8:ffff:a::/64',
      );
      expect(error).toMatchObject({ end: 'spoke', layer: 'anchor' });
      expect(error?.message).toContain(ANCHOR);
    });

    it('names the parameter when a link was replaced by hand', async () => {
      const error = await failureWith(
        'tokyo',
        'tokyo',
        `ip link del vxlan01
         ip link add vxlan01 address 02:76:78:00:01:02 type vxlan id 99 local 198.18.1.1 remote 198.18.0.1 dev eth0 dstport 4789 nolearning ttl 64
         ip link set vxlan01 up`,
        'ifdown vxlan01; ifup vxlan01',
      );
      expect(error).toMatchObject({ end: 'spoke', layer: 'params' });
      expect(error?.message).toMatch(/vni 99, planned is 1/);
    });

    it("names the route when the hub's way to the /48 is gone", async () => {
      const error = await failureWith(
        'tokyo',
        'hub',
        'ip -6 route del 2001:db8:ae01::/48 dev vxlan01',
        'ip -6 route add 2001:db8:ae01::/48 via 2001:db8:ae00:0:1::2 dev vxlan01',
      );
      expect(error).toMatchObject({ end: 'hub', layer: 'routes' });
      expect(error?.message).toContain('2001:db8:ae01::/48');
    });

    it('names the rule when one is gone', async () => {
      const error = await failureWith(
        'osaka',
        'osaka',
        'ip -6 rule del pref 20017 from 2001:db8:ae02::/48',
        'ip -6 rule add pref 20017 from 2001:db8:ae02::/48 lookup 30002',
      );
      expect(error).toMatchObject({ end: 'spoke', layer: 'policy' });
      expect(error?.message).toContain('from 2001:db8:ae02::/48 lookup 30002');
    });

    it('names a rule of somebody else that leads the prefixes astray', async () => {
      const error = await failureWith(
        'osaka',
        'osaka',
        'ip -6 rule add pref 100 from 2001:db8:ae02::/48 lookup 254',
        'ip -6 rule del pref 100',
      );
      expect(error).toMatchObject({ end: 'spoke' });
      expect(error?.layer).toMatch(/^(policy|anchor)$/);
    });

    it('names the encapsulation when UDP of a tunnel that worked is dropped', async () => {
      const error = await failureWith(
        'tokyo',
        'tokyo',
        'ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport 4789 dir in action block',
        'ip xfrm policy flush',
      );
      expect(error?.layer).toMatch(/^(encapsulation|underlay)$/);
      expect(error?.hint).toMatch(/UDP 4789/);
    });
  });
});
