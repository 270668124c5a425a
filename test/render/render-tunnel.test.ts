import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { makePlan } from '../../src/plan/make-plan.js';
import { loadTemplates } from '../../src/render/load-templates.js';
import { renderFleet } from '../../src/render/render-fleet.js';
import { renderTunnel } from '../../src/render/render-tunnel.js';
import { VARIABLE_NAMES } from '../../src/render/template-variables.js';
import { inventory, spoke, underlay } from './fleet.js';

const sets = loadTemplates(undefined);
const templates = sets.ifupdown;
const osaka = spoke('osaka', 10, { mode: 'policy', mtu: 1400, vni: 1010, dstport: 4790 });
const plan = makePlan({ ...inventory('2001:db8:ae00::/40', [spoke('tokyo', 1), osaka]), filter: true });
const [tokyoTunnel, osakaTunnel] = [plan.tunnels[0]!, plan.tunnels[1]!];
/** Without the filter. */
const [tokyoOpen, osakaOpen] = [
  { ...tokyoTunnel, filter: false },
  { ...osakaTunnel, filter: false },
];

test.each([
  ['hub', tokyoTunnel, 'hub'],
  ['gateway', tokyoTunnel, 'spoke'],
  ['policy', osakaTunnel, 'spoke'],
] as const)('renders the golden %s stanza', async (name, tunnel, end) => {
  await expect(renderTunnel(tunnel, end, templates)).toMatchFileSnapshot(`golden/${name}`);
  const files = renderFleet(plan.tunnels, sets);
  expect(files.of(tunnel, end, { ifupdown: 'ifupdown', mtu: tunnel.mtu ?? 1450 })).toEqual({
    text: renderTunnel(tunnel, end, templates),
    isCustom: false,
  });
  const { text } = files.of(tunnel, end, { ifupdown: 'ifupdown2', mtu: tunnel.mtu ?? 1450 });
  await expect(text).toMatchFileSnapshot(`golden/ifupdown2/${name}`);
});

test('no accepted name, device or number makes a line that the templates did not write', () => {
  const bounds = {
    mtu: [1280, 65535],
    vni: [1, 2 ** 24 - 1],
    dstport: [1, 65535],
    port: [1, 65534],
    metric: [1, 2 ** 31 - 1],
    id: [1, 255],
  };
  const within = ([min, max]: number[]) => fc.integer({ min: min!, max: max! });
  const name = fc.stringMatching(/^[a-z0-9-]{1,30}$/);
  const device = fc.stringMatching(/^[A-Za-z0-9._@+-]{1,15}$/);
  const input = fc.record({
    name,
    device,
    mode: fc.constantFrom('gateway', 'policy'),
    end: fc.constantFrom('hub', 'spoke'),
    id: within(bounds.id),
    mtu: fc.option(within(bounds.mtu), { nil: undefined }),
    vni: within(bounds.vni),
    dstport: within(bounds.dstport),
    low: within(bounds.port),
    hotplug: fc.boolean(),
    filter: fc.boolean(),
    metric: within(bounds.metric),
  });
  fc.assert(
    fc.property(input, ({ name, device, mode, end, id, low, hotplug, filter, ...numbers }) => {
      const one = spoke(name, id, {
        mode,
        ...numbers,
        srcport: { low, high: 65_534 },
        underlay: { ...underlay('10.0.0.1', device), hotplug },
      });
      const fleet = { ...inventory('2001:db8:ae00::/40', [one]), filter };
      const text = renderTunnel(makePlan(fleet).tunnels[0]!, end, templates);
      const { source } = templates.byName[end === 'hub' ? 'hub' : mode];
      const patterns = linePatterns(source, filter);
      // As ifupdown reads it.
      const lines = text.replaceAll('\\\n', '').split('\n');
      expect(lines.pop()).toBe('');
      expect(lines.length).toBe(patterns.length);
      lines.forEach((line, index) => expect(line).toMatch(patterns[index]!));
    }),
  );
});

/** Commands of nft in the quotes of sh, and nothing of sh between them but what the filter's own lines have. */
const FILTER = `(?:(?:exec 2>/dev/null;\\s+(?:[a-z]+='[^'\`$]*';\\s+)+)?nft |exec nft |\\{ nft )[^\`]*`;

/** Each line of a template with a word in place of each variable. */
function linePatterns(source: string, filter: boolean): RegExp[] {
  const code = source
    .replace(/\{% #[^]*?%\}/g, '')
    .replace(/\{% if filter %\}\n([^]*?)\{% endif %\}\n/g, filter ? '$1' : '')
    .replace(/\{% unless hotplug %\}.*?\{% endunless %\}/g, '{{OPTIONAL}}');
  const lines = code.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const literal = line.replace(/[.*+?^$()|[\]\\/]/g, '\\$&');
    return new RegExp(
      `^${literal
        .replace(/\{\{OPTIONAL\}\}/g, '(?: dev [A-Za-z0-9._@+-]+)?')
        .replace(/\{\{ filter_\w+ \}\}/g, FILTER)
        .replace(/\{\{ \w+ \}\}/g, '[A-Za-z0-9._:/@+-]+')}$`,
    );
  });
}

