import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { describeGeneratedLab } from '../../src/lab/lab-hosts.js';
import { chooseImages, parseImageChoice } from '../../src/lab/lab-images.js';
import { programFile } from '../../src/lab/lab-paths.js';
import { labStatus } from '../../src/lab/lab-status.js';
import { runProgram } from '../../src/lab/run-program.js';
import { imageChoices, labAvailability, startLab, type TestLab } from './harness.js';

const unavailable = await labAvailability();

describe('the choice of images', () => {
  const { hosts } = describeGeneratedLab(2);
  const imagesOf = (...texts: string[]) =>
    chooseImages(hosts, imageChoices(...texts)).map(({ name, image }) => `${name}=${image}`);

  it("is the machine's own Debian unless something is said", () => {
    expect(imagesOf()).toEqual(['hub=machine', 'tokyo=machine', 'osaka=machine']);
  });

  it('is for all hosts, or for one, whatever comes first', () => {
    const mixed = ['hub=trixie', 'tokyo=bullseye', 'osaka=trixie'];
    expect(imagesOf('trixie', 'tokyo=bullseye')).toEqual(mixed);
    expect(imagesOf('tokyo=bullseye', 'trixie')).toEqual(mixed);
    expect(imagesOf('hub=trixie', 'hub=bookworm')).toEqual(['hub=bookworm', 'tokyo=machine', 'osaka=machine']);
  });

  it('may have another ifupdown', () => {
    expect(imagesOf('machine+ifupdown2', 'osaka=trixie+ifupdown-ng')).toEqual([
      'hub=machine+ifupdown2',
      'tokyo=machine+ifupdown2',
      'osaka=trixie+ifupdown-ng',
    ]);
  });

  it.each([
    'machine+',
    '+ifupdown2',
    'machine+ifupdown3',
    '',
    'sid',
    'tokyo',
    'tokyo=',
    'tokyo=sid',
    'trixie=tokyo',
    'trixie ',
  ])('takes no "%s"', (text) => {
    expect(parseImageChoice(text)).toBeUndefined();
  });

  it('is refused for a host that the lab has not got, with the hosts that it has', () => {
    expect(() => imagesOf('paris=trixie')).toThrow(
      expect.objectContaining({
        code: 'lab',
        message: 'an image is given for paris, but the lab has no such host',
        hint: 'It has hub, tokyo, osaka.',
      }),
    );
  });
});

