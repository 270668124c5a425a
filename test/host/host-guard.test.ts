/** Who may change a tunnel, and who ends what is left: the lock, the guard, a takeover. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inspectionPayload, parseFacts } from '../../src/host/host-facts.js';
import { Host } from '../../src/host/host.js';
import type { Verb } from '../../src/host/host-command.js';
import type { HostSession } from '../../src/host/host-session.js';
import { describeNamespace } from './namespace.js';
import { LIVE, NEW, OLD, useProgramHost } from './program-host.js';

const [ON_NEW = '', ON_OLD = ''] = [NEW, OLD].map((text) => text.split('\n')[0]);

/** As systemd starts a transient service: no descriptor, session or environment of whoever asked, and the command answers at once. */
const FAKE_SYSTEMD_RUN = `
mkdir -p /run/systemd/system
cat >/usr/local/sbin/systemd-run <<'END'
#!/bin/bash
echo "systemd-run $*" >>/var/lib/fake.log
while [[ $1 == --* ]]; do shift; done
setsid -f env -i "$@" </dev/null >/dev/null 2>&1 3>&- 4>&- 9>&-
END
chmod 755 /usr/local/sbin/systemd-run`;

const NOTHING = { ways: [], network: [] };

describeNamespace('a host', () => {
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
  const guard = (run = 'run-a'): string => host.run(`cut -d ' ' -f 1 /run/vxfleet/.${run}.guard`).trim();
  const facts = async (session: HostSession) =>
    parseFacts(await call(session, 'inspect', [], inspectionPayload(NOTHING)), NOTHING);

  it('tells a second operator who is at it, from where, since when and what', async () => {
    install();
    const [first, second] = [await open('run-a'), await open('run-b')];
    await trial(first);
    const text = "vxlan01 is held by alice@bastion (from ) since 2026-11-23T12:00:00Z: deploy 'tokyo', run run-a";
    expect(await prepare(second, NEW)).toMatchObject({ ok: false, reason: 'busy', text });
    expect((await facts(second)).trials.get('vxlan01')).toMatchObject({
      state: 'armed',
      holder: 'session',
      run: 'run-a',
      operator: 'alice@bastion',
      command: "deploy 'tokyo'",
    });
    expect(await call(second, 'takeover', ['vxlan01'])).toMatchObject({ ok: false, reason: 'busy' });
    await Promise.all([first.close(), second.close()]);
  });

  it('lets two runs change two tunnels', async () => {
    const [first, second] = [await open('run-a'), await open('run-b')];
    const replies = await Promise.all([trial(first, '# one\n', 'vxlan01'), trial(second, '# two\n', 'vxlan02')]);
    expect(replies.map(({ ok }) => ok)).toEqual([true, true]);
    await first.close();
    expect([running('vxlan01'), running('vxlan02')]).toEqual([null, '# two']);
    expect(await confirm(second, 'vxlan02')).toMatchObject({ ok: true });
    await second.close();
  });

  it('has no lock left when the program was killed, and shows the trial to be pending', async () => {
    install();
    const first = await open('run-a');
    await trial(first);
    // The guard takes an abandoned trial back within a second or two: here it is to be looked at.
    host.run(`kill -STOP ${guard()}; kill -KILL ${locals[0]?.pid}`);
    await locals[0]?.ended;
    const second = await open('run-b');
    const trialFacts = (await facts(second)).trials.get('vxlan01');
    expect(trialFacts).toMatchObject({ holder: 'guard', operator: 'alice@bastion' });
    expect(trialFacts?.secondsLeft).toBeGreaterThan(30);
    expect((await call(second, 'takeover', ['vxlan01'])).ok).toBe(true);
    expect([running(), trials()]).toEqual([ON_OLD, []]);
    host.run(`kill -CONT ${guard()}`);
    await second.close();
    await until(isQuiet);
    expect(list('/run/vxfleet')).toEqual([]);
  });

  it('is guarded by something that holds nothing of the session', async () => {
    const session = await open();
    await trial(session);
    const [program, its] = [String(locals[0]?.pid), guard()];
    const heldBy = (process: string): string[] =>
      host.run(`readlink /proc/${process}/fd/* | grep -v /dev/null || true`).trim().split('\n');
    // The two directions of the channel, and the lock.
    expect(heldBy(program).length).toBeGreaterThanOrEqual(3);
    expect(heldBy(program)).toContain('/run/vxfleet/.run-a.lock');
    expect(heldBy(its).filter((file) => heldBy(program).includes(file))).toEqual([]);
    expect(host.run(`ps -o pgid= -p ${guard()}`)).not.toBe(host.run(`ps -o pgid= -p ${locals[0]?.pid}`));
    await session.close();
  });

  it('is guarded by a service where systemd runs', async () => {
    host.run(FAKE_SYSTEMD_RUN);
    install();
    const session = await open('run-a', 2);
    await trial(session);
    expect(log().filter((line) => line.startsWith('systemd-run'))).toEqual([
      expect.stringMatching(/--unit=vxfleet-run-a .*perl \/run\/vxfleet\/\.run-a\.program$/),
    ]);
    expect(has('/run/vxfleet/.run-a.program')).toBe(false);
    host.run(`kill -KILL ${locals[0]?.pid}`);
    await until(() => trials().length === 0);
    expect(running()).toBe(ON_OLD);
    await until(isQuiet);
    expect(list('/run/vxfleet')).toEqual([]);
  });

  it('is guarded all the same where systemd-run fails', async () => {
    host.run(`${FAKE_SYSTEMD_RUN}; printf '#!/bin/sh\\nexit 1\\n' >/usr/local/sbin/systemd-run`);
    install();
    const session = await open('run-a', 2);
    await trial(session);
    expect(list('/run/vxfleet').sort()).toEqual(['.run-a.guard', '.run-a.lock', 'vxlan01']);
    host.run(`kill -KILL ${locals[0]?.pid}`);
    await until(() => running() === ON_OLD);
  });

  it('ends a trial at its deadline, unless it is extended', async () => {
    install();
    const session = await open('run-a', 3);
    await trial(session);
    for (let second = 0; second < 5; second += 1) {
      host.run('sleep 1');
      expect((await call(session, 'extend', ['vxlan01'])).ok).toBe(true);
    }
    expect(running()).toBe(ON_NEW);
    await until(() => trials().length === 0);
    expect(running()).toBe(ON_OLD);
    expect(await call(session, 'extend', ['vxlan01'])).toMatchObject({
      ok: false,
      reason: 'late',
      text: 'too late: the window of vxlan01 was over, and this host put the old end back',
    });
    await session.close();
  });

  it('takes a controller for gone that says nothing for a window, and no other', async () => {
    install();
    const session = await open('run-a', 2);
    await sleep(5000);
    expect((await trial(session)).ok).toBe(true);
    // The channel stays open: a stopped controller, a cut line, a machine without power.
    locals[0]?.mute();
    await locals[0]?.ended;
    // The guard may have been faster: then it is the one that goes back.
    await until(() => trials().length === 0);
    expect(running()).toBe(ON_OLD);
    await until(isQuiet);
  });

  it('is done with its guard in the end, also with one that it needed only for that', async () => {
    install();
    const session = await open('run-a');
    await trial(session);
    host.run(`kill -KILL ${guard()}`);
    await session.close();
    expect(running()).toBe('# old');
    expect(list('/run/vxfleet')).toEqual([]);
    await until(isQuiet);
  });

  it('leaves nothing when it is killed while it dismisses its guard', async () => {
    install();
    const session = await open('run-a');
    await trial(session);
    const its = guard();
    // Deaf for a moment: the program tells it to go until it is gone.
    host.run(`kill -STOP ${its}`);
    const closing = session.close();
    await until(() => trials().length === 0);
    host.run(`kill -KILL ${locals[0]?.pid}; kill -CONT ${its}`);
    await closing;
    await until(isQuiet);
    expect(list('/run/vxfleet')).toEqual([]);
  });

  it('gets another guard when the first is killed', async () => {
    install();
    const session = await open('run-a', 4);
    await trial(session);
    const first = guard();
    host.run(`kill -KILL ${first}`);
    await until(() => guard() !== first);
    host.run(`kill -KILL ${locals[0]?.pid}`);
    await until(() => trials().length === 0);
    expect(running()).toBe(ON_OLD);
  });

  it('waits with a second confirm for the first one, over whatever session it comes', async () => {
    install();
    const session = await open('run-a', 60);
    await trial(session);
    // A disk that takes its time.
    host.run(
      'printf \'#!/bin/bash\\nsleep 2\\nexec /bin/sync "$@"\\n\' >/usr/local/sbin/sync; chmod 755 /usr/local/sbin/sync',
    );
    const once = call(session, 'confirm', ['vxlan01']);
    await until(() => has('/run/vxfleet/vxlan01/confirmed'));
    const again = await open('run-a', 60);
    expect(await call(again, 'confirm', ['vxlan01'])).toMatchObject({ ok: true });
    expect(await once).toMatchObject({ ok: true });
    expect(host.run(`cat ${LIVE}`)).toBe(NEW);
    await Promise.all([again.close(), session.close()]);
  });

  it('does not confirm when its window is over by the time that all is on the disk', async () => {
    install();
    const session = await open('run-a', 4);
    await trial(session);
    // Nobody but the program itself sees to its deadline.
    host.run(`kill -STOP ${guard()}`);
    host.run(
      'printf \'#!/bin/bash\\nsleep 5\\nexec /bin/sync "$@"\\n\' >/usr/local/sbin/sync; chmod 755 /usr/local/sbin/sync',
    );
    expect(await confirm(session)).toMatchObject({ ok: false, reason: 'late' });
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_OLD, OLD]);
    host.run(`kill -CONT ${guard()}`);
    await session.close();
  });

  it('takes a trial over from a program that died in the middle of ifup, and nothing comes up after it', async () => {
    install();
    const session = await open('run-a', 60);
    void trial(session, '# new SLOW\n').catch(() => undefined);
    await until(() => log().includes('ifup # new SLOW'));
    host.run(`kill -KILL ${locals[0]?.pid}`);
    await until(() => trials().length === 0);
    host.run('sleep 1.5');
    expect(running()).toBe(ON_OLD);
  });

  it('takes it over in the middle of ifdown too, and what was to follow does not', async () => {
    install('# old SLOWDOWN\n');
    const session = await open('run-a', 60);
    void trial(session).catch(() => undefined);
    await until(() => log().includes('ifdown # old SLOWDOWN'));
    host.run(`kill -KILL ${locals[0]?.pid}`);
    await until(() => trials().length === 0);
    await sleep(2000);
    expect(running()).toBe('# old SLOWDOWN');
    expect(log().filter((line) => line.startsWith('ifup # new'))).toEqual([]);
  });

  it('finishes a confirm that died between its two renames', async () => {
    install();
    const session = await open('run-a', 60);
    await trial(session);
    // What a kill at that very moment leaves.
    host.run('mv /run/vxfleet/vxlan01/armed /run/vxfleet/vxlan01/confirmed');
    await until(() => trials().length === 0);
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
    await session.close();
  });

  it('finishes a revert that died on its way', async () => {
    install();
    const session = await open('run-a', 60);
    await trial(session);
    host.run('mv /run/vxfleet/vxlan01/armed /run/vxfleet/vxlan01/reverting');
    await until(() => trials().length === 0);
    expect(running()).toBe(ON_OLD);
    await session.close();
  });

  it('keeps trying to write what it has promised, when /etc can no longer be written', async () => {
    install();
    const session = await open('run-a', 60);
    await trial(session);
    await call(session, 'promise', ['vxlan01', 'incompatible', 'fe80::1', '2001:db8::2', '2001:db8::2']);
    host.run('mount -o remount,ro /etc');
    expect(await call(session, 'confirm', ['vxlan01'])).toMatchObject({ ok: false, reason: 'pending' });
    expect(running()).toBe(ON_NEW);
    host.run('mount -o remount,rw /etc');
    await until(() => trials().length === 0);
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
    await session.close();
  });

  it('removes what killed runs left beside their trials before a run that may change something, and touches no trial', async () => {
    install();
    host.run('mkdir -p /run/vxfleet/vxlan05 /run/vxfleet/.vxlan06.run-z; >/run/vxfleet/vxlan05/armed');
    host.run('touch /run/vxfleet/.run-z.lock /run/vxfleet/.run-z.program /etc/network/interfaces.d/.vxlan06.vxfleet');
    host.run('echo run-z >/run/vxfleet/vxlan05/run; touch /etc/network/interfaces.d/.vxlan05.vxfleet');
    const connect = async (writes: boolean) =>
      Host.connect({ open: async () => open(`run-${writes}`, 60, writes), inspection: NOTHING, writes });
    const reader = await connect(false);
    expect(reader.facts.hasDeadRuns).toBe(true);
    expect(has('/run/vxfleet/.run-z.lock')).toBe(true);
    const writer = await connect(true);
    expect(list('/run/vxfleet')).toEqual(['vxlan05']);
    expect(list('/etc/network/interfaces.d')).toEqual(['.vxlan05.vxfleet', 'vxlan01']);
    await writer.inspect();
    expect(writer.facts.hasDeadRuns).toBe(false);
    await Promise.all([reader.close(), writer.close()]);
  });

  it('changes nothing for a run that only looks', async () => {
    install();
    const session = await open('run-a', 60, false);
    const verbs: Verb[] = [
      'prepare',
      'trial',
      'extend',
      'promise',
      'confirm',
      'revert',
      'settle',
      'note',
      'takeover',
      'sweep',
    ];
    for (const verb of verbs) {
      const reply = await call(session, verb, ['vxlan01', '-', '-', '-', '-']);
      expect(reply).toMatchObject({ ok: false, reason: 'protocol', text: `${verb} in a run that changes nothing` });
    }
    expect(has('/run/vxfleet')).toBe(false);
    await session.close();
  });
});
