import { afterEach, beforeEach, expect, it } from 'vitest';
import type { End, TunnelPlan } from '../../src/plan/plan.js';
import { loadTemplates, type Ifupdown } from '../../src/render/load-templates.js';
import { renderTunnel } from '../../src/render/render-tunnel.js';
import { compareEnd, type ObservedEnd } from '../../src/verify/compare-end.js';
import { expectEnd } from '../../src/verify/expect-end.js';
import { type NetworkQuery, parseLinks, parseNetwork } from '../../src/verify/kernel-state.js';
import { fleetQueries, tunnelQueries } from '../../src/verify/queries.js';
import { describeNamespace, type Namespace, openNamespace } from '../host/namespace.js';
import { underlay } from '../render/fleet.js';
import { samplePlan } from './fleet-plan.js';

const DEVICE = 'under0';
const DEVICE_MTU = 1600;
const sets = loadTemplates(undefined);

const render = (tunnel: TunnelPlan, end: End, ifupdown: Ifupdown): string =>
  renderTunnel(tunnel, end, sets[ifupdown], tunnel.mtu ?? DEVICE_MTU - 50);

/** The values of an option of the stanza, in its order. */
const option = (stanza: string, name: string): string[] =>
  stanza.split('\n').flatMap((line) => (line.startsWith(`  ${name} `) ? [line.slice(name.length + 3)] : []));

/** Each line in a shell of its own: `exec` replaces it. */
const run = (lines: readonly string[]): string => ['set -e', ...lines.map((line) => `sh -c '${line}'`)].join('\n');

/** What ifup runs for the stanza, in its order (inet6.defn; for ifupdown2 docs/ifupdown.md). */
const upCommands = (stanza: string, name: string): string =>
  run([
    ...option(stanza, 'pre-up'),
    ...option(stanza, 'mtu').map((mtu) => `echo ${mtu} >/sys/class/net/${name}/mtu`),
    `ip link set dev ${name} up`,
    ...option(stanza, 'post-up'),
  ]);

/** What ifdown runs for it. Of a line that fails it takes no notice. */
const downCommands = (stanza: string, name: string): string =>
  run([
    `ip -6 addr flush dev ${name}`,
    `ip link set dev ${name} down`,
    ...option(stanza, 'post-down').map((line) => `(${line}) || true`),
  ]);

for (const ifupdown of ['ifupdown', 'ifupdown2'] as const) describeExpectation(ifupdown);

