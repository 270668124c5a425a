/** What a host does when it has promised and hears nothing more: docs/protocol.md, "How the hub finds out". */
import { expect, it } from 'vitest';
import { describeNamespace } from './namespace.js';
import { NEW, OLD, LIVE, useProgramHost } from './program-host.js';

const MARKER = 'fe80::1234:5678:9abc:def0';
const PEER = '2001:db8::2';
/** The first lines of the files, which are what the fake ping knows them by. */
const [ON_NEW = '', ON_OLD = ''] = [NEW, OLD].map((text) => text.split('\n')[0]);

describeNamespace('a host in doubt', () => {
  const { call, has, host, install, isQuiet, locals, log, open, records, running, trial, trials, until } =
    useProgramHost();

  const answer = (...lines: readonly string[]): void => {
    host.run(`cat >/var/lib/answers <<'EOF'\n${lines.join('\n')}\nEOF`);
  };
  const promise = async (windowSeconds: number, text: string | null = NEW, oldPeer = PEER, role = 'incompatible') => {
    const session = await open('run-a', windowSeconds);
    expect(await trial(session, text)).toMatchObject({ ok: true });
    const part = [role, MARKER, text === null ? '-' : PEER, oldPeer];
    expect(await call(session, 'promise', ['vxlan01', ...part])).toMatchObject({ ok: true });
    return session;
  };
  const isOver = async (): Promise<void> => {
    await until(() => trials().length === 0);
    await until(isQuiet);
  };

  it('keeps the new end when the marker answers, long before the window is over', async () => {
    install();
    answer(`${ON_NEW}|${MARKER}%vxlan01`);
    await (await promise(60)).close();
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
    expect(records()).toEqual(['1 found', '2 confirmed']);
  });

  it('does so too when its program was killed', async () => {
    install();
    answer(`${ON_NEW}|${MARKER}%vxlan01`);
    await promise(60);
    host.run(`kill -KILL ${locals[0]?.pid}`);
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
  });

  it('goes back when the peer is silent on the new end and answers on the old one', async () => {
    install();
    answer(`${ON_OLD}|${PEER}`);
    await (await promise(60)).close();
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_OLD, OLD]);
    expect(records()).toEqual(['1 found', '2 peer']);
  });

  it('waits for its deadline while the peer answers without the marker, then keeps the new end if the old is silent', async () => {
    install();
    answer(`${ON_NEW}|${PEER}`);
    await (await promise(4)).close();
    await until(() => has('/run/vxfleet/vxlan01/doubt'));
    expect(log().filter((line) => line === `ping ${ON_OLD}|${PEER}`)).toEqual([]);
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
  });

  it('of ends that can talk to each other goes back after its deadline when the peer answers without the marker', async () => {
    install();
    answer(`${ON_NEW}|${PEER}`, `${ON_OLD}|${PEER}`);
    await (await promise(3, NEW, PEER, 'compatible')).close();
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_OLD, OLD]);
  });

  it('of ends that can talk to each other goes back although the old end had not answered before', async () => {
    install();
    answer(`${ON_NEW}|${PEER}`, `${ON_OLD}|${PEER}`);
    await (await promise(3, NEW, '-', 'compatible')).close();
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_OLD, OLD]);
  });

  it('decides nothing in silence, and asks until there is an answer', async () => {
    install();
    await (await promise(2)).close();
    await until(() => log().filter((line) => line === `ping ${ON_OLD}|${PEER}`).length >= 2);
    expect(has('/run/vxfleet/vxlan01/doubt')).toBe(true);
    answer(`${ON_OLD}|${MARKER}%vxlan01`);
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
  });

  it('is told the outcome when the controller asks for it', async () => {
    install();
    answer(`${ON_OLD}|${PEER}`);
    const session = await promise(60);
    expect((await call(session, 'settle', ['vxlan01'])).values.get('outcome')).toBe('peer');
    expect(await call(session, 'confirm', ['vxlan01'])).toMatchObject({
      ok: false,
      reason: 'late',
      text: 'too late: the other end of vxlan01 was found on the old one, and this host put it back too',
    });
    await session.close();
  });

  it('goes back on the word of the controller, which knows that the peer did not confirm', async () => {
    install();
    const session = await promise(60);
    expect((await call(session, 'revert', ['vxlan01'])).ok).toBe(true);
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_OLD, OLD]);
    await session.close();
  });

  it('goes forward on the word of the controller, which has found a way back to it', async () => {
    install();
    await promise(60);
    host.run(`kill -KILL ${locals[0]?.pid}`);
    // The second question on the old end: the new one is down for a moment.
    await until(() => log().filter((line) => line === `ping ${ON_OLD}|${PEER}`).length >= 1);
    const again = await open('run-a', 60);
    expect(await call(again, 'confirm', ['vxlan01'])).toMatchObject({ ok: true });
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
    expect(await call(again, 'confirm', ['vxlan01'])).toMatchObject({ ok: true });
    await again.close();
    await isOver();
  });

  it('takes a tunnel away again that was new, when nobody answers until the deadline', async () => {
    await (await promise(2, NEW, '-')).close();
    await isOver();
    expect([running(), has(LIVE)]).toEqual([null, false]);
  });

  it('keeps a tunnel that is new when the peer answers at the deadline', async () => {
    answer(`${ON_NEW}|${PEER}`);
    await (await promise(2, NEW, '-')).close();
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_NEW, NEW]);
  });

  it('brings a tunnel back that was being removed', async () => {
    install();
    await (await promise(2, null)).close();
    await isOver();
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_OLD, OLD]);
  });

  it('is ended by a takeover, which goes back when nobody answers', async () => {
    install();
    await (await promise(60)).close();
    const other = await open('run-b', 30);
    expect((await call(other, 'takeover', ['vxlan01'])).ok).toBe(true);
    expect([running(), host.run(`cat ${LIVE}`)]).toEqual([ON_OLD, OLD]);
    await other.close();
  });
});
