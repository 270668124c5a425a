/** Underlay devices that are not there when ifupdown makes the tunnel, or that come and go. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap } from '../../src/events.js';
import { beginDeployed, labAvailability, startLab, type TestLab } from './harness.js';
import { expectSameKernel } from './kernel-state.js';

const unavailable = await labAvailability();

const underlay = (address: string, device: string, hotplug = ''): string =>
  `underlay: { address: ${address}, device: ${device}${hotplug} }`;
const INVENTORY = (hub: string, tokyo: string): string => `prefix: 2001:db8:ae00::/40
hub:
  ${hub}
  ssh: { host: 198.18.0.1 }
spokes:
  tokyo:
    id: 1
    ${tokyo}
    ssh: { host: 198.18.1.1 }
`;
const PLAIN = INVENTORY(underlay('198.18.0.1', 'eth0'), underlay('198.18.1.1', 'eth0'));
const HOTPLUG = ', hotplug: true';
const NEXT = { hub: '198.18.200.1', tokyo: '198.18.200.2' } as const;
const HOSTS = ['hub', 'tokyo'] as const;
type Host = (typeof HOSTS)[number];

describe.skipIf(unavailable !== undefined)(`devices that come late ${unavailable ?? ''}`, () => {
  let lab: TestLab;

  /** As root on a host; must succeed. */
  const on = async (host: Host, script: string): Promise<string> => {
    const outcome = await lab.exec(host, ['sh', '-euc', script]);
    expect({ script, ...outcome }).toMatchObject({ code: 0 });
    return outcome.stdout;
  };
  const vxfleet = async (...argv: string[]): Promise<{ code: number | null; recap: Recap }> => {
    const { code, stdout } = await lab.run([...argv, '--output', 'json']);
    return { code, recap: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Recap };
  };
  const write = async (hub: string, tokyo: string): Promise<void> =>
    writeFile(lab.inventoryPath, INVENTORY(hub, tokyo));

  /** As a daemon makes it, ifupdown knows nothing of it. macvlan stands for PPP, WireGuard and a bridge of networkd, which a lab's kernel may lack. */
  const plug = async (host: Host): Promise<void> => {
    await on(
      host,
      `ip link add link eth0 name late0 type macvlan; ip addr add ${NEXT[host]}/24 dev late0; ip link set late0 up`,
    );
  };
  const unplug = async (host: Host): Promise<void> => {
    await on(host, 'ip link del dev late0');
  };

  const expectVerified = async (): Promise<void> => {
    const { code, recap } = await vxfleet('verify');
    expect({ code, errors: recap.tunnels.map(({ error }) => error) }).toEqual({ code: 0, errors: [null] });
  };

  beforeAll(async () => {
    lab = await startLab('late', { inventoryText: PLAIN.replaceAll(/ {2,4}ssh: .*\n/g, '') });
  });
  beforeEach(async () => {
    for (const host of HOSTS)
      await on(host, 'ip link del dev late0 2>/dev/null || true; rm -f /etc/network/interfaces.d/*late0');
    await beginDeployed(lab, PLAIN);
  });
  afterAll(async () => {
    await lab?.down();
  });

  it('carry a tunnel again when they are back, made anew or after a reboot', async () => {
    for (const host of HOSTS) await plug(host);
    await write(underlay(NEXT.hub, 'late0', HOTPLUG), underlay(NEXT.tokyo, 'late0', HOTPLUG));
    expect(await vxfleet('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
    await expectVerified();

    await expectSameKernel(lab, lab.hosts, async () => {
      for (const host of HOSTS) {
        await unplug(host);
        const { code, recap } = await vxfleet('verify', '--verify-timeout', '1');
        expect({ code, error: recap.tunnels[0]?.error }).toMatchObject({
          code: 1,
          error: {
            code: 'verify',
            layer: 'underlay',
            message: 'there is no device late0',
            hint: expect.stringMatching(/^The tunnel works again/),
          },
        });
        await plug(host);
        await expectVerified();
      }
      for (const host of HOSTS) {
        await lab.reboot(host);
        await plug(host);
        await expectVerified();
      }
    });
    expect(await vxfleet('deploy')).toMatchObject({ code: 0, recap: { counts: { unchanged: 1 } } });
  });

  it.each(HOSTS)('are refused at %s without hotplug', async (host) => {
    for (const each of HOSTS) await plug(each);
    const late = (each: Host): string => underlay(NEXT[each], 'late0', each === host ? '' : HOTPLUG);
    await write(late('hub'), late('tokyo'));
    const { code, recap } = await vxfleet('deploy');
    expect({ code, status: recap.tunnels[0]?.status, error: recap.tunnels[0]?.error }).toMatchObject({
      code: 1,
      status: 'failed',
      error: {
        code: 'refused',
        end: host === 'hub' ? 'hub' : 'spoke',
        layer: 'underlay',
        message: expect.stringContaining('nothing that ifupdown reads brings up late0'),
        hint: expect.stringContaining(`${host === 'hub' ? 'hub' : 'spokes.tokyo'}.underlay.hotplug: true`),
      },
    });
  });

  it('are taken when a stanza makes them before the tunnel, and refused when it comes after', async () => {
    const stanza = `auto late0
iface late0 inet static
  address ${NEXT.tokyo}/15
  pre-up ip link add link eth0 name late0 type macvlan
  post-down ip link del dev late0
`;
    await on('tokyo', `printf '${stanza}' >/etc/network/interfaces.d/zz-late0; ifup late0`);
    await write(underlay('198.18.0.1', 'eth0'), underlay(NEXT.tokyo, 'late0'));
    const { code, recap } = await vxfleet('deploy');
    expect({ code, error: recap.tunnels[0]?.error }).toMatchObject({
      code: 1,
      error: {
        code: 'refused',
        hint: expect.stringContaining('Rename /etc/network/interfaces.d/zz-late0 so that it sorts before vxlan*'),
      },
    });
    await on('tokyo', 'mv /etc/network/interfaces.d/zz-late0 /etc/network/interfaces.d/late0');
    expect(await vxfleet('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
    await expectSameKernel(lab, ['tokyo'], () => lab.reboot('tokyo'));
    await expectVerified();
  });

  it('have the proven MTU after a reboot when theirs is set later', async () => {
    const stanza = 'auto eth0\niface eth0 inet manual\n  up ip link set dev eth0 mtu 1400\n';
    for (const host of HOSTS)
      await on(host, `printf '${stanza}' >/etc/network/interfaces.d/zz-late0; ip link set eth0 mtu 1400`);
    expect(await vxfleet('deploy')).toMatchObject({ code: 0, recap: { counts: { changed: 1 } } });
    await expectSameKernel(lab, lab.hosts, async () => {
      for (const host of lab.hosts) await lab.reboot(host);
    });
    await expectVerified();
    expect(await on('tokyo', 'cat /sys/class/net/vxlan01/mtu')).toBe('1350\n');
    for (const host of HOSTS) await on(host, 'rm /etc/network/interfaces.d/zz-late0; ip link set eth0 mtu 1500');
  });
});
