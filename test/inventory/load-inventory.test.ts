import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, promises, rmSync, truncateSync, writeFileSync, chmodSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { formatProblems } from '../../src/inventory/format-problems.js';
import { loadInventory } from '../../src/inventory/load-inventory.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'vxfleet-inventory-'));
  chmodSync(directory, 0o755);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const write = (name: string, content: string | Buffer): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

async function problemsOf(path: string): Promise<string> {
  const result = await loadInventory(path);
  return result.ok ? 'accepted' : formatProblems(result.problems).replaceAll(path, 'FILE');
}

const VALID = `prefix: 2001:db8:ae00::/40
hub: { underlay: { address: 198.51.100.1, device: eth0 } }
spokes: { tokyo: { id: 1, underlay: { address: 203.0.113.10, device: eth0 } } }
`;

describe('a file that cannot be read is a problem', () => {
  test('missing', async () => {
    expect(await problemsOf(join(directory, 'none.yaml'))).toContain('FILE: the file does not exist\nfix: name the');
  });

  test('below something that is no directory', async () => {
    expect(await problemsOf(join(write('file', 'x'), 'inventory.yaml'))).toContain('is not a directory');
  });

  test('empty', async () => {
    expect(await problemsOf(write('empty.yaml', ''))).toContain('FILE: the file is empty');
  });

  test('a directory', async () => {
    mkdirSync(join(directory, 'folder.yaml'));
    expect(await problemsOf(join(directory, 'folder.yaml'))).toContain('FILE: this is a directory');
  });

  test('a device', async () => {
    expect(await problemsOf('/dev/zero')).toContain('FILE: this is neither a file nor a pipe');
  });

  test('unreadable', async () => {
    const path = write('secret.yaml', VALID);
    chmodSync(path, 0);
    const isRoot = process.getuid?.() === 0;
    // Root may read everything: be nobody for the moment.
    if (isRoot) process.seteuid?.(65534);
    try {
      expect(await problemsOf(path)).toContain('FILE: the file cannot be read: permission denied');
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('100 MB, refused without reading it', async () => {
    const path = write('large.yaml', '');
    truncateSync(path, 100_000_000);
    const before = process.memoryUsage().rss;
    expect(await problemsOf(path)).toContain('FILE: the file is too large: 95.4 MiB');
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  });

  test.each([
    ['in the middle', [...Buffer.from('a: 1\nb: é'), 0xff, 0x0a], '2:5', '0xff'],
    ['at the start', [0x80, 0x0a], '1:1', '0x80'],
    ['cut off at the end', [...Buffer.from('a: '), 0xe2, 0x82], '1:4', '0xe2'],
    ['an encoded surrogate', [0x61, 0x0a, 0x61, 0xed, 0xa0, 0x80], '2:2', '0xed'],
    ['far into the file', [...Buffer.from('é\n'.repeat(5000)), 0xc0, 0xaf], '5001:1', '0xc0'],
  ])('not UTF-8, %s', async (_, bytes, place, byte) => {
    expect(await problemsOf(write('latin1.yaml', Buffer.from(bytes)))).toContain(
      `FILE:${place}: the file is not UTF-8: byte ${byte}`,
    );
  });

  test('UTF-16', async () => {
    const path = write('utf16.yaml', Buffer.from(`\ufeff${VALID}`, 'utf16le'));
    expect(await problemsOf(path)).toContain(
      'FILE:1:1: the file is not UTF-8: byte 0xff cannot stand here; it looks like UTF-16',
    );
  });
});

it('reads a pipe, beside which lies what lies in the working directory', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const writing = promises.writeFile(pipe, `${VALID}templates: test\n`);
  expect(await loadInventory(pipe)).toMatchObject({
    ok: true,
    inventory: { path: join(process.cwd(), '-'), templates: join(process.cwd(), 'test') },
  });
  await writing;
});

it('waits for what a pipe’s writer has to say, however it comes', async () => {
  const pipe = join(directory, 'slow');
  execFileSync('mkfifo', [pipe]);
  const writing = promises.open(pipe, 'w').then(async (handle) => {
    for (const piece of [VALID.slice(0, 30), VALID.slice(30)]) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await handle.write(piece);
    }
    await handle.close();
  });
  expect(await loadInventory(pipe)).toMatchObject({ ok: true });
  await writing;
});

it('does not wait for ever for a pipe that nobody writes to', async () => {
  const pipe = join(directory, 'deserted');
  execFileSync('mkfifo', [pipe]);
  expect(await problemsOf(pipe)).toContain('nothing came from it');
});

describe('characters that cannot be told from others by looking', () => {
  const problemOf = async (text: string): Promise<string> =>
    (await problemsOf(write('odd.yaml', text))).split('\n', 1)[0] ?? '';

  it.each([
    [
      'a no-break space',
      VALID.replaceAll(': ', ':\u00a0'),
      '1:8: U+00A0, a no-break space, stands here, and in 10 more places',
    ],
    ['an ideographic space', VALID.replace('hub: ', 'hub:\u3000'), '2:5: U+3000, an ideographic space, stands here'],
    ['a curly quote', VALID.replace('eth0', '“eth0"'), '2:51: U+201C, a curly quote, stands here'],
    ['a zero-width space', VALID.replace('tokyo', 'tok\u200byo'), '3:14: U+200B, a zero-width character, stands here'],
    [
      'a byte order mark inside',
      VALID.replace('hub', '\ufeffhub'),
      '2:1: U+FEFF, a byte order mark inside the file, stands here',
    ],
    ['a full-width colon', VALID.replace('hub:', 'hub：'), '2:4: U+FF1A, a full-width character, stands here'],
    [
      'a Cyrillic letter',
      VALID.replace('spokes', 'spоkes'),
      '3:3: U+043E, a letter of another script that looks like "o", stands here',
    ],
  ])('%s is named as what it is', async (_, text, message) => {
    expect(await problemOf(text)).toBe(`FILE:${message}`);
  });

  it('may stand in comments and at the start', async () => {
    expect(
      await problemsOf(write('odd.yaml', `\ufeff# “no\u00a0break”\u2028\n${VALID.replace(' }\n', ' } # –\n')}`)),
    ).toBe('accepted');
  });
});

describe('hostile YAML is refused quickly', () => {
  const bomb = (levels: number): string =>
    Array.from(
      { length: levels },
      (_, n) =>
        `k${n}: &k${n} [${
          n === 0
            ? 'x'
            : Array(9)
                .fill(`*k${n - 1}`)
                .join(', ')
        }]\n`,
    ).join('');

  test.each([
    ['aliases that explode', `${bomb(400)}${VALID}`, 'the aliases explode'],
    ['a long list that every spoke shares', shared(3000, 3000), 'the aliases explode'],
    ['deep nesting', `${VALID}x: ${'['.repeat(1000)}${']'.repeat(1000)}\n`, 'levels deep'],
    ['nesting that is never closed', '['.repeat(20_000), 'FILE:1:'],
  ])('%s', async (_, text, message) => {
    const path = write('hostile.yaml', text);
    const start = performance.now();
    expect(await problemsOf(path)).toContain(message);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  function shared(tags: number, spokes: number): string {
    const list = Array.from({ length: tags }, (_, n) => `t${n}`).join(', ');
    return `anchors: &t [${list}]\nspokes:\n${Array.from({ length: spokes }, (_, n) => `  s${n}: { id: ${n + 1}, tags: *t }\n`).join('')}`;
  }
});

test('loads the largest fleet, 65535 spokes, in time that grows with the file only', { timeout: 120_000 }, async () => {
  const fleet = (spokes: number): string =>
    `prefix: 2001:db8::/32\nhub: { underlay: { address: 198.51.100.1, device: eth0 } }\nspokes:\n${Array.from(
      { length: spokes },
      (_, n) => `  s${n + 1}: { id: ${n + 1}, underlay: { address: 10.0.${n >> 8}.${n & 255}, device: eth0 } }\n`,
    ).join('')}`;
  const load = async (spokes: number): Promise<number> => {
    const start = performance.now();
    const result = await loadInventory(write('large-fleet.yaml', fleet(spokes)));
    expect(result.ok && result.inventory.spokes.length).toBe(spokes);
    return performance.now() - start;
  };
  await load(1000);
  const small = await load(8192);
  // Eight times the spokes; a quadratic step would take 64 times as long.
  expect(await load(65535)).toBeLessThan(small * 32);
});

test('accepts CRLF line ends and a byte order mark', async () => {
  expect(await problemsOf(write('windows.yaml', `\ufeff${VALID.replaceAll('\n', '\r\n')}`))).toBe('accepted');
});

test('makes paths absolute: ~/ is the home directory, the rest is beside the inventory', async () => {
  const ssh = (file: string): string => `ssh: { identity_file: ${file} }, underlay`;
  const text = VALID.replace('hub: { underlay', `hub: { ${ssh('~/.ssh/hub')}`).replace(
    '1, underlay',
    `1, ${ssh('keys/tokyo')}`,
  );
  mkdirSync(join(directory, 'my-templates'));
  const result = await loadInventory(write('paths.yaml', `templates: my-templates\n${text}`));
  expect(result).toMatchObject({
    ok: true,
    inventory: {
      templates: join(directory, 'my-templates'),
      hub: { ssh: { identityFile: join(homedir(), '.ssh/hub') } },
      spokes: [{ ssh: { identityFile: join(directory, 'keys/tokyo') } }],
    },
  });
});

test('keeps the order of the file, also for names that look like numbers', async () => {
  const text = VALID.replace('{ tokyo', '{ z: { id: 3, underlay: { address: 192.0.2.1, device: a } }, 10').replace(
    ' } } }\n',
    ' } }, 2: { id: 2, underlay: { address: 192.0.2.2, device: a } } }\n',
  );
  const result = await loadInventory(write('order.yaml', text));
  expect(result.ok && result.inventory.spokes.map(({ name }) => name)).toEqual(['z', '10', '2']);
});
