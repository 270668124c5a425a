import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labAvailability, startLab, type TestLab } from './harness.js';

const unavailable = await labAvailability();

interface Change {
  readonly run: string;
  readonly operator: string;
  readonly command: string;
  readonly spoke: string;
  readonly ends: Readonly<Record<'hub' | 'spoke', { readonly outcome: string } | null>>;
}

describe.skipIf(unavailable !== undefined)('vxfleet history', () => {
  let lab: TestLab;
  beforeAll(async () => {
    lab = await startLab('history', { spokes: 2 });
    // A lab's hosts are copies of the machine, which may have been a fleet's host itself.
    for (const host of ['hub', 'tokyo', 'osaka']) await lab.exec(host, ['rm', '-rf', '/var/lib/vxfleet']);
  });
  afterAll(async () => {
    await lab.down();
  });

  const changesOf = async (...limits: string[]): Promise<Change[]> => {
    const { code, stdout, stderr } = await lab.run(['history', '--output', 'json', ...limits]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { changes: Change[] }).changes;
  };
  const outcomes = ({ spoke, ends }: Change) => [spoke, ends.hub?.outcome ?? null, ends.spoke?.outcome ?? null];

  it('has nothing before the first deploy', async () => {
    expect(await lab.run(['history'])).toEqual({ code: 0, stdout: 'no records of any change\n', stderr: '' });
  });

  it('shows a deploy at both ends of each tunnel: who did it, and what was typed', async () => {
    expect((await lab.run(['deploy'], { env: { SUDO_USER: 'alice' } })).code).toBe(0);
    const changes = await changesOf();
    expect(changes.map(outcomes)).toEqual([
      ['tokyo', 'confirmed', 'confirmed'],
      ['osaka', 'confirmed', 'confirmed'],
    ]);
    expect(changes[0]).toMatchObject({ operator: expect.stringMatching(/^alice@./), command: 'deploy' });
    const { stdout } = await lab.run(['history']);
    expect(stdout).toMatch(/ 2 tunnels {2}vxlan01-02 .* deploy {3}confirmed\n$/);
  });

  it('shows what another operator did since, a file that was edited by hand included', async () => {
    await lab.exec('tokyo', ['sh', '-c', 'echo "# mine" >>/etc/network/interfaces.d/vxlan01']);
    expect((await lab.run(['deploy', 'tokyo'], { env: { SUDO_USER: 'bob' } })).code).toBe(0);
    const changes = await changesOf('tokyo');
    expect(changes.map(outcomes)).toEqual([
      ['tokyo', 'confirmed', 'confirmed'],
      ['tokyo', null, 'found'],
      ['tokyo', 'confirmed', 'confirmed'],
    ]);
    expect(changes[0]).toMatchObject({ operator: expect.stringMatching(/^bob@./), command: 'deploy tokyo' });
    expect(changes[1]?.run).toBe(`before-${changes[0]?.run}`);
  });

  it('shows a change that was put back', async () => {
    // A firewall on osaka: a trial on this port comes up and stays silent.
    const policy = 'src 0.0.0.0/0 dst 0.0.0.0/0 proto 17 dport 4790 dir in';
    await lab.exec('osaka', `ip xfrm policy add ${policy} action block`.split(' '));
    const text = await readFile(lab.inventoryPath, 'utf8');
    await writeFile(lab.inventoryPath, text.replace(/^( +)id: 2\b/m, '$1vxlan: { dstport: 4790 }\n$&'));
    try {
      expect((await lab.run(['deploy', 'osaka', '--verify-timeout', '2'])).code).toBe(1);
    } finally {
      await writeFile(lab.inventoryPath, text);
      await lab.exec('osaka', 'ip xfrm policy flush'.split(' '));
    }
    expect((await changesOf('osaka')).map(outcomes)).toEqual([
      ['osaka', 'reverted', 'reverted'],
      ['osaka', 'confirmed', 'confirmed'],
    ]);
  });

  it('shows the newest runs alone', async () => {
    expect((await changesOf('--last', '2')).map(outcomes)).toEqual([
      ['osaka', 'reverted', 'reverted'],
      ['tokyo', 'confirmed', 'confirmed'],
      ['tokyo', null, 'found'],
    ]);
  });

  it('lists a tunnel whose spoke is in the inventory no more, also by its name', async () => {
    const text = await readFile(lab.inventoryPath, 'utf8');
    await writeFile(lab.inventoryPath, text.replace(/^ {2}osaka:\n(?: {4}.*\n)+/m, ''));
    try {
      expect((await changesOf()).map(outcomes)).toContainEqual(['osaka', 'confirmed', null]);
      expect((await changesOf('osaka')).map(outcomes)).toEqual([
        ['osaka', 'reverted', null],
        ['osaka', 'confirmed', null],
      ]);
      expect((await changesOf('vxlan02', 'tokyo')).map(({ spoke }) => spoke)).toContain('tokyo');
      expect(await lab.run(['history', 'osaki'])).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('LIMIT "osaki" names no spoke') as string,
      });
    } finally {
      await writeFile(lab.inventoryPath, text);
    }
  });

  it('shows the hub’s side of a spoke that does not answer, says so, and exits with 1', async () => {
    await lab.cut('osaka');
    const { code, stdout, stderr } = await lab.run(['history', '--connect-timeout', '1']);
    await lab.heal('osaka');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^warning: what osaka keeps is missing here: cannot connect to 198\.18\.1\.2 .*\n$/);
    expect(stdout).toMatch(/ osaka +vxlan02 .* confirmed, by the hub's record\n/);
  });

  it('skips a record that was torn or edited, with a message', async () => {
    const torn = 'cd /var/lib/vxfleet/vxlan01 && for f in 000001*; do truncate -s 300 $f; done';
    await lab.exec('hub', ['sh', '-c', torn]);
    const { code, stdout, stderr } = await lab.run(['history', 'tokyo', '--output', 'json']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^warning: hub: \/var\/lib\/vxfleet\/vxlan01\/000001\.confirmed\.[0-9a-f]{64} is damaged \(.*\): skipped\n$/,
    );
    const { changes, warnings } = JSON.parse(stdout) as { changes: Change[]; warnings: string[] };
    expect(changes.map(outcomes).at(-1)).toEqual(['tokyo', null, 'confirmed']);
    expect(warnings).toHaveLength(1);
  });

  it('changes nothing', async () => {
    const stamp = ['find', '/etc/network', '/var/lib/vxfleet', '-printf', '%p %T@ %s\n'];
    const before = await lab.exec('hub', stamp);
    await lab.run(['history']);
    expect(await lab.exec('hub', stamp)).toEqual(before);
  });
});
