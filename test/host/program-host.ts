/** The real host program on a throwaway host with a fake ifupdown, and what the tests of it say to it. */
import { afterEach, beforeEach, expect } from 'vitest';
import { generationBody, generationDigest } from '../../src/history/generation-text.js';
import type { Reply } from '../../src/host/frames.js';
import type { Verb } from '../../src/host/host-command.js';
import { HostSession } from '../../src/host/host-session.js';
import { FAKE_HOST } from './fake-host.js';
import { type LocalSession, localTransport } from './local-transport.js';
import { type Namespace, openNamespace } from './namespace.js';

const TIMEOUT_MS = 60_000;
export const LIVE = '/etc/network/interfaces.d/vxlan01';
const STEPS: readonly Verb[] = ['prepare', 'trial', 'extend', 'promise', 'confirm', 'revert', 'settle'];
export const OLD = '# old\nauto vxlan01\n';
export const NEW = '# new: \'quotes\' "double" `ticks` $HOME \\ back\\nslash \\\\\n\n  ümlaut 日本語\nlast line\n';

/** A host for each test of the describe that calls it; everything is gone after the test. */
export function useProgramHost() {
  let namespace: Namespace;
  const locals: LocalSession[] = [];
  const changes = new WeakMap<HostSession, string>();
  const changeOf = (session: HostSession): string => changes.get(session) ?? '';
  const host = { run: (script: string): string => namespace.run(script) };

  beforeEach(async () => {
    namespace = await openNamespace(FAKE_HOST);
    locals.length = 0;
  });
  afterEach(async () => {
    await namespace.close();
  });

  /** @param environment what the host's sshd puts into the environment, as `NAME=VALUE` with blanks between */
  const open = async (run = 'run-a', windowSeconds = 60, writes = true, environment?: string): Promise<HostSession> => {
    const target = {
      host: 'local',
      port: 22,
      user: 'root',
      isOfInventory: true,
      identityFile: undefined,
      proxyJump: undefined,
    };
    const transport = localTransport(namespace, (session) => locals.push(session), environment);
    const identity = { run, operator: 'alice@bastion', since: '2026-11-23T12:00:00Z', command: "deploy 'tokyo'" };
    const session = await HostSession.open(transport, 'osaka', target, { identity, windowSeconds, writes });
    changes.set(session, `${run}.1`);
    return session;
  };
  /** Every step of a session is one of the same change, whose id stands behind the interface. */
  const call = (session: HostSession, verb: Verb, args: string[] = [], payload?: string): Promise<Reply> =>
    session.call({
      verb,
      args: STEPS.includes(verb) ? args.toSpliced(1, 0, changeOf(session)) : args,
      timeoutMs: TIMEOUT_MS,
      ...(payload === undefined ? {} : { payload }),
    });
  /** The record that goes with a candidate. */
  const bodyOf = (session: HostSession, text: string | null): string =>
    generationBody(
      {
        change: changeOf(session),
        time: '2026-11-23T12:00:05Z',
        operator: 'alice@bastion',
        command: 'deploy',
        spoke: 'osaka',
        end: 'spoke',
        restores: null,
        otherRestores: null,
        plan: null,
      },
      text,
    );
  const lengthOf = (text: string | null): string => (text === null ? '-' : String(Buffer.byteLength(text)));
  /** @param old the file that /etc is believed to have; by default the one it has */
  const prepare = async (
    session: HostSession,
    text: string | null,
    name = 'vxlan01',
    old?: string | null,
    more: readonly string[] = [],
  ) => {
    const path = `/etc/network/interfaces.d/${name}`;
    const seen = old === undefined ? (has(path) ? host.run(`cat ${path}`) : null) : old;
    return call(
      session,
      'prepare',
      [name, lengthOf(seen), lengthOf(text), '0', generationDigest('confirmed', bodyOf(session, text)), ...more],
      `${seen ?? ''}${text ?? ''}${bodyOf(session, text)}`,
    );
  };
  /** Prepares and tries; the answer of the first that fails. */
  const trial = async (session: HostSession, text: string | null = NEW, name = 'vxlan01') => {
    const prepared = await prepare(session, text, name);
    return prepared.ok ? call(session, 'trial', [name]) : prepared;
  };
  const confirm = async (session: HostSession, name = 'vxlan01') =>
    call(session, 'confirm', [name, 'alone', '-', '-', '-']);
  /** The kept records, `sequence outcome`, each of them whole. */
  const records = (name = 'vxlan01'): string[] =>
    list(`/var/lib/vxfleet/${name}`).map((file) => {
      const [sequence = '', outcome = '', digest = ''] = file.split('.');
      expect(host.run(`sha256sum </var/lib/vxfleet/${name}/${file}`)).toContain(digest);
      return `${Number(sequence)} ${outcome}`;
    });

  const has = (path: string): boolean => host.run(`[[ -e ${path} ]] && echo yes || true`) !== '';
  const list = (directory: string): string[] =>
    host
      .run(`ls -A ${directory}`)
      .split('\n')
      .filter((name) => name !== '');
  /** The first line of the file by which the link is up; null without a link. */
  const running = (name = 'vxlan01'): string | null =>
    has(`/sys/class/net/${name}`) ? host.run(`cat /sys/class/net/${name}/ifalias`).trim() : null;
  /** What is in /run/vxfleet but for the lock and the guard's own file, which are gone a second after the session. */
  const trials = (): string[] => list('/run/vxfleet').filter((name) => !/\.(lock|guard)$/.test(name));
  const log = (): string[] =>
    host
      .run('cat /var/lib/fake.log 2>/dev/null || true')
      .split('\n')
      .filter((line) => line !== '');
  const install = (text = OLD): void => {
    host.run(`printf %s '${text}' >${LIVE}; ifup vxlan01; rm -f /var/lib/fake.log`);
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    // Generous: on a busy machine a second of the host's may take a minute.
    await expect.poll(isSo, { timeout: 90_000, interval: 50 }).toBe(true);
  };
  /** Nothing but the namespace's first process, the fake peer and the `ls` that looks. */
  const isQuiet = (): boolean => list('/proc').filter((name) => /^\d+$/.test(name)).length <= 3;

  return {
    locals,
    host,
    open,
    call,
    bodyOf,
    lengthOf,
    prepare,
    trial,
    confirm,
    records,
    has,
    list,
    running,
    trials,
    log,
    install,
    until,
    isQuiet,
  };
}
