/** What the host's own routes and rules would do to the tunnel, and the tunnel to them. */
import { Address6 } from 'ip-address';
import type { HostFacts } from '../host/host-facts.js';
import { GUARD_METRIC } from '../plan/make-plan.js';
import type { TunnelPlan } from '../plan/plan.js';
import { rulesOf } from '../render/check-stanza.js';
import { isRuleOf } from '../verify/compare-end.js';
import { expectEnd, type ExpectedEnd } from '../verify/expect-end.js';
import type { KernelNetwork, KernelRoute, KernelRule } from '../verify/kernel-state.js';
import { describeKernelRoute, describeKernelRule } from '../verify/describe-route.js';
import { walkRules, type Walk } from '../verify/walk-rules.js';
import { refuse, underlays, type Rule, type Scene } from './scene.js';

const MAIN = '254';

/** Among rules of one priority the order is by chance. */
export const hasFreePriorities: Rule = (scene) => {
  const { end, tunnel, facts } = scene;
  if (end === 'hub' || tunnel.mode === 'gateway') return undefined;
  const foreign = facts.network.rules.find((rule) => isPriorityOf(tunnel, rule.priority) && !isOwnRule(scene, rule));
  return foreign === undefined
    ? undefined
    : refuse(
        'policy',
        `a rule that is not ours has priority ${foreign.priority}: ${describeKernelRule(foreign)}`,
        `The tunnel needs ${tunnel.priority} and ${tunnel.priority + 1}: give that rule another priority (ip -6 rule show).`,
      );
};

const isPriorityOf = (tunnel: TunnelPlan, priority: number): boolean =>
  priority === tunnel.priority || priority === tunnel.priority + 1;

/** The plan's, or what the file that is there has made: its prefix may be another one. */
export function isOwnRule({ tunnel, facts }: Pick<Scene, 'tunnel' | 'facts'>, rule: KernelRule): boolean {
  if (isPriorityOf(tunnel, rule.priority) && isRuleOf(tunnel, rule)) return true;
  const made = rulesOf(facts.files.get(tunnel.interface) ?? '');
  return !rule.hasMore && made.includes(`${rule.priority} ${rule.from}`);
}

/** The table of policy mode has two routes: the tunnel, and nothing. */
export const hasFreeTable: Rule = ({ end, tunnel, facts }) => {
  if (end === 'hub' || tunnel.mode === 'gateway') return undefined;
  const foreign = facts.network.routes.find(
    (route) =>
      route.table === String(tunnel.table) &&
      route.device !== tunnel.interface &&
      !(route.unreachable && route.metric === GUARD_METRIC),
  );
  return foreign === undefined
    ? undefined
    : refuse(
        'policy',
        `table ${tunnel.table} has a route that is not ours: ${describeKernelRoute(foreign)}`,
        `The tunnel needs that table alone: move the route (ip -6 route show table ${tunnel.table}).`,
      );
};

/** One destination has one route of a metric: ours would replace it, and nobody would put it back. */
export const hasFreeDefaultMetric: Rule = ({ end, tunnel, facts }) => {
  if (end === 'hub' || tunnel.mode === 'policy') return undefined;
  const other = facts.network.routes.find(
    (route) =>
      route.destination === 'default' &&
      route.table === MAIN &&
      route.metric === tunnel.metric &&
      route.device !== tunnel.interface,
  );
  if (other === undefined) return undefined;
  const isTunnel =
    other.device !== undefined && facts.links.has(other.device) && /^vxlan[0-9a-f]{2,4}$/.test(other.device);
  return refuse(
    'routes',
    `another default route has metric ${tunnel.metric}: ${describeKernelRoute(other)}`,
    `Give the tunnel another one, such as metric: ${freeMetric(facts, tunnel.metric)} for ${tunnel.spoke}, or remove that route.${
      isTunnel ? ` If ${other.device ?? ''} is an old tunnel of this site: deploy --prune.` : ''
    }`,
  );
};

function freeMetric({ network }: HostFacts, from: number): number {
  const taken = new Set(network.routes.filter(({ destination }) => destination === 'default').map((one) => one.metric));
  let metric = from;
  while (taken.has(metric)) metric++;
  return metric;
}

/** A prefix of ours that the host has on another device. */
export const hasNoCollidingRoute: Rule = (scene) => {
  const { tunnel, facts } = scene;
  const expected = expectedOf(scene).routes.filter(
    (route) => route.device !== undefined && route.destination !== 'default',
  );
  const other = facts.network.routes.find(
    (route) =>
      !route.unreachable &&
      route.device !== tunnel.interface &&
      expected.some(({ destination, table }) => destination === route.destination && table === route.table),
  );
  return other === undefined
    ? undefined
    : refuse(
        'routes',
        `${other.destination} is the tunnel's, and has a route already: ${describeKernelRoute(other)}`,
        `Remove that route, or have its daemon not announce it to this host; ip -6 route show exact ${other.destination}.`,
      );
};

