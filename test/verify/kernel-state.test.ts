import { describe, expect, it } from 'vitest';
import { parseLinks, parseNetwork } from '../../src/verify/kernel-state.js';

// As iproute2 6.1 printed them.
const LINK =
  '[{"ifindex":4,"ifname":"vxlan0a","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1450,"qdisc":"noqueue","operstate":"UNKNOWN","group":"default","txqlen":1000,"link_type":"ether","address":"02:76:78:00:0a:01","broadcast":"ff:ff:ff:ff:ff:ff","promiscuity":0,"allmulti":0,"min_mtu":68,"max_mtu":65535,"linkinfo":{"info_kind":"vxlan","info_data":{"id":10,"remote":"10.9.0.2","local":"10.9.0.1","link":"und","port_range":{"low":0,"high":0},"port":4789,"learning":false,"ttl":64,"df":"unset","ageing":300,"udp_csum":true,"udp_zero_csum6_tx":false,"udp_zero_csum6_rx":false}},"num_tx_queues":1,"num_rx_queues":1,"addr_info":[{"family":"inet6","local":"2001:db8:ae00:0:a::1","prefixlen":80,"scope":"global","nodad":true,"valid_life_time":4294967295,"preferred_life_time":4294967295},{"family":"inet6","local":"fe80::76:78ff:fe00:a01","prefixlen":64,"scope":"link","tentative":true,"valid_life_time":4294967295,"preferred_life_time":4294967295}]}]\n';
const VETH =
  '{"ifindex":3,"link":"und2","ifname":"und","flags":["BROADCAST","UP"],"mtu":1500,"address":"fe:ec:94:5a:3e:45","linkinfo":{"info_kind":"veth"},"addr_info":[]}';
const RULES =
  '[{"priority":0,"src":"all","table":"255"},{"priority":20080,"src":"2001:db8:ae00:a::","srclen":64,"table":"254","suppress_prefixlen":0},{"priority":20081,"src":"2001:db8:ae00:a::","srclen":64,"table":"30010"},{"priority":32766,"src":"all","table":"254"}]';
const GUARD = '[{"type":"7","dst":"2001:db8:ae00::/40","flags":[],"pref":"medium"}]';
const BY_DEVICE =
  '[{"dst":"2001:db8:ae00:0:a::/80","protocol":"2","metric":256,"flags":[],"pref":"medium"},{"dst":"2001:db8:ae0a::/48","gateway":"2001:db8:ae00:0:a::2","metric":1024,"flags":[],"pref":"medium"},{"type":"2","dst":"2001:db8:ae00:0:a::1","table":"255","protocol":"2","metric":0,"flags":[],"pref":"medium"},{"type":"5","dst":"ff00::/8","table":"255","protocol":"2","metric":256,"flags":[],"pref":"medium"}]';
const ALL =
  '[{"dst":"2001:db8:ae0a::/48","gateway":"2001:db8:ae00:0:a::2","dev":"vxlan0a","metric":1024,"flags":[],"pref":"medium"},{"type":"7","dst":"2001:db8:ae00::/40","dev":"lo","metric":2147483637,"flags":[],"pref":"medium"},{"dst":"default","gateway":"2001:db8:ae00:0:a::1","dev":"vxlan0a","table":"30010","metric":1024,"flags":["onlink"],"pref":"medium"}]';

describe('links', () => {
  it('reads a VXLAN link, its parameters and its global addresses', () => {
    expect(parseLinks(LINK)).toEqual([
      {
        name: 'vxlan0a',
        ifindex: 4,
        up: true,
        mtu: 1450,
        mac: '02:76:78:00:0a:01',
        vni: 10,
        local: '10.9.0.1',
        remote: '10.9.0.2',
        device: 'und',
        dstport: 4789,
        srcport: [0, 0],
        learning: false,
        ttl: 64,
        addresses: [{ address: '2001:db8:ae00:0:a::1', length: 80, tentative: false }],
      },
    ]);
  });

  it('leaves out links of other kinds and links of no kind', () => {
    expect(parseLinks(`[${VETH},{"ifindex":1,"ifname":"lo"},{}]`)).toEqual([]);
  });

  it.each(['', ' \n', '[]', '[{}]'])('reads no link in %j', (text) => {
    expect(parseLinks(text)).toEqual([]);
  });

  it('tells a link that is down, bound to nothing and learning', () => {
    const text = LINK.replace('"UP","LOWER_UP"', '"LOWER_UP"')
      .replace(/"remote":"[^"]*","local":"[^"]*","link":"[^"]*",/, '')
      .replace('"learning":false', '"learning":true');
    expect(parseLinks(text)).toMatchObject([
      { up: false, remote: undefined, local: undefined, device: undefined, learning: true },
    ]);
  });

  it.each(['tentative', 'dadfailed'])('calls an address with %s not usable', (flag) => {
    const [link] = parseLinks(LINK.replace('"nodad":true', `"${flag}":true`));
    expect(link?.addresses).toEqual([{ address: '2001:db8:ae00:0:a::1', length: 80, tentative: true }]);
  });

  it('leaves out IPv4 addresses and the empty entries of a filtered list', () => {
    const v4 = '{"family":"inet","local":"10.0.0.1","prefixlen":24,"scope":"global"}';
    const [link] = parseLinks(LINK.replace('"addr_info":[', `"addr_info":[{},${v4},`));
    expect(link?.addresses.map(({ address }) => address)).toEqual(['2001:db8:ae00:0:a::1']);
  });
});

