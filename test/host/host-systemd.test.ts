/** The guard under a real systemd. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HostSession } from '../../src/host/host-session.js';
import { FAKE_HOST } from './fake-host.js';
import { type LocalSession, localTransport } from './local-transport.js';
import { describeNamespace } from './namespace.js';
import { openSystemdNamespace, type SystemdNamespace } from './systemd-namespace.js';

const LIVE = '/etc/network/interfaces.d/vxlan01';
/** systemd has its own /run, and needs its own /etc and /var. */
const HOST = FAKE_HOST.replace(/^mount -t tmpfs tmpfs \/(?:run|var\/lib|etc);/gm, '');

describeNamespace('where systemd runs', () => {
  let host: SystemdNamespace | string;
  beforeAll(async () => {
    host = await openSystemdNamespace(HOST);
  }, 60_000);
  afterAll(async () => {
    if (typeof host === 'object') await host.close();
  });

  it('a trial is guarded by a service of its own, which ends it when program and session are gone', async (context) => {
    if (typeof host === 'string') return context.skip(host);
    const run = (script: string): string => (host as SystemdNamespace).run(script);
    run(`mkdir -p /run/network; printf '# old\\n' >${LIVE}; ifup vxlan01`);
    const locals: LocalSession[] = [];
    const identity = { run: 'run-a', operator: 'a@b', since: '2026-11-23T12:00:00Z', command: 'deploy' };
    const transport = localTransport(host, (session) => locals.push(session));
    const target = {
      host: 'local',
      port: 22,
      user: 'root',
      isOfInventory: true,
      identityFile: undefined,
      proxyJump: undefined,
    };
    const session = await HostSession.open(transport, 'osaka', target, { identity, windowSeconds: 60, writes: true });
    const call = async (verb: 'prepare' | 'trial', args: string[], payload = '') =>
      session.call({ verb, args: ['vxlan01', 'run-a.1', ...args], payload, timeoutMs: 30_000 });
    expect(
      await call('prepare', ['6', '6', '0', 'digest'], '# old\n# new\nchange run-a.1\nfile present\n\n# new\n'),
    ).toMatchObject({
      ok: true,
    });
    expect(await call('trial', [])).toMatchObject({ ok: true });

    expect(run('systemctl is-active vxfleet-run-a')).toBe('active\n');
    const guard = run("cut -d ' ' -f 1 /run/vxfleet/.run-a.guard").trim();
    expect(run('systemctl show --property MainPID --value vxfleet-run-a').trim()).toBe(guard);
    expect(run(`cat /proc/${guard}/cgroup`)).toContain('vxfleet-run-a.service');
    expect(run('cat /sys/class/net/vxlan01/ifalias').trim()).toBe('# new');

    run(`kill -KILL ${locals[0]?.pid}`);
    await expect.poll(() => run('ls -A /run/vxfleet'), { timeout: 90_000 }).toBe('');
    expect(run('cat /sys/class/net/vxlan01/ifalias').trim()).toBe('# old');
    await expect.poll(() => run('systemctl list-units --all --no-legend vxfleet-run-a'), { timeout: 90_000 }).toBe('');
  });
});
