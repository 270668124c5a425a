import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CHANGE_PROGRAM, HOST_PROGRAM, PACKETS_PROGRAM } from '../../src/host/host-program.js';
import { inspectionPayload, parseFacts } from '../../src/host/host-facts.js';
import type { Verb } from '../../src/host/host-command.js';
import { fleetQueries } from '../../src/verify/queries.js';
import { faketimeEnvironment, installFaketime } from '../faketime.js';
import { describeNamespace } from './namespace.js';
import { LIVE, NEW, OLD, useProgramHost } from './program-host.js';

it.each([HOST_PROGRAM, PACKETS_PROGRAM, CHANGE_PROGRAM])(
  'is ASCII: its length in characters is its length in bytes',
  (program) => {
    expect(Buffer.byteLength(program)).toBe(program.length);
  },
);

describeNamespace('the host program', () => {
  const {
    call,
    confirm,
    has,
    host,
    install,
    isQuiet,
    list,
    locals,
    log,
    open,
    prepare,
    running,
    trial,
    trials,
    until,
  } = useProgramHost();

  it('answers an unknown command with an error and goes on', async () => {
    const session = await open();
    const reply = await call(session, 'explode' as Verb);
    expect(reply).toMatchObject({ ok: false, reason: 'protocol', text: 'unknown command explode' });
    expect((await call(session, 'history')).ok).toBe(true);
    await session.close();
  });

  it('answers every one of many commands that arrive at once', async () => {
    const session = await open();
    const replies = await Promise.all(
      Array.from({ length: 60 }, async () =>
        call(session, 'state', [], 'rule show\naddr show dev none\naddr show dev lo\nlink show dev lo\n'),
      ),
    );
    expect(replies.map(({ ok }) => ok)).toEqual(Array(60).fill(true));
    for (const { values } of replies) {
      expect(values.get('network')?.split('\n')).toEqual([
        expect.stringContaining('"priority":32766'),
        expect.stringContaining('"local":"::1"'),
        expect.stringContaining('"ifname":"lo"'),
        '',
      ]);
    }
    await session.close();
  });

  it('keeps the end of a line that comes after its clock has jumped', async () => {
    await installFaketime();
    host.run('echo +0 >/run/clock');
    const session = await open('run-a', 60, true, faketimeEnvironment('/run/clock'));
    for (const hours of [1, 2]) {
      locals[0]?.write('0 alive 0');
      await setTimeout(100);
      host.run(`echo +${hours * 3600} >/run/clock`);
      locals[0]?.write('\n');
      // Without that end it would be glued to the line before.
      expect((await call(session, 'history')).ok).toBe(true);
    }
    await session.close();
  });

  it('says what it finds on a host', async () => {
    install();
    const session = await open();
    host.run(
      `printf 'iface vxlan09 inet6 static\\n' >>/etc/network/interfaces; printf 'vxlan01=vxlan01\\n' >/run/network/ifstate`,
    );
    host.run('mkdir -p /run/vxfleet/vxlan07; echo run-z >/run/vxfleet/vxlan07/run; >/run/vxfleet/vxlan07/armed');
    host.run("printf '%s\\n' bob@laptop 198.18.0.9 2026-11-23T11:00:00Z 'deploy tokyo' >/run/vxfleet/vxlan07/who");
    host.run("printf 'a\\0b' >/etc/network/interfaces.d/vxlan05");
    const inspection = { ways: [], network: fleetQueries({ prefix: '2001:db8:ae00::/40', filter: false }) };
    const facts = parseFacts(await call(session, 'inspect', [], inspectionPayload(inspection)), inspection);
    expect(facts).toMatchObject({
      uid: 0,
      ifupdown: 'ifup version 0.8.41',
    });
    expect(facts).toMatchObject({ canWriteEtc: true, canWriteRun: true, configured: ['vxlan01'] });
    expect(facts.devices.get('lo')?.mtu).toBe(65536);
    expect(facts.interfaces.stanzas.map(({ file, line, interface: name }) => `${file}:${line} ${name}`)).toEqual([
      '/etc/network/interfaces:2 vxlan09',
    ]);
    expect([...facts.files]).toEqual([
      ['vxlan01', OLD],
      ['vxlan05', 'a'],
    ]);
    expect(facts.binaryFiles).toEqual(['vxlan05']);
    expect(facts.trials.get('vxlan07')).toMatchObject({
      state: 'armed',
      run: 'run-z',
      holder: 'nobody',
      operator: 'bob@laptop',
      from: '198.18.0.9',
      since: '2026-11-23T11:00:00Z',
      command: 'deploy tokyo',
    });
    expect(facts.links.get('vxlan01')).toMatchObject({ vni: 1, dstport: 4789 });
    expect(facts.network.rules.map(({ priority }) => priority)).toEqual([0, 32766]);
    await session.close();
  });

  it('runs the candidate and leaves /etc as it is until it is confirmed', async () => {
    install();
    const session = await open();
    const reply = await trial(session);
    expect(reply).toMatchObject({ ok: true, reason: '' });
    expect(Number(reply.values.get('down_at'))).toBeGreaterThan(0);
    expect(running()).toBe(NEW.split('\n')[0]);
    expect(host.run(`cat ${LIVE}`)).toBe(OLD);
    // The candidate lies beside under a name that ifupdown does not read, and goes with the trial.
    expect(list('/etc/network/interfaces.d')).toEqual(['.vxlan01.vxfleet', 'vxlan01']);
    await session.close();
    expect(list('/etc/network/interfaces.d')).toEqual(['vxlan01']);
  });

  it('bounces nothing when nothing that runs changes', async () => {
    install();
    for (const last of ['revert', 'confirm']) {
      const session = await open();
      expect(await prepare(session, NEW, 'vxlan01', OLD, ['still'])).toMatchObject({ ok: true });
      const reply = await call(session, 'trial', ['vxlan01']);
      expect(reply).toMatchObject({ ok: true });
      expect(reply.values.has('down_at')).toBe(false);
      expect(await (last === 'confirm' ? confirm(session) : call(session, 'revert', ['vxlan01']))).toMatchObject({
        ok: true,
      });
      expect(running()).toBe('# old');
      expect(host.run(`cat ${LIVE}`)).toBe(last === 'confirm' ? NEW : OLD);
      await session.close();
    }
    expect(log().filter((line) => /^if(up|down) (?!-n)/.test(line))).toEqual([]);
  });

  it('says which files are not as the newest generation left them', async () => {
    install();
    const session = await open();
    const edited = async () => {
      const { values } = await call(session, 'inspect', [], '\n\n');
      return [...values].filter(([key]) => key.startsWith('edited:'));
    };
    expect(await edited()).toEqual([]);
    await trial(session);
    await confirm(session);
    expect(await edited()).toEqual([]);
    host.run(`echo '# by hand' >>${LIVE}`);
    expect(await edited()).toEqual([['edited:vxlan01', 'run-a.1']]);
    host.run(`rm ${LIVE}`);
    expect(await edited()).toEqual([['edited:vxlan01', 'run-a.1']]);
    await session.close();
  });

  it('confirms with the exact bytes, mode 0644, and nothing left beside', async () => {
    install();
    const session = await open();
    await trial(session);
    const reply = await confirm(session);
    expect(reply).toMatchObject({ ok: true });
    expect(host.run(`sha256sum <${LIVE}; stat -c '%a %u' ${LIVE}`)).toBe(
      `${createHash('sha256').update(NEW).digest('hex')}  -\n644 0\n`,
    );
    expect(list('/etc/network/interfaces.d')).toEqual(['vxlan01']);
    expect(trials()).toEqual([]);
    await session.close();
    expect(running()).toBe(NEW.split('\n')[0]);
    await until(isQuiet);
  });

  it('brings a new tunnel up, and takes it away again without a trace', async () => {
    const session = await open();
    expect((await trial(session)).ok).toBe(true);
    expect(running()).not.toBeNull();
    expect((await call(session, 'revert', ['vxlan01'])).ok).toBe(true);
    expect(running()).toBeNull();
    expect([trials(), list('/etc/network/interfaces.d')]).toEqual([[], []]);
    await session.close();
    await until(isQuiet);
  });

  it('takes a second confirm for the first, and is too late with a confirm after a revert and a second revert', async () => {
    install();
    const session = await open();
    await trial(session);
    await confirm(session);
    expect(await confirm(session)).toMatchObject({ ok: true });
    await trial(session);
    expect((await call(session, 'revert', ['vxlan01'])).ok).toBe(true);
    expect(await confirm(session)).toMatchObject({ ok: false, reason: 'late' });
    expect(await call(session, 'revert', ['vxlan01'])).toMatchObject({ ok: false, reason: 'late' });
    expect(host.run(`cat ${LIVE}`)).toBe(NEW);
    await session.close();
  });

  it.each([
    ['fails after the link is there', '# new FAIL\n', 'failed to bring up'],
    ['fails before the link is there', '# new FAIL_EARLY\n', 'No such device'],
  ])('reports an ifup that %s, and reverts to what ran before', async (_title, text, output) => {
    install();
    const session = await open();
    const reply = await trial(session, text);
    expect(reply).toMatchObject({ ok: false, reason: 'ifup' });
    expect(reply.values.get('output')).toContain(output);
    expect((await call(session, 'revert', ['vxlan01'])).ok).toBe(true);
    expect(running()).toBe('# old');
    expect(host.run(`cat ${LIVE}`)).toBe(OLD);
    expect(trials()).toEqual([]);
    await session.close();
  });

  it('tries again when the way back fails', async () => {
    install();
    const session = await open();
    await trial(session);
    host.run(`sed -i '1s/$/ FAIL_TWICE/' ${LIVE}`);
    expect((await call(session, 'revert', ['vxlan01'])).ok).toBe(true);
    expect(running()).toBe('# old FAIL_TWICE');
    expect(trials()).toEqual([]);
    await session.close();
  });

  it('carries all of what a talkative ifup says', async () => {
    const session = await open();
    const { values } = await trial(session, '# new LOUD\n');
    const lines = values.get('output')?.split('\n') ?? [];
    expect(lines).toHaveLength(200);
    expect(lines[99]).toBe('line 100 of a very talkative hook, with a \\ and a "quote" and an ümlaut');
    await session.close();
  });

  it('refuses a candidate that ifup -n refuses, and touches nothing', async () => {
    install();
    const session = await open();
    const reply = await trial(session, '# new INCOMPLETE\n');
    expect(reply).toMatchObject({ ok: false, reason: 'invalid' });
    expect(reply.text).toMatch(/^ifup -n: .*missing required variable: address$/);
    expect(log().filter((line) => /^(ifdown|ifup (?!-n))/.test(line))).toEqual([]);
    expect(running()).toBe('# old');
    expect(trials()).toEqual([]);
    await session.close();
  });

  it.each([
    [
      'a full /run',
      'mount -t tmpfs -o size=16k tmpfs /run; mkdir /run/network; cat /dev/zero >/run/fill || true',
      '/run',
    ],
    ['a read-only /run', 'mount -o remount,ro /run', '/run'],
    ['a read-only interfaces.d', 'mount -o remount,ro /etc', '/etc/network'],
    ['a full interfaces.d', 'cat /dev/zero >/etc/fill || true', '/etc/network'],
  ])('refuses with %s before anything is touched', async (_title, spoil, named) => {
    if (spoil.includes('/etc/fill')) host.run('mount -o remount,size=64k /etc');
    install();
    const session = await open();
    host.run(`(${spoil}) 2>/dev/null`);
    const reply = await trial(session);
    expect(reply).toMatchObject({ ok: false, reason: 'refused' });
    expect(reply.text).toContain(named);
    expect(log().filter((line) => /^(ifdown|ifup (?!-n))/.test(line))).toEqual([]);
    expect(running()).toBe('# old');
    expect(has('/run/vxfleet/vxlan01')).toBe(false);
    expect(list('/etc/network/interfaces.d')).toEqual(['vxlan01']);
    await session.close();
    expect(host.run('ls -A /run/vxfleet 2>/dev/null || true')).toBe('');
  });

  it('refuses with a /run that has no inode for the trial, rather than calling it busy', async () => {
    install();
    const session = await open();
    host.run('mount -t tmpfs -o nr_inodes=3 tmpfs /run; mkdir /run/network');
    expect(await trial(session)).toMatchObject({ ok: false, reason: 'refused' });
    await session.close();
  });

  it('refuses with a /run that has room for the candidate but not for its timer', async () => {
    install();
    const session = await open();
    // Two pages: one for `run`, one for `new`, none for `timer`.
    host.run('mount -t tmpfs -o size=8k tmpfs /run; mkdir /run/network');
    expect(await trial(session)).toMatchObject({ ok: false, reason: 'refused' });
    expect(running()).toBe('# old');
    await session.close();
  });

  it('does not confirm what /etc cannot take, and can still go back', async () => {
    install();
    const session = await open();
    await trial(session);
    host.run('mount -o remount,ro /etc');
    expect(await confirm(session)).toMatchObject({ ok: false, reason: 'full' });
    expect(await call(session, 'revert', ['vxlan01'])).toMatchObject({ ok: true });
    expect(running()).toBe('# old');
    await session.close();
  });

  it('takes an open trial back when its stdin ends', async () => {
    install();
    const session = await open();
    await trial(session);
    await session.close();
    expect(running()).toBe('# old');
    expect(host.run(`cat ${LIVE}`)).toBe(OLD);
    expect(trials()).toEqual([]);
    await until(isQuiet);
  });

  it('takes back a trial whose answer nobody waited for', async () => {
    install();
    const session = await open();
    const answer = trial(session, '# new SLOW\n');
    await until(() => log().some((line) => line === 'ifup # new SLOW'));
    await session.close();
    expect(await answer).toMatchObject({ ok: false, reason: 'late' });
    expect(running()).toBe('# old');
    expect(trials()).toEqual([]);
  });

  it('takes an open trial back when it is told to end by a signal', async () => {
    install();
    const session = await open();
    await trial(session);
    host.run(`kill -TERM ${locals[0]?.pid}`);
    await locals[0]?.ended;
    expect(running()).toBe('# old');
    expect(trials()).toEqual([]);
  });

  it('takes an open trial back alone after the program was killed, and leaves no process', async () => {
    install();
    const session = await open('run-a', 2);
    await trial(session);
    host.run(`kill -KILL ${locals[0]?.pid}`);
    await locals[0]?.ended;
    await expect(call(session, 'history')).rejects.toMatchObject({ code: 'lost' });
    expect(running()).toBe(NEW.split('\n')[0]);
    await until(() => trials().length === 0);
    expect(running()).toBe('# old');
    expect(host.run(`cat ${LIVE}`)).toBe(OLD);
    await until(isQuiet);
  });

  it('ends a trial whose window is over, and says so to a confirm that comes later', async () => {
    install();
    const session = await open('run-a', 1);
    await trial(session);
    await until(() => trials().length === 0);
    expect(await confirm(session)).toMatchObject({ ok: false, reason: 'late' });
    expect(running()).toBe('# old');
    expect(host.run(`cat ${LIVE}`)).toBe(OLD);
    await session.close();
  });

  it("leaves another run's open trial alone and names the run", async () => {
    install();
    const [first, second] = [await open('run-a'), await open('run-b')];
    await trial(first);
    const reply = await trial(second, '# other\n');
    expect(reply).toMatchObject({ ok: false, reason: 'busy' });
    expect(reply.text).toContain('run-a');
    expect(await confirm(second)).toMatchObject({ ok: false, reason: 'unknown' });
    expect(await call(second, 'revert', ['vxlan01'])).toMatchObject({ ok: false, reason: 'unknown' });
    await second.close();
    expect(running()).toBe(NEW.split('\n')[0]);
    expect((await confirm(first)).ok).toBe(true);
    await first.close();
  });

  it('ends a trial that nobody is there to end, when a new run takes it over', async () => {
    install();
    const first = await open('run-a');
    await trial(first, '# leftover\n');
    host.run(`kill -KILL ${locals[0]?.pid} $(cut -d ' ' -f 1 /run/vxfleet/.run-a.guard)`);
    await locals[0]?.ended;
    const second = await open('run-b');
    expect(await prepare(second, NEW)).toMatchObject({ ok: false, reason: 'busy' });
    expect((await call(second, 'takeover', ['vxlan01'])).ok).toBe(true);
    expect(running()).toBe('# old');
    expect((await trial(second)).ok).toBe(true);
    expect(running()).toBe(NEW.split('\n')[0]);
    await second.close();
    expect(running()).toBe('# old');
    expect(log().slice(-2)).toEqual([`ifdown ${NEW.split('\n')[0]}`, 'ifup # old']);
    expect(trials()).toEqual([]);
  });

  it('keeps the trials of several tunnels apart', async () => {
    const session = await open();
    const names = ['vxlan01', 'vxlan02', 'vxlan03', 'vxlan04'];
    const replies = await Promise.all(names.map((name) => trial(session, `# new ${name}\n`, name)));
    expect(replies.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    await Promise.all(['vxlan02', 'vxlan04'].map((name) => confirm(session, name)));
    await session.close();
    expect(names.map((name) => running(name))).toEqual([null, '# new vxlan02', null, '# new vxlan04']);
    expect(list('/etc/network/interfaces.d')).toEqual(['vxlan02', 'vxlan04']);
    await until(isQuiet);
  });

  it('takes away a link that ifdown leaves', async () => {
    install('# old STAYS\n');
    const session = await open();
    expect((await trial(session)).ok).toBe(true);
    expect(running()).toBe(NEW.split('\n')[0]);
    await session.close();
    expect(running()).toBe('# old STAYS');
  });
});