function describeExpectation(ifupdown: Ifupdown): void {
  describeNamespace(`the expectation and the templates for ${ifupdown}`, () => {
    let host: Namespace;

    beforeEach(async () => {
      host = await openNamespace(`
      ip link add ${DEVICE} mtu ${DEVICE_MTU} type veth peer name provider0 mtu ${DEVICE_MTU}
      ip link set ${DEVICE} addrgenmode none; ip link set provider0 addrgenmode none
      ip addr add 198.51.100.1/24 dev ${DEVICE}; ip addr add 10.0.0.10/24 dev ${DEVICE}
      ip -6 addr add 2001:db8:1::2/64 dev ${DEVICE} nodad
      # No link-local address, which would come a second or two later, in the middle of a test.
      ip link set ${DEVICE} addrgenmode none up; ip link set provider0 addrgenmode none up
      ip -6 route add default via 2001:db8:1::1 dev ${DEVICE} metric 1024
      # The kernel makes these when it has noticed the other end of the cable, a moment later.
      for route in 'multicast ff00::/8 dev ${DEVICE}' 'multicast ff00::/8 dev provider0' 'local 2001:db8:1::2'; do
        until ip -6 route show table local | grep -q "^$route "; do sleep 0.01; done
      done`);
    });
    afterEach(async () => {
      await host.close();
    });

    const plan = (changes: Parameters<typeof samplePlan>[0]) =>
      samplePlan(
        { underlay: underlay('10.0.0.10', DEVICE), ...changes },
        { underlay: underlay('198.51.100.1', DEVICE) },
      );
    const network = (queries: readonly NetworkQuery[]) => {
      const lines = queries.map(({ line }) => line).join('\n');
      return parseNetwork(host.run(`ip -6 -N -j -force -batch - 2>&1 <<<'${lines}' || true`), queries);
    };
    const observe = (tunnel: TunnelPlan, queries: readonly NetworkQuery[]): ObservedEnd => {
      const [link] = parseLinks(host.run(`ip -j -d addr show dev ${tunnel.interface}`));
      return { link, network: network(queries) };
    };
    /** But for the carrier, which comes when it comes. */
    const everything = (): string =>
      host.run(
        `ip -o link | sed 's/NO-CARRIER,//; s/,LOWER_UP//; s/ state [A-Z]*//' | sort; ip -6 -N rule; ip -6 -N route show table all | sort; ip -6 -o addr show scope global`,
      );

    const CASES: readonly [string, End, Parameters<typeof samplePlan>[0]][] = [
      ['hub', 'hub', {}],
      ['gateway', 'spoke', { mode: 'gateway' }],
      ['policy', 'spoke', { mode: 'policy' }],
      ['hub with VNI, port and MTU of its own', 'hub', { vni: 70_000, dstport: 4790, mtu: 1400 }],
      [
        'gateway with VNI, port, MTU and metric of its own',
        'spoke',
        { vni: 70_000, dstport: 4790, mtu: 1400, metric: 33 },
      ],
      ['policy with VNI, port and MTU of its own', 'spoke', { mode: 'policy', vni: 70_000, dstport: 4790, mtu: 1400 }],
      ['gateway with one source port', 'spoke', { srcport: { low: 4789, high: 4789 } }],
      [
        'policy behind 1:1 NAT',
        'spoke',
        { mode: 'policy', underlay: { ...underlay('203.0.113.7', DEVICE), local: '10.0.0.10' } },
      ],
      [
        'gateway over a device that comes and goes',
        'spoke',
        { underlay: { ...underlay('10.0.0.10', DEVICE), hotplug: true } },
      ],
    ];

    it.each(CASES)('finds nothing to complain of after the stanza is up: %s', (_title, end, changes) => {
      const { fleet, tunnel } = plan(changes);
      const stanza = render(tunnel, end, ifupdown);
      host.run(upCommands(stanza, tunnel.interface));
      const expected = expectEnd(tunnel, end, DEVICE_MTU);
      expect(compareEnd(expected, observe(tunnel, tunnelQueries(tunnel, end)), true)).toEqual([]);
      expect(compareEnd(expected, observe(tunnel, fleetQueries(fleet)), true)).toEqual([]);
    });

    it.each(CASES)(
      'leaves links, addresses, rules and routes as they were when it is down: %s',
      (_title, end, changes) => {
        const { tunnel } = plan(changes);
        const stanza = render(tunnel, end, ifupdown);
        const before = everything();
        host.run(upCommands(stanza, tunnel.interface));
        expect(everything()).not.toBe(before);
        host.run(downCommands(stanza, tunnel.interface));
        expect(everything()).toBe(before);
      },
    );

    it.each(CASES)('heals what an ifup that broke off left behind: %s', (_title, end, changes) => {
      const { tunnel } = plan(changes);
      const stanza = render(tunnel, end, ifupdown);
      host.run(upCommands(stanza, tunnel.interface));
      host.run(upCommands(stanza, tunnel.interface));
      const observed = observe(tunnel, tunnelQueries(tunnel, end));
      expect(compareEnd(expectEnd(tunnel, end, DEVICE_MTU), observed, true)).toEqual([]);
      host.run(downCommands(stanza, tunnel.interface));
      expect(host.run(`ip -6 -N rule | wc -l; ls /sys/class/net`).split(/\s+/)).not.toContain(tunnel.interface);
      expect(network([{ line: 'rule show' }]).rules).toHaveLength(2);
    });

    it.each(['hub', 'spoke'] as const)('finds only "does not exist" before the %s end is up', (end) => {
      const { tunnel } = plan({ mode: 'policy' });
      const observed = { link: undefined, network: network(tunnelQueries(tunnel, end)) };
      expect(compareEnd(expectEnd(tunnel, end, DEVICE_MTU), observed, true)).toEqual([
        { layer: 'link', message: 'vxlan0a does not exist' },
      ]);
    });

    it('sees each loss in the running kernel: a rule, a route, an address, the guard, the link', () => {
      const { tunnel } = plan({ mode: 'policy' });
      host.run(upCommands(render(tunnel, 'spoke', ifupdown), tunnel.interface));
      const expected = expectEnd(tunnel, 'spoke', DEVICE_MTU);
      const messages = (break_: string): string[] => {
        host.run(break_);
        return compareEnd(expected, observe(tunnel, tunnelQueries(tunnel, 'spoke')), true).map(
          ({ message }) => message,
        );
      };
      const { priority, table } = tunnel;
      expect(messages(`ip -6 rule del pref ${priority + 1} from ${tunnel.prefix64}`)).toEqual([
        `rule pref ${priority + 1} from ${tunnel.prefix64} lookup ${table} is missing`,
      ]);
      expect(messages(`ip -6 rule add pref ${priority + 1} from ${tunnel.prefix64} lookup ${table}`)).toEqual([]);
      expect(messages(`ip -6 route del unreachable default metric 2147483647 table ${table}`)).toEqual([
        `route unreachable default metric 2147483647 table ${table} is missing`,
      ]);
      expect(messages(`ip -6 route add unreachable default metric 2147483647 table ${table}`)).toEqual([]);
      expect(messages(`ip -6 addr del ${tunnel.spokeAddress48}/48 dev ${tunnel.interface}`)).toEqual([
        `address ${tunnel.spokeAddress48}/48 is missing`,
      ]);
      expect(messages(`ip link set ${tunnel.interface} down`)).toContain(`${tunnel.interface} is down`);
    });
  });
}