/** With the tunnel up, would its packets go through it? */
export const reachesThroughTunnel: Rule = (scene) => {
  const { tunnel, end } = scene;
  const network = networkWithTunnel(scene);
  for (const { source, target } of flowsOf(scene)) {
    const walk = walkRules(network, source, target);
    if (isFine(walk, tunnel, end)) continue;
    const by =
      walk.route === undefined ? 'nowhere' : walk.route.unreachable ? 'nowhere' : `by ${walk.route.device ?? 'none'}`;
    const rule = walk.rule === undefined ? 'no rule' : `rule ${describeKernelRule(walk.rule)}`;
    const route = walk.route === undefined ? '' : `, route ${describeKernelRoute(walk.route)}`;
    return refuse(
      walk.rule?.priority === MAIN_PRIORITY ? 'routes' : 'policy',
      `packets from ${source} to ${target} would go ${by} and not through ${tunnel.interface}: ${rule}${route}`,
      cureOf(walk, scene),
    );
  }
  return undefined;
};

const MAIN_PRIORITY = 32766;

function cureOf({ rule, route }: Walk, { tunnel, facts }: Scene): string {
  if (rule === undefined || rule.priority === MAIN_PRIORITY || rule.priority === tunnel.priority) {
    return `Remove the route ${route?.destination ?? ''}, or put it into a table of its own: ip -6 route show ${route?.destination ?? ''}.`;
  }
  const before = Math.max(
    1,
    Math.min(...facts.network.rules.filter(({ priority }) => priority > 0).map((one) => one.priority)) - 1,
  );
  return `Let the tunnels' packets follow main first: ip -6 rule add pref ${before} to ${tunnel.prefix} lookup main; or remove the rule (ip -6 rule show).`;
}

/** In gateway mode a default route that wins against ours may be meant so. */
const isFine = ({ route }: Walk, tunnel: TunnelPlan, end: Scene['end']): boolean =>
  route?.device === tunnel.interface ||
  (end === 'spoke' && tunnel.mode === 'gateway' && route?.destination === 'default');

/** As the proof sends them; and, from a spoke, what is for another site. */
function flowsOf({ tunnel, end }: Scene): { readonly source: string; readonly target: string }[] {
  const { hubAddress, spokeAddress80, spokeAddress64, spokeAddress48 } = tunnel;
  const own = [spokeAddress80, spokeAddress64, spokeAddress48];
  if (end === 'hub') return own.map((target) => ({ source: hubAddress, target }));
  // In front of its own /48: behind it the fleet's prefix may be over.
  const elsewhere = Address6.fromBigInt(new Address6(tunnel.prefix48).startAddress().bigInt() - 1n).correctForm();
  return own.flatMap((source) => [hubAddress, elsewhere].map((target) => ({ source, target })));
}

/** What the host has but for the tunnel's old end, and what the new one brings. */
function networkWithTunnel(scene: Scene): KernelNetwork {
  const { facts, tunnel } = scene;
  const expected = expectedOf(scene);
  const routes = facts.network.routes.filter(
    (route) =>
      route.device !== tunnel.interface && route.table !== String(tunnel.table) && !isLeftBehind(tunnel, route),
  );
  const rules = facts.network.rules.filter((rule) => !isOwnRule(scene, rule));
  const newRoutes = expected.routes.map((route): KernelRoute => {
    const { device, metric = DEFAULT_METRIC } = route;
    return { ...route, metric, unreachable: device === undefined };
  });
  const newRules = expected.rules.map((rule): KernelRule => ({ ...rule, hasMore: false, text: '' }));
  return {
    routes: [...routes, ...newRoutes],
    rules: [...rules, ...newRules].toSorted((a, b) => a.priority - b.priority),
  };
}

/** What an old tunnel of this host, with another id, keeps unreachable goes with that tunnel. */
const isLeftBehind = ({ prefix }: TunnelPlan, { unreachable, destination }: KernelRoute): boolean =>
  unreachable &&
  destination !== 'default' &&
  destination !== prefix &&
  new Address6(destination).isInSubnet(new Address6(prefix));

/** Of a route that is given none (IP6_RT_PRIO_USER of the kernel). */
const DEFAULT_METRIC = 1024;

const expectedOf = (scene: Scene): ExpectedEnd =>
  expectEnd(scene.tunnel, scene.end, scene.facts.devices.get(underlays(scene).near.device)?.mtu ?? 0);
