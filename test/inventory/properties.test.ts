import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { formatProblems } from '../../src/inventory/format-problems.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';
import { readInteger } from '../../src/inventory/read-integer.js';
import { readPrefix } from '../../src/inventory/read-prefix.js';

const read = readInteger({ min: 0, max: 2 ** 32 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const zeros = fc.integer({ min: 0, max: 10 }).map((count) => '0'.repeat(count));

describe('integers read as people expect', () => {
  test('decimal, whatever the zeros in front', () => {
    fc.assert(
      fc.property(uint32, zeros, (value, lead) => {
        expect(read(`${lead}${value}`)).toEqual({ value });
      }),
    );
  });

  test('hex after 0x, in either case', () => {
    fc.assert(
      fc.property(uint32, zeros, fc.boolean(), (value, lead, isUpper) => {
        const text = `0x${lead}${value.toString(16)}`;
        expect(read(isUpper ? text.toUpperCase() : text)).toEqual({ value });
      }),
    );
  });

  test('and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcxXeEoO.+-_ \n,') }), (text) => {
        fc.pre(!/^(?:[0-9]+|0[xX][0-9a-fA-F]+)$/.test(text));
        expect(read(text)).toHaveProperty('wrong');
      }),
    );
  });
});

test('an accepted prefix is its own normal form', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), (address, length) => {
      const first = readPrefix(`${address}/${length}`);
      const text = 'value' in first ? first.value.text : first.fix;
      if (text?.includes('/') && !text.includes(' ')) expect(readPrefix(text)).toMatchObject({ value: { text } });
    }),
  );
});

const directory = mkdtempSync(join(tmpdir(), 'vxfleet-properties-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const FIELDS = [
  ['prefix'],
  ['templates'],
  ['hub', 'anchor'],
  ['hub', 'underlay', 'address'],
  ['hub', 'underlay', 'device'],
  ['hub', 'ssh', 'host'],
  ['hub', 'ssh', 'user'],
  ['hub', 'ssh', 'identity_file'],
  ['hub', 'ssh', 'proxy_jump'],
  ['spoke', 'ssh', 'proxy_jump'],
  ...['defaults', 'spoke'].flatMap((owner) => [
    [owner, 'id'],
    [owner, 'mode'],
    [owner, 'metric'],
    [owner, 'underlay', 'address'],
    [owner, 'underlay', 'device'],
    [owner, 'ssh', 'host'],
    [owner, 'ssh', 'port'],
    [owner, 'ssh', 'user'],
    [owner, 'ssh', 'identity_file'],
    [owner, 'vxlan', 'dstport'],
    [owner, 'vxlan', 'mtu'],
    [owner, 'vxlan', 'vni'],
    [owner, 'tags', '0'],
  ]),
];

/** Text near to what is accepted, with what a stanza or a shell would act on mixed in, or anything at all. */
const hostileText = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        'eth0',
        'root',
        '10',
        '0x0a',
        'policy',
        '192.0.2.9',
        '2001:db8:ae00::/40',
        '2001:db8::1',
        'a-b',
        '',
      ),
      fc.constantFrom(
        '',
        '\n',
        '\n  up reboot',
        ' ',
        '"',
        "'",
        '$',
        '$(id)',
        '`',
        ';',
        '#',
        '\\',
        '\r',
        '\0',
        '\u2028',
        '\u001b[2J',
        '%',
        '&',
        '|',
      ),
      fc.constantFrom('', 'x', '1', '\n'),
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
);

test('whatever stands in a field, it is refused or safe to write into a stanza', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FIELDS),
      hostileText,
      fc.oneof(fc.constant('tokyo'), hostileText),
      async (path, text, name) => {
        const spoke: Record<string, unknown> = { id: '1', underlay: { address: '203.0.113.10', device: 'eth0' } };
        const file = {
          prefix: '2001:db8:ae00::/40',
          defaults: {},
          hub: { underlay: { address: '198.51.100.1', device: 'eth0' } },
          spokes: Object.fromEntries([[name, spoke]]),
        };
        place({ ...file, spoke }, path, text, file);
        const yaml = join(directory, 'inventory.yaml');
        // JSON is YAML; lone surrogates cannot be written as UTF-8.
        writeFileSync(yaml, JSON.stringify(file));
        const result = await loadInventory(yaml);
        if (!result.ok) {
          expect(result.problems.length).toBeGreaterThan(0);
          // eslint-disable-next-line no-control-regex
          expect(formatProblems(result.problems)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
          return;
        }
        const { inventory } = result;
        expect(inventory.prefix).toMatch(/^[0-9a-f:]+\/[34][0-9]$/);
        const hosts = [inventory.hub, ...inventory.spokes];
        for (const { underlay } of hosts) {
          expect(underlay.address).toMatch(/^[0-9]+(\.[0-9]+){3}$/);
          expect(underlay.device).toMatch(/^[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,14}$/);
        }
        // These reach the command line of ssh, and a ProxyCommand's shell.
        for (const ssh of hosts.flatMap(({ ssh }) => [ssh, ...(ssh.proxyJump ?? [])])) {
          expect(ssh.host).toMatch(/^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$/);
          expect(ssh.user ?? 'root').toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/);
        }
        for (const { name: accepted, tags, mode, ...spoke } of inventory.spokes) {
          for (const word of [accepted, ...tags]) expect(word).toMatch(/^[a-z0-9][a-z0-9-]*$/);
          expect(['gateway', 'policy']).toContain(mode);
          for (const number of [spoke.id, spoke.vni, spoke.dstport, spoke.metric])
            expect(number).toSatisfy(Number.isSafeInteger);
        }
      },
    ),
    { numRuns: 1500 },
  );
});

/** Sets the field at a path, making the groups on the way; top-level fields are set in the file itself. */
function place(
  root: Record<string, unknown>,
  path: readonly string[],
  text: string,
  file: Record<string, unknown>,
): void {
  const [head = '', ...rest] = path;
  if (rest.length === 0) {
    file[head] = text;
    return;
  }
  let group = root[head] as Record<string, unknown>;
  for (const step of rest.slice(0, -1)) {
    group[step] ??= step === 'tags' ? [] : {};
    group = group[step] as Record<string, unknown>;
  }
  group[rest.at(-1) ?? ''] = text;
}