describe.skipIf(unavailable !== undefined)('an image of another Debian', () => {
  const cache = '/var/tmp/vxfleet-lab-debootstrap-test';
  const inNamespaces = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const program = ['bash', programFile('debootstrap-image.bash'), cache, 'key', `${cache}/copy`, 'trixie'];
  /** The build fails; with what. It is cut off from the network, so that it never succeeds. */
  const failureOf = async (...prelude: string[]): Promise<string> =>
    await runProgram([...inNamespaces, 'sh', '-c', `${prelude.join('; ') || ':'}; exec "$@"`, 'sh', ...program]).then(
      () => expect.fail('it was built'),
      String,
    );
  afterAll(() => rmSync(cache, { recursive: true, force: true }));

  it('says what is missing: debootstrap', async () => {
    const failure = await failureOf('mount -t tmpfs none /usr/sbin');
    expect(failure).toContain(
      'an image of Debian trixie needs the program debootstrap\nhint: apt-get install debootstrap',
    );
  });

  it("says what is missing: Debian's keys, without which nothing is fetched", async () => {
    const failure = await failureOf('mount -t tmpfs none /usr/share/keyrings');
    expect(failure).toMatch(/needs Debian's keys, \S+\nhint: apt-get install debian-archive-keyring/);
  });

  it('says what is missing: the network, and where it looked', async () => {
    const failure = await failureOf();
    expect(failure).toMatch(
      /debootstrap could not make Debian trixie from \S+:\nE: Failed getting release file http\S+/,
    );
    expect(failure).toMatch(/\nwget: unable to resolve host address .*\n(?:.*\n)*hint: .*apt-get update/);
    expect(existsSync(`${cache}/key`)).toBe(false);
  });

  it('leaves nothing half when its build is killed', async () => {
    rmSync(cache, { recursive: true, force: true });
    const [command = '', ...args] = [...inNamespaces.filter((word) => word !== '--net'), ...program];
    const build = spawn(command, args, { stdio: 'ignore' });
    const ended = once(build, 'close');
    while (!existsSync(`${cache}/building/memory`)) await sleep(10);
    await sleep(1000);
    build.kill('SIGKILL');
    await ended;
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(cache);
    expect(existsSync(`${cache}/key`)).toBe(false);
    // What it left does not keep the next one from beginning.
    expect(await failureOf()).toContain('E: Failed getting release file');
  });
});

/** The hub and a spoke run the machine's Debian; the second spoke and the third, which is in policy mode, run 13, and in the full suite 11 too. */
const IMAGES = imageChoices(
  'osaka=trixie',
  process.env['VXFLEET_TESTS'] === 'full' ? 'tokyo=bullseye' : 'tokyo=machine',
  'lisbon=trixie',
);

describe.skipIf(unavailable !== undefined)('a fleet of several Debians', () => {
  let lab: TestLab;
  beforeAll(async () => {
    lab = await startLab('images', { spokes: 3, images: IMAGES });
  });
  afterAll(async () => {
    await lab?.down();
  });

  const run = async (...argv: string[]): Promise<Recap> => {
    const { code, stdout } = await lab.run([...argv, '--output', 'json']);
    const recap = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap;
    expect(recap.tunnels.map(({ error }) => error)).toEqual([null, null, null]);
    expect(code).toBe(0);
    return recap;
  };

  it('has the releases that were asked for, with their own programs', async () => {
    const version = async (host: string): Promise<string> =>
      (await lab.exec(host, ['cat', '/etc/debian_version'])).stdout.trim();
    expect(await version('hub')).toBe(readFileSync('/etc/debian_version', 'utf8').trim());
    for (const host of ['osaka', 'lisbon']) expect(await version(host)).toMatch(/^13\./);
    expect((await lab.exec('osaka', ['ip', '-V'])).stdout).toContain('iproute2-6.15');
    expect((await labStatus(lab.name)).hosts.map(({ name, image }) => ({ host: name, image }))).toEqual(
      expect.arrayContaining(IMAGES),
    );
  });

  it("has nothing of the machine in another Debian's hosts", async () => {
    const list =
      'cd /; cat /etc/resolv.conf /etc/machine-id 2>&1 | grep -v "No such"; ls -A /work /home /opt /var/log /root/.ssh 2>&1';
    const { stdout } = await lab.exec('osaka', ['sh', '-c', list]);
    expect(stdout.trim().split('\n').filter(Boolean)).toEqual([
      "ls: cannot access '/work': No such file or directory",
      '/home:',
      '/opt:',
      '/root/.ssh:',
      'authorized_keys',
      '/var/log:',
    ]);
  });

  it('is deployed, changed and rolled back, proven between each two', async () => {
    expect((await run('deploy')).counts).toMatchObject({ changed: 3 });
    expect((await run('deploy')).counts).toMatchObject({ unchanged: 3 });
    const original = await readFile(lab.inventoryPath, 'utf8');
    await writeFile(
      lab.inventoryPath,
      original.replace('spokes:', 'defaults:\n  vxlan: { dstport: 4790, mtu: 1400 }\nspokes:'),
    );
    expect(
      (await run('deploy')).tunnels.every(
        ({ checks }) => checks.length === 6 && checks.every(({ bytes }) => bytes === 1400),
      ),
    ).toBe(true);
    expect((await run('rollback')).counts).toMatchObject({ rolled_back: 3 });
    await writeFile(lab.inventoryPath, original);
    expect((await run('verify')).counts).toMatchObject({ unchanged: 3 });
  });

  it('comes up by itself after a reboot, on the same Debian', async () => {
    for (const host of ['tokyo', 'osaka', 'lisbon']) await lab.reboot(host);
    expect((await lab.exec('lisbon', ['cat', '/etc/debian_version'])).stdout).toMatch(/^13\./);
    expect((await run('verify')).counts).toMatchObject({ unchanged: 3 });
  });

  it('routes by tables without names where a stanza with names cannot come up: Debian 13 has no /etc/iproute2', async () => {
    const named = `auto named
iface named inet6 static
  address 2001:db8:1::2/80
  dad-attempts 0
  pre-up ip link add named type bridge
  post-up echo "100 named" >>/etc/iproute2/rt_tables
  post-up ip -6 rule add from 2001:db8:1::/80 tab named priority 100
  post-down ip link del dev named
`;
    const ifup = async (host: string) =>
      lab.exec(host, ['sh', '-c', `printf '%s' '${named}' >/run/named; ifup -i /run/named named`]);
    // The hub runs the machine's Debian.
    expect((await ifup('hub')).code === 0).toBe(existsSync('/etc/iproute2/rt_tables'));
    const refused = await ifup('lisbon');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/\/etc\/iproute2\/rt_tables: Directory nonexistent/);
    // Lisbon's own tunnel, in policy mode, is up beside it.
    expect((await lab.exec('lisbon', ['ip', '-6', 'rule'])).stdout).toMatch(/from 2001:db8:ae03::\/48 lookup \d+/);
    const ping = ['ping', '-6', '-c1', '-W2', '-I', '2001:db8:ae03::1', '2001:db8:ae00:0:3::1'];
    expect((await lab.exec('lisbon', ping)).code).toBe(0);
  });
});
