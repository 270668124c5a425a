/** The program as a script calls it, as far as it gets without hosts. */
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const DIST = process.env['VXFLEET_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url));

function vxfleet(argv: readonly string[], stdout: number | 'pipe' = 'pipe') {
  const bin = join(DIST, 'bin.js');
  return spawnSync(process.execPath, [bin, ...argv], { stdio: ['ignore', stdout, 'pipe'], encoding: 'utf8' });
}

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vxfleet-command-line-'));
  await writeFile(join(directory, 'hub.liquid'), '{{ nonsense }}\n');
  await writeFile(join(directory, 'inventory.yaml'), `${INVENTORY}templates: .\n`);
  await writeFile(join(directory, 'good.yaml'), INVENTORY);
});
afterAll(() => rm(directory, { recursive: true }));

const INVENTORY = `prefix: 2001:db8:ae00::/40
hub: { underlay: { address: 198.51.100.1, device: eth0 } }
spokes: { tokyo: { id: 1, underlay: { address: 203.0.113.10, device: eth0 } } }
`;

describe('--output json ends in a recap', () => {
  it.each([
    ['without an inventory', ['verify', '-i', 'missing.yaml'], 'inventory'],
    ['with a LIMIT of nothing', ['diff', '-i', 'good.yaml', 'nowhere'], 'usage'],
    ['with a wrong template', ['deploy', '-i', 'inventory.yaml'], 'inventory'],
    ['with options that do not go together', ['deploy', '-i', 'good.yaml', '--prune', 'tokyo'], 'usage'],
    ['with an option that would mean nothing', ['deploy', '-i', 'good.yaml', '--exit-code'], 'usage'],
    ['of a rollback of the hub', ['rollback', '-i', 'good.yaml', 'hub'], 'usage'],
    ['with an option that there is not', ['deploy', '--dryrun'], 'usage'],
    ['with a command that there is not', ['deplo'], 'usage'],
    ['of an address plan without an inventory', ['inventory', '-i', 'missing.yaml'], 'inventory'],
    ['of files for a LIMIT of nothing', ['render', '-i', 'good.yaml', 'nowhere'], 'usage'],
    [
      'of a way in with an ssh_config that is not there',
      ['inventory', '--ssh', '-i', 'good.yaml', '-F', '/none'],
      'usage',
    ],
  ])('%s', (_, argv, code) => {
    const paths = argv.map((word) => (word.endsWith('.yaml') ? join(directory, word) : word));
    const { status, stdout, stderr } = vxfleet([paths[0] ?? '', '--output=json', ...paths.slice(1)]);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(events).toMatchObject([
      { event: 'error', code },
      { event: 'recap', command: argv[0], exit_code: 2, tunnels: [] },
    ]);
    expect(status).toBe(2);
    expect(stderr).not.toBe('');
  });
});

it('reads the inventory from stdin', () => {
  const bin = join(DIST, 'bin.js');
  const run = (input: string) =>
    spawnSync(process.execPath, [bin, 'inventory', '-i', '-'], { input, encoding: 'utf8' });
  expect(run(INVENTORY).stdout).toContain('tokyo');
  expect(run('prefix: x').stderr).toContain('<stdin>:1:9: ');
});

it('hands the options of a command of the lab to that command, with or without --', () => {
  for (const dashes of [[], ['--']]) {
    for (const argv of [
      ['run', ...dashes, 'deploy', '--dry-run'],
      ['exec', ...dashes, 'tokyo', 'ip', '-br', 'addr'],
    ]) {
      const { stderr } = vxfleet(['lab', argv[0] ?? '', '--name', 'nolab', ...argv.slice(1)]);
      expect(stderr).not.toContain('unknown option');
    }
  }
});

it('groups the options of its help', () => {
  const { stdout } = vxfleet(['deploy', '--help']);
  expect(stdout.match(/^\w[\w ]*:$/gm)).toEqual([
    'Arguments:',
    'What it does:',
    'Pace and patience:',
    'Reaching the hosts:',
    'Inventory and output:',
    'Options:',
    'Examples:',
  ]);
  expect(stdout.indexOf('--dry-run')).toBeLessThan(stdout.indexOf('Pace and patience:'));
  expect(vxfleet(['history', '--help']).stdout).not.toContain('--verify-timeout');
});

it('says that stdout cannot be written, and that is no failed tunnel', () => {
  const { status, stderr } = vxfleet(['inventory', '-i', join(directory, 'good.yaml')], openSync('/dev/full', 'w'));
  expect(stderr).toBe('vxfleet: stdout cannot be written: no space left on the device\n');
  expect(status).toBe(74);
});