describe('routes and rules', () => {
  it('reads rules: by source with a length, of all, with and without suppression', () => {
    const rule = { suppressPrefixLength: undefined };
    expect(parseNetwork(RULES, [{ line: 'rule show' }]).rules).toMatchObject([
      { ...rule, priority: 0, from: 'all', table: '255' },
      { priority: 20080, from: '2001:db8:ae00:a::/64', table: '254', suppressPrefixLength: 0 },
      { ...rule, priority: 20081, from: '2001:db8:ae00:a::/64', table: '30010' },
      { ...rule, priority: 32766, from: 'all', table: '254' },
    ]);
  });

  it.each(['"fwmark":"0x1"', '"iif":"eth0"', '"dst":"2001:db8::","dstlen":32'])(
    'knows a rule with more: %s',
    (more) => {
      const [rule] = parseNetwork(`[{"priority":5,"src":"all","table":"254",${more}}]`, []).rules;
      expect(rule).toMatchObject({ hasMore: true });
      expect(rule?.text).toContain(more);
    },
  );

  it('reads a route with several next hops as one route for each', () => {
    const hops =
      '{"gateway":"fe80::1","dev":"eth0","weight":1},{"gateway":"2001:db8:ae00:0:a::1","dev":"vxlan0a","weight":1}';
    const { routes } = parseNetwork(`[{"dst":"default","metric":512,"nexthops":[${hops}]}]`, []);
    expect(routes.map(({ device, metric }) => ({ device, metric }))).toEqual([
      { device: 'eth0', metric: 512 },
      { device: 'vxlan0a', metric: 512 },
    ]);
  });

  it('reads a rule whose source is a single address, which is printed without a length', () => {
    const [rule] = parseNetwork('[{"priority":5,"src":"2001:db8::1","table":"254"}]', []).rules;
    expect(rule?.from).toBe('2001:db8::1/128');
  });

  it("reads routes by their numeric type and leaves out the kernel's own", () => {
    expect(parseNetwork(ALL, [{ line: 'route show table all' }]).routes).toEqual([
      {
        destination: '2001:db8:ae0a::/48',
        unreachable: false,
        gateway: '2001:db8:ae00:0:a::2',
        device: 'vxlan0a',
        table: '254',
        metric: 1024,
      },
      {
        destination: '2001:db8:ae00::/40',
        unreachable: true,
        gateway: undefined,
        device: 'lo',
        table: '254',
        metric: 2147483637,
      },
      {
        destination: 'default',
        unreachable: false,
        gateway: '2001:db8:ae00:0:a::1',
        device: 'vxlan0a',
        table: '30010',
        metric: 1024,
      },
    ]);
  });

  it('puts back what ip leaves out because the query named it: device, metric, table', () => {
    const queries = [
      { line: 'rule show' },
      { line: 'route show …', metric: 2147483637 },
      { line: 'route show …', device: 'vxlan0a' },
      { line: 'route show …', table: '30010' },
    ];
    const byTable = '[{"dst":"default","gateway":"2001:db8:ae00:0:a::1","dev":"vxlan0a","metric":1024}]';
    const { routes, rules } = parseNetwork([RULES, GUARD, BY_DEVICE, byTable].join('\n'), queries);
    expect(rules).toHaveLength(4);
    expect(routes).toMatchObject([
      { destination: '2001:db8:ae00::/40', unreachable: true, table: '254', metric: 2147483637 },
      { destination: '2001:db8:ae00:0:a::/80', device: 'vxlan0a', table: '254', metric: 256 },
      { destination: '2001:db8:ae0a::/48', device: 'vxlan0a', gateway: '2001:db8:ae00:0:a::2' },
      { destination: 'default', device: 'vxlan0a', table: '30010' },
    ]);
  });

  it('counts a route that two queries answer once', () => {
    const { routes } = parseNetwork(`${ALL}\n${ALL}\n`, [{ line: 'a' }, { line: 'b' }]);
    expect(routes).toHaveLength(3);
  });

  it('passes over what ip says beside its answers', () => {
    const text = `${RULES}\n[]\nCannot find device "vxlan0a"\nCommand failed -:3\n`;
    expect(parseNetwork(text, [{ line: 'a' }])).toMatchObject({ routes: [], rules: { length: 4 } });
    expect(parseNetwork('', [{ line: 'a' }])).toEqual({ routes: [], rules: [] });
  });
});

describe('answers that are not JSON', () => {
  it.each([
    ['links', () => parseLinks('Option "-j" is unknown, try "ip -help".')],
    ['links cut short', () => parseLinks(LINK.slice(0, 200))],
    ['routes cut short', () => parseNetwork(RULES.slice(0, 50), [{ line: 'rule show' }])],
  ])('are a protocol error with what was answered and a hint: %s', (_title, parse) => {
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'protocol',
        message: expect.stringMatching(/not JSON: (Option|\[)/) as string,
        hint: expect.stringContaining('iproute2') as string,
      }),
    );
  });
});