test.each(['a\nb', 'a"', "a'", '$a', '`a`', 'a;b', '#a', 'a\\', 'a b', '', 'a|b', 'é'])(
  'refuses the value %j',
  (value) => {
    for (const tunnel of [
      { ...tokyoTunnel, spoke: value },
      { ...tokyoTunnel, hubUnderlay: underlay('10.0.0.1', value) },
    ])
      expect(() => renderTunnel(tunnel, 'hub', templates)).toThrow(/cannot stand in a stanza/);
  },
);

test('docs/templates.md lists the variables of the code', () => {
  const doc = readFileSync(new URL('../../docs/templates.md', import.meta.url), 'utf8');
  expect([...doc.matchAll(/^\| `(\w+)` +\|/gm)].map((match) => match[1])).toEqual(VARIABLE_NAMES);
});

describe('what only some sites have', () => {
  const doc = readFileSync(new URL('../../docs/templates.md', import.meta.url), 'utf8');
  const [, example = ''] = /```liquid\n([^]*?)```/.exec(doc) ?? [];
  const directory = mkdtempSync(join(tmpdir(), 'vxfleet-templates-'));
  const builtIn = readFileSync(new URL('../../templates/hub.liquid', import.meta.url), 'utf8');
  writeFileSync(join(directory, 'hub.liquid'), `${builtIn}${example}`);
  afterAll(() => rmSync(directory, { recursive: true }));
  const custom = loadTemplates(directory).ifupdown;
  const added = (name: string, tags: readonly string[]): string[] => {
    const [tunnel] = makePlan(inventory('2001:db8:ae00::/40', [spoke(name, 10, { tags: [...tags] })])).tunnels;
    const before = renderTunnel(tunnel!, 'hub', templates).split('\n');
    return renderTunnel(tunnel!, 'hub', custom)
      .split('\n')
      .filter((line) => !before.includes(line));
  };

  test('stands behind a tag or a name, as docs/templates.md says', () => {
    const rate = '  post-up exec tc qdisc replace dev vxlan0a root tbf rate 50mbit burst 64k latency 50ms';
    const route = '  post-up exec ip -6 route add 2001:db8:77::/48 via 2001:db8:ae00:0:a::2 dev vxlan0a';
    expect(added('tokyo', ['lab'])).toEqual([]);
    expect(added('tokyo', ['lab', 'slow'])).toEqual([rate]);
    expect(added('osaka', ['slow'])).toEqual([rate, route]);
  });
});

