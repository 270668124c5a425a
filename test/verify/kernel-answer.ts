/** The JSON that `ip` prints for an end that is exactly as expected: shapes taken from iproute2 6.1. */
import { FILTER_PARTS, type Filter } from '../../src/plan/filter.js';
import type { ExpectedEnd } from '../../src/verify/expect-end.js';

export interface KernelAnswer {
  /** `ip -j -d addr show dev IF` */
  readonly links: string;
  /** `ip -6 -d -N -j -force -batch -`: rules, nothing for the second query, the link twice, then all the routes. */
  readonly network: string;
}

export function kernelAnswer(expected: ExpectedEnd, ifindex = 4): KernelAnswer {
  const { link } = expected;
  const addresses = expected.addresses.map((text) => {
    const [local, length] = text.split('/');
    return { family: 'inet6', local, prefixlen: Number(length), scope: 'global', nodad: true };
  });
  const rules = expected.rules.map(({ priority, from, table, suppressPrefixLength }) => ({
    priority,
    src: from.split('/')[0],
    srclen: Number(from.split('/')[1]),
    table,
    ...(suppressPrefixLength === undefined ? {} : { suppress_prefixlen: suppressPrefixLength }),
  }));
  const routes = expected.routes.map(({ destination, gateway, device, table, metric }) => ({
    ...(device === undefined ? { type: '7' } : {}),
    dst: destination,
    ...(gateway === undefined ? {} : { gateway }),
    dev: device ?? 'lo',
    ...(table === '254' ? {} : { table }),
    metric: metric ?? 1024,
    flags: [],
    pref: 'medium',
  }));
  const all = [{ priority: 0, src: 'all', table: '255' }, ...rules, { priority: 32766, src: 'all', table: '254' }];
  const { vni, local, remote, device, dstport, srcport, mac, mtu } = link;
  const info_data = {
    id: vni,
    remote,
    local,
    link: device,
    port: dstport,
    port_range: { low: srcport[0], high: srcport[1] },
    learning: false,
    ttl: 64,
    df: 'unset',
  };
  const flags = ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'];
  const fe80 = { family: 'inet6', local: 'fe80::76:78ff:fe00:a01', prefixlen: 64, scope: 'link' };
  const entry = { ifindex, ifname: expected.interface, flags, mtu, operstate: 'UNKNOWN', address: mac };
  const linkinfo = { info_kind: 'vxlan', info_data };
  const links = `${JSON.stringify([{ ...entry, linkinfo, addr_info: [...addresses, fe80] }])}\n`;
  const bare = `${JSON.stringify([{ ...entry, linkinfo }])}\n`;
  const own = expected.end === 'hub' ? '[]\n' : '[]\n[]\n[]\n';
  return { links, network: `${JSON.stringify(all)}\n${own}${links}${bare}${JSON.stringify(routes)}\n` };
}

/** A host that has exactly this filter. */
export function filterAnswer(filter: Filter): string {
  const parts = FILTER_PARTS.map((name) => filter[name]);
  const chains = parts
    .flatMap((part) => part.chains)
    .map(({ name, hook, rules }) => ['chain', name, ...(hook === undefined ? [] : [hook]), ...rules]);
  const sets = parts.flatMap((part) => part.sets).map(({ name, elements }) => ['set', name, ...elements]);
  return `${JSON.stringify([{ filter: [...chains, ...sets], fault: '' }])}\n`;
}
