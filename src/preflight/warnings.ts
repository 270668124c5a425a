/** What a person should know before a change that is none to refuse: the tunnel will work, and something around it may not. Pure. */
import type { HostFacts } from '../host/host-facts.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import type { KernelRoute } from '../verify/kernel-state.js';
import { describeKernelRoute } from '../verify/describe-route.js';
import { hostName, type Scene } from './scene.js';

/** Sentences, each with what to do. Those that are about the hub alone are the same for each of its tunnels. */
export const warningsOf = (scene: Scene): readonly string[] =>
  WARNINGS.map((warning) => warning(scene)).filter((text) => text !== undefined);

type Warning = (scene: Scene) => string | undefined;

const WARNINGS: readonly Warning[] = [networkdRemoves, hasIpv6OfItsOwn, isOnLinkOnly, forwardsOnlyNow];

/** Its defaults, by which it takes away what it did not make whenever it configures one of its links anew (docs/hosts.md). */
const FOREIGN = ['ManageForeignRoutingPolicyRules', 'ManageForeignRoutes'] as const;

function networkdRemoves(scene: Scene): string | undefined {
  const { facts, tunnel, end } = scene;
  const { networkd } = facts;
  if (networkd === undefined) return undefined;
  const hasRules = end === 'spoke' && tunnel.mode === 'policy';
  const managed = FOREIGN.filter((name) => (hasRules || name === 'ManageForeignRoutes') && isOn(networkd, name));
  if (managed.length === 0) return undefined;
  const settings = FOREIGN.map((name) => `${name}=no`).join('\\n');
  return (
    `systemd-networkd runs on ${hostName(scene)}, and would remove ${hasRules ? 'rules and routes' : 'routes'} of a tunnel when it ` +
    `configures a link anew. Write there: mkdir -p /etc/systemd/networkd.conf.d && printf '[Network]\\n${settings}\\n' ` +
    '>/etc/systemd/networkd.conf.d/vxfleet.conf && systemctl restart systemd-networkd'
  );
}

/** A setting of networkd.conf(5) that is on unless it is said to be off; the last word counts. */
function isOn(config: string, name: string): boolean {
  const values = [...config.matchAll(new RegExp(`^[ \\t]*${name}[ \\t]*=[ \\t]*(\\S*)`, 'gm'))].map(
    ([, value]) => value,
  );
  return !/^(?:no|n|false|f|off|0)$/i.test(values.at(-1) ?? '');
}

/** In gateway mode all that a site sends goes through the tunnel, also from an address that another provider has given it. */
function hasIpv6OfItsOwn({ facts, tunnel, end }: Scene): string | undefined {
  if (end === 'hub' || tunnel.mode === 'policy') return undefined;
  const native = facts.network.routes.find((route) => route.destination === 'default' && isElsewhere(route, facts));
  const own = nativeAddress(facts, tunnel.prefix);
  if (native === undefined || own === undefined) return undefined;
  const ssh = own.address === facts.sshServerAddress ? ', to which SSH comes,' : '';
  const consequence =
    native.metric < tunnel.metric
      ? `which wins against the tunnel's (metric ${tunnel.metric}): what the site sends from ${tunnel.prefix48} would leave there`
      : `which loses against the tunnel's (metric ${tunnel.metric}): what the site sends from ${own.address}${ssh} would go through the tunnel, and answers come the other way`;
  return (
    `${tunnel.spoke} has IPv6 of its own, ${own.address} on ${own.device}, and a default route (${describeKernelRoute(native)}) ${consequence}. ` +
    `mode: policy for ${tunnel.spoke} uses the tunnel for the tunnel's prefixes alone`
  );
}

/** In main, by a device that is no tunnel's. */
const isElsewhere = ({ table, unreachable, device }: KernelRoute, { links }: HostFacts): boolean =>
  table === '254' && !unreachable && device !== undefined && device !== 'lo' && !links.has(device);

/** Of the Internet (2000::/3), and not the fleet's. */
function nativeAddress({ devices, links }: HostFacts, prefix: string) {
  for (const { name, ipv6 } of devices.values()) {
    if (links.has(name) || name === 'lo') continue;
    const found = ipv6.find(({ address }) => /^[23][0-9a-f]{3}:/.test(address) && !isInPrefix(address, prefix));
    if (found !== undefined) return { device: name, address: found.address };
  }
  return undefined;
}

/** A prefix that is on-link is not routed to the hub: a router before it asks for each address, and the sites' are not there. */
function isOnLinkOnly({ facts, fleet: { prefix }, end }: Scene): string | undefined {
  if (end === 'spoke') return undefined;
  const start = prefix.replace(/\/.*$/, '');
  const route = facts.network.routes.find(
    (one) =>
      one.destination !== 'default' &&
      one.gateway === undefined &&
      isElsewhere(one, facts) &&
      isInPrefix(start, one.destination) &&
      Number(one.destination.replace(/^.*\//, '')) <= Number(prefix.replace(/^.*\//, '')),
  );
  return route === undefined
    ? undefined
    : `${prefix} is on-link on ${route.device ?? ''} of the hub (${describeKernelRoute(route)}): is it routed to this host? Where it is not, the router asks ` +
        'for each address of a site on that link, and nobody answers: have the prefix routed to an address of the hub';
}

/** What was set by hand is gone with the next boot, and with it the way from site to site. */
function forwardsOnlyNow({ facts, end }: Scene): string | undefined {
  if (end === 'spoke' || !facts.forwards || facts.forwardsAtBoot) return undefined;
  return (
    'the hub forwards IPv6, and nothing found there would turn that on when it boots: after a reboot the sites would have their tunnels and reach ' +
    'nobody but the hub. Write there: echo net.ipv6.conf.all.forwarding=1 >/etc/sysctl.d/forwarding.conf'
  );
}
