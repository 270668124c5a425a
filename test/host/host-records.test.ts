/** What a host keeps of each change, and gives back. */
import { expect, it } from 'vitest';
import { parseGeneration } from '../../src/history/parse-generation.js';
import { readHistory } from '../../src/history/read-history.js';
import { generationBody, generationDigest } from '../../src/history/generation-text.js';
import type { HostSession } from '../../src/host/host-session.js';
import { describeNamespace } from './namespace.js';
import { LIVE, NEW, OLD, useProgramHost } from './program-host.js';

const STORE = '/var/lib/vxfleet/vxlan01';

describeNamespace('a host keeps', () => {
  const { call, confirm, has, host, install, list, open, prepare, records, running, trial, trials, until } =
    useProgramHost();
  const deploy = async (session: HostSession, text: string | null) => {
    expect(await trial(session, text)).toMatchObject({ ok: true });
    expect(await confirm(session)).toMatchObject({ ok: true });
  };
  const historyOf = async (session: HostSession, ...names: string[]) =>
    readHistory('osaka', (await call(session, 'history', names)).values);
  const contentOf = async (session: HostSession, name: string) =>
    parseGeneration(
      'osaka',
      'vxlan01',
      name,
      (await call(session, 'generation', ['vxlan01', name])).values.get('content') ?? '',
    );

  it('each generation, whole and readable by its owner alone', async () => {
    const session = await open();
    await deploy(session, NEW);
    const [name = ''] = list(STORE);
    expect(await contentOf(session, name)).toMatchObject({ text: NEW, record: { run: 'run-a', outcome: 'confirmed' } });
    expect(host.run(`stat -c %a ${STORE} ${STORE}/${name}`)).toBe('700\n600\n');
    await session.close();
  });

  it('what stood there before its first generation, byte for byte, and what was edited since', async () => {
    const odd = `# odd\\n\\n\nfile present\n\n\ttail without a newline`;
    install(odd);
    const session = await open();
    await deploy(session, NEW);
    host.run(`printf '# edited\\n' >>${LIVE}`);
    await deploy(session, '# third\n');
    expect(records()).toEqual(['1 found', '2 confirmed', '3 found', '4 confirmed']);
    const texts = await Promise.all(list(STORE).map(async (name) => (await contentOf(session, name)).text));
    expect(texts).toEqual([odd, NEW, `${NEW}# edited\n`, '# third\n']);
    const { warnings, ends } = await historyOf(session);
    expect(warnings).toEqual([]);
    expect(ends.get('vxlan01')?.records.map(({ run }) => run)).toEqual([
      'before-run-a',
      'run-a',
      'before-run-a',
      'run-a',
    ]);
    await session.close();
  });

  it('the same where the dynamic linker complains of a library at the start of each program', async () => {
    install();
    host.run('echo /nowhere/missing.so >/etc/ld.so.preload');
    const session = await open();
    await deploy(session, NEW);
    host.run('rm /etc/ld.so.preload');
    expect(records()).toEqual(['1 found', '2 confirmed']);
    expect((await historyOf(session)).warnings).toEqual([]);
    await session.close();
  });

  it('that a file was removed by hand', async () => {
    const session = await open();
    await deploy(session, NEW);
    host.run(`ifdown vxlan01; rm ${LIVE}`);
    await deploy(session, NEW);
    const { ends } = await historyOf(session, 'vxlan01');
    expect(ends.get('vxlan01')?.records.map(({ outcome, hasFile }) => [outcome, hasFile])).toEqual([
      ['confirmed', true],
      ['found', false],
      ['confirmed', true],
    ]);
    await session.close();
  });

  it('that a tunnel was taken away', async () => {
    install();
    const session = await open();
    await deploy(session, null);
    expect([running(), has(LIVE)]).toEqual([null, false]);
    expect(records()).toEqual(['1 found', '2 confirmed']);
    const [, name = ''] = list(STORE);
    expect((await contentOf(session, name)).text).toBeNull();
    await session.close();
  });

  it('its records beside whatever else somebody put there', async () => {
    host.run(`mkdir -p ${STORE}; touch ${STORE}/7a ${STORE}/notes`);
    const session = await open();
    await deploy(session, NEW);
    expect(list(STORE).filter((name) => /^\d{6}\./.test(name))).toHaveLength(1);
    await session.close();
  });

  it('apart what one run did to an interface twice: the first says nothing of how the second ended', async () => {
    install();
    const session = await open();
    await deploy(session, null);
    const made = session.call({ verb: 'confirm', args: ['vxlan01', 'run-a.2'], timeoutMs: 60_000 });
    expect(await made).toMatchObject({ ok: false, reason: 'unknown' });
    expect(await call(session, 'confirm', ['vxlan01'])).toMatchObject({ ok: true });
    await session.close();
  });

  it('how a trial ended that was not confirmed', async () => {
    install();
    const first = await open('run-a');
    await trial(first);
    await call(first, 'revert', ['vxlan01']);
    await trial(first);
    await first.close();
    const second = await open('run-b', 3);
    await trial(second);
    await until(() => trials().length === 0);
    expect(records()).toEqual(['1 reverted', '2 session', '3 window']);
    await second.close();
  });

  it('the last generations, and not more than that, whatever failed in between', async () => {
    const session = await open();
    for (let index = 0; index < 22; index += 1) {
      await deploy(session, `# ${index}\n`);
      await trial(session, '# failed\n');
      await call(session, 'revert', ['vxlan01']);
    }
    const kept = records();
    expect(kept.filter((record) => record.endsWith('confirmed'))).toHaveLength(20);
    expect(kept.filter((record) => record.endsWith('reverted')).length).toBeLessThanOrEqual(21);
    expect(kept.at(-1)).toBe('44 reverted');
    await session.close();
  });

  it('nothing back of a record that was torn or edited, but for its name', async () => {
    const session = await open();
    await deploy(session, NEW);
    await deploy(session, '# second\n');
    const [torn = '', whole = ''] = list(STORE);
    host.run(`truncate -s -1 ${STORE}/${torn}`);
    const { ends, warnings } = await historyOf(session);
    expect(ends.get('vxlan01')?.records.map(({ name }) => name)).toEqual([whole]);
    expect(warnings).toEqual([`osaka: ${STORE}/${torn} is damaged (its content is not what its name says): skipped`]);
    await expect(contentOf(session, torn)).rejects.toMatchObject({ code: 'refused' });
    await session.close();
  });

  it('no change at all when there is no room for its record', async () => {
    install();
    const session = await open();
    host.run('mount -o remount,size=8k /var/lib; cat /dev/zero >/var/lib/fill || true');
    const prepared = await prepare(session, NEW);
    expect(prepared).toMatchObject({ ok: false, reason: 'refused' });
    expect(prepared.text).toContain('/var');
    expect(host.run('ls -A /var/lib/vxfleet/vxlan01 /run/vxfleet/vxlan* || true')).not.toMatch(/staged|found|prepared/);
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual(['# old', OLD]);
    await session.close();
  });

  it('a change whose record was written while there was room', async () => {
    install();
    const session = await open();
    expect(await trial(session)).toMatchObject({ ok: true });
    host.run('mount -o remount,size=64k /var/lib; cat /dev/zero >/var/lib/fill || true');
    expect(await confirm(session)).toMatchObject({ ok: true });
    expect(records()).toEqual(['1 found', '2 confirmed']);
    await session.close();
  });

  it('what lets a change bring up what ran without its file', async () => {
    install();
    const session = await open();
    await deploy(session, '# second\n');
    await session.close();
    host.run(`rm ${LIVE}`);
    const next = await open('run-b');
    expect(await trial(next, '# third\n')).toMatchObject({ ok: true });
    expect(running()).toBe('# third');
    expect(await call(next, 'revert', ['vxlan01'])).toMatchObject({ ok: true });
    expect([running(), has(LIVE)]).toEqual(['# second', false]);
    await next.close();
  });

  it("a note of a run that changed the other end alone, unless somebody's trial is open", async () => {
    install();
    const session = await open();
    const meta = {
      time: '2026-11-23T12:00:05Z',
      operator: 'alice@bastion',
      command: 'deploy',
      spoke: 'osaka',
    } as const;
    const body = generationBody(
      { ...meta, change: 'run-a.1', end: 'hub', restores: null, otherRestores: null, plan: null },
      OLD,
    );
    const note = () => call(session, 'note', ['vxlan01', generationDigest('confirmed', body)], body);
    expect(await note()).toMatchObject({ ok: true });
    expect(records()).toEqual(['1 found', '2 confirmed']);
    await prepare(session, NEW);
    expect(await note()).toMatchObject({ ok: false, reason: 'busy' });
    await session.close();
  });

  it('refuses to replace a file that has changed since it was looked at', async () => {
    install();
    const session = await open();
    for (const seen of [null, '# other\n', `${OLD}\n`]) {
      expect(await prepare(session, NEW, 'vxlan01', seen)).toMatchObject({ ok: false, reason: 'changed' });
    }
    expect(await prepare(session, NEW, 'vxlan02', OLD)).toMatchObject({ ok: false, reason: 'changed' });
    expect(await prepare(session, NEW, 'vxlan01', OLD)).toMatchObject({ ok: true });
    await session.close();
  });
});