describe('custom templates', () => {
  const directory = mkdtempSync(join(tmpdir(), 'vxfleet-templates-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const custom = (source: string) => {
    writeFileSync(join(directory, 'hub.liquid'), source);
    return loadTemplates(directory).ifupdown;
  };
  const head =
    '# Managed by vxfleet: tunnel {{ interface }}\nauto {{ interface }}\niface {{ interface }} inet6 static\n';

  test('override one end and leave the others', () => {
    const loaded = custom(`${head}  {% if id > 5 %}# high {{ spoke | upcase }}{% endif %}\n`);
    expect([loaded.isCustom('hub', 'policy'), loaded.isCustom('spoke', 'policy')]).toEqual([true, false]);
    expect(renderTunnel(osakaOpen, 'hub', loaded)).toContain('  # high OSAKA\n');
    expect(renderTunnel(tokyoOpen, 'hub', loaded)).not.toContain('high');
  });

  test('that make no filter are refused while it is on', () => {
    const loaded = custom(head);
    expect(() => renderTunnel(tokyoTunnel, 'hub', loaded)).toThrow(
      /the filter is on, and there is no filter_up in the/,
    );
    expect(renderTunnel(tokyoOpen, 'hub', loaded)).toContain('iface vxlan01');
    const filtered = custom(`${head}  pre-up {{ filter_up }}\n  post-down {{ filter_down }}\n`);
    expect(renderTunnel(tokyoTunnel, 'hub', filtered)).toMatch(/ {2}pre-up \{ nft '\s/);
  });

  test.each([
    [
      'unknown variable',
      'a\n  {{ devise }}\n',
      /hub\.liquid:2:6: unknown variable: devise\n {4}\{\{ devise \}\}\n {7}\^/,
    ],
    ['unknown filter', '{{ id | frob }}', /hub\.liquid:1:1: undefined filter: frob\n/],
    ['open tag', 'x {% if id %}', /hub\.liquid:1:3: tag .* not closed\n/],
    ['unused branch', '{% if false %}{{ nope }}{% endif %}', /unknown variable: nope/],
    ['carriage return', 'a\r\n', /hub\.liquid:1:2: a carriage return/],
  ])('%s is an error with its place', (_, source, message) => {
    expect(() => custom(source)).toThrow(message);
    expect(() => custom(source)).toThrow(expect.objectContaining({ code: 'inventory' }));
  });

  test.each([
    ['no owner line', 'auto {{ interface }}\niface {{ interface }} inet6 static\n', /first line/],
    ['another interface', `${head}auto eth0\niface eth0 inet dhcp\n`, /may define vxlan01 only.*auto eth0/],
    ['a second stanza', `${head}iface {{ interface }} inet manual\n`, /there are 2/],
    ['source', `${head}source /etc/x\n`, /source \/etc\/x/],
    ['a continued comment', `${head}# and \\\n  up true\n`, /backslash/],
    [
      'a stanza in pieces',
      `${head}  up true \\\n  x\nifa\\\nce eth0 inet dhcp\n`,
      /may define vxlan01 only.*iface eth0/,
    ],
  ])('%s is refused', (_, source, message) => {
    expect(() => renderTunnel(tokyoOpen, 'hub', custom(source))).toThrow(message);
  });

  test.each([
    ['a pipe', (path: string) => execFileSync('mkfifo', [path]), 'a pipe or a device'],
    ['a device', (path: string) => symlinkSync('/dev/zero', path), 'a pipe or a device'],
    ['a directory', (path: string) => mkdirSync(path), 'it is a directory'],
    ['a huge file', (path: string) => writeFileSync(path, 'x'.repeat(2 ** 20 + 1)), 'more than'],
    ['a large file', (path: string) => writeFileSync(path, 'x'.repeat(300_000)), 'more than 262144 characters'],
  ])('that are %s are named at once', (_, make, why) => {
    const path = join(directory, 'hub.liquid');
    rmSync(path, { recursive: true, force: true });
    make(path);
    try {
      expect(() => loadTemplates(directory)).toThrow(
        expect.objectContaining({ code: 'inventory', message: expect.stringContaining(why) }),
      );
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  test.each([
    ['never ends', '{% for i in (1..100000000000) %}x{% endfor %}'],
    ['never ends, as a loop in a loop', `${'{% for i in (1..9999) %}'.repeat(9)}{{ id }}${'{% endfor %}'.repeat(9)}`],
    [
      'doubles a text',
      `{% assign x = "${'x'.repeat(99)}" %}{% for i in (1..99) %}{% assign x = x | append: x %}{% endfor %}`,
    ],
  ])('are given up when what they do %s', (_, source) => {
    expect(() => renderTunnel(tokyoTunnel, 'hub', custom(`${head}${source}`))).toThrow(
      expect.objectContaining({ code: 'inventory', message: expect.stringMatching(/hub\.liquid:.*limit exceeded/) }),
    );
  });

  test('for one ifupdown alone are refused on a host with the other', () => {
    custom(`${head}  address ::1/80\n`);
    const reader = { ifupdown: 'ifupdown2', mtu: 1450 } as const;
    const load = () => renderFleet([tokyoOpen], loadTemplates(directory));
    expect(() => load().of(tokyoOpen, 'hub', reader)).toThrow(
      /hub\.liquid is for ifupdown, and the host of tokyo's hub/,
    );
    expect(load().of(tokyoOpen, 'spoke', reader)).toMatchObject({ isCustom: false });
    mkdirSync(join(directory, 'ifupdown2'));
    writeFileSync(join(directory, 'ifupdown2/hub.liquid'), `${head}  mtu {{ mtu }}\n`);
    expect(load().of(tokyoOpen, 'hub', reader)).toEqual({
      text: expect.stringContaining('  mtu 1450\n') as string,
      isCustom: true,
    });
    rmSync(join(directory, 'ifupdown2'), { recursive: true });
  });

  test.each(['hub.liqiud', 'policy.liquid.txt', 'gatewy.liquid'])('%s has a name that nobody would read', (name) => {
    writeFileSync(join(directory, name), '');
    expect(() => loadTemplates(directory)).toThrow(/no template has this name/);
    rmSync(join(directory, name));
  });

  test('copies of an editor, and other files, do not matter', () => {
    const names = ['hub.liquid~', 'hub.liquid.bak', '.hub.liquid.swp', 'README.md'];
    for (const name of names) writeFileSync(join(directory, name), '');
    expect(() => loadTemplates(directory)).not.toThrow();
    for (const name of names) rmSync(join(directory, name));
  });

  test('a directory that is not there is an inventory error', () => {
    expect(() => loadTemplates(join(directory, 'none'))).toThrow(expect.objectContaining({ code: 'inventory' }));
  });
});
