import { text } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { openAsRoot } from '../../src/host/open-as-root.js';
import { startInput, starterOf } from '../../src/host/starter.js';
import type { SshTarget } from '../../src/inventory/inventory.js';
import type { Session, SessionEnd, Transport } from '../../src/ssh/transport.js';
import { fakeSudo, PASSWORD, type FakeSudo } from './fake-sudo.js';

const TARGET: SshTarget = {
  host: '203.0.113.10',
  port: 22,
  user: 'admin',
  isOfInventory: true,
  identityFile: undefined,
  proxyJump: undefined,
  become: true,
};
const PROGRAM = 'print "$ENV{SSH_CONNECTION}|"; $| = 1; print while sysread STDIN, $_, 99;';
const STARTER = starterOf(PROGRAM);

const open = async ({ transport }: Pick<FakeSudo, 'transport'>, password?: string): Promise<Session> =>
  openAsRoot(transport, 'tokyo', TARGET, STARTER, password);

/** What the program answers to `more`. */
async function answerOf(session: Session): Promise<string> {
  const heard = new PassThrough();
  session.onData((chunk) => heard.write(chunk));
  session.write(startInput(PROGRAM));
  session.write('more');
  await session.close();
  heard.end();
  return text(heard);
}

const failureOf = async (opening: Promise<unknown>): Promise<VxfleetError> =>
  opening.then(
    () => expect.fail('it was opened'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(VxfleetError);
      return error as VxfleetError;
    },
  );
const everythingOf = (error: VxfleetError): string => [error.message, error.hint, error.stack].join('\n');

describe('a program by sudo', { timeout: 120_000 }, () => {
  it.each([
    ['without a password', 'nopasswd', undefined],
    ['with one that nobody asks for', 'nopasswd', PASSWORD],
    ['with one', '', PASSWORD],
    ['with one, after a lecture', 'lecture', PASSWORD],
  ])('has stdin to itself %s', async (_what, policy, password) => {
    const sudo = fakeSudo(policy);
    const session = await open(sudo, password);
    expect(sudo.written).toEqual(policy === 'nopasswd' ? [] : [`${PASSWORD}\n`]);
    expect(await answerOf(session)).toBe('|more');
  });

  it('never has the password in a command', async () => {
    const sudo = fakeSudo('');
    await (await open(sudo, PASSWORD)).close();
    expect(sudo.command()).not.toContain(PASSWORD);
    expect(sudo.command()).toContain('sudo -k -S');
    await (await open(fakeSudo('nopasswd'))).close();
  });

  it.each([
    ['198.51.100.9 4000 198.18.0.1 22', '198.51.100.9 4000 198.18.0.1 22'],
    ['2001:db8::1 4000 fe80::2%eth0 22', '2001:db8::1 4000 fe80::2%eth0 22'],
    ["1'$(id)\nlink del dev eth0\t; `x`", '1idlink del dev eth0 x'],
  ])('is told where the connection comes from, and nothing else: %j', async (said, heard) => {
    const session = await open(fakeSudo('nopasswd', { SSH_CONNECTION: said }));
    expect(await answerOf(session)).toBe(`${heard}|more`);
  });

  it.each([
    [
      'a sudo that wants a password',
      '',
      undefined,
      /wants a password, or has no rule for admin .*\(sudo: a password/,
      /--ask-become-pass.*admin ALL=\(root\) NOPASSWD: \/usr\/bin\/bash/,
    ],
    ['a wrong password', '', 'wrong horse', /did not take the password for admin/, /tried once/],
    [
      'a wrong password after a lecture',
      'lecture',
      'wrong horse',
      /did not take the password for admin \(sudo: 1 incorrect/,
      /tried once/,
    ],
    [
      'a login in no rule',
      'unlisted',
      PASSWORD,
      /does not let admin run bash as root \(admin is not in the sudoers/,
      /NOPASSWD: \/usr\/bin\/bash/,
    ],
    ['a sudo that wants a terminal', 'tty', PASSWORD, /wants a terminal \(requiretty\)/, /Defaults:admin !requiretty/],
  ] as const)('is not sent to %s', async (_what, policy, password, message, hint) => {
    const sudo = fakeSudo(policy);
    const error = await failureOf(open(sudo, password));
    expect(error).toMatchObject({ code: 'auth', host: 'tokyo' });
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    // Whatever was written is the password, once; and the host is left alone.
    expect(sudo.written.length).toBeLessThanOrEqual(1);
    expect(sudo.written.join('')).not.toContain(PROGRAM);
    expect(sudo.ends).toHaveLength(1);
    if (password !== undefined) expect(everythingOf(error)).not.toContain(password);
  });

  it('is not sent where there is no sudo', async () => {
    const error = await failureOf(open(fakeSudo('missing'), PASSWORD));
    expect(error).toMatchObject({ code: 'auth', message: expect.stringContaining('tokyo has no sudo') as string });
    expect(error.hint).toContain('apt-get install sudo');
    const noBash = await failureOf(open(fakeSudo('', { PATH: '/nonexistent' }), PASSWORD));
    expect(noBash).toMatchObject({ code: 'protocol' });
    expect(noBash.message).toMatch(/^admin on tokyo finds no bash \(.*bash: not found\)$/);
  });

  it('has a password that is not shown even when the host shows it', async () => {
    const error = await failureOf(open(fakeSudo('echo unlisted'), PASSWORD));
    expect(everythingOf(error)).not.toContain(PASSWORD);
  });
});

describe('a sudo', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A session that says and ends as it is told. */
  function scripted() {
    let say: (chunk: Buffer) => void = () => {};
    let end: (end: SessionEnd) => void = () => {};
    const ended = new Promise<SessionEnd>((resolve) => (end = resolve));
    const session = {
      host: 'tokyo',
      ended,
      write: vi.fn<Session['write']>(),
      onData: (listener: (chunk: Buffer) => void) => void (say = listener),
      close: vi.fn<Session['close']>(async () => {}),
      destroy: () => {},
    };
    let mark = '';
    const transport: Transport = {
      open: async (_host, _target, command) => {
        mark = /vxfleet-[0-9a-f]{16}/.exec(command)?.[0] ?? '';
        return session;
      },
    };
    return { transport, session, say: (words: string) => say(Buffer.from(words.replaceAll('MARK', mark))), end };
  }
  const opened = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(1);
  };

  it('that says nothing is given up after 20 s, and closed', async () => {
    vi.useFakeTimers();
    const host = scripted();
    const failure = failureOf(open(host));
    await opened();
    host.say('MARK login\nunable to resolve host tokyo\n');
    await vi.advanceTimersByTimeAsync(20_000);
    const error = await failure;
    expect(error.code).toBe('timeout');
    expect(error.message).toBe(
      'sudo on tokyo neither asked for a password nor started bash within 20 s (unable to resolve host tokyo)',
    );
    expect(host.session.close).toHaveBeenCalledOnce();
    expect(host.session.write).not.toHaveBeenCalled();
  });

  it('that is never started is not what is in the way', async () => {
    vi.useFakeTimers();
    const host = scripted();
    const failure = failureOf(open(host, PASSWORD));
    await opened();
    host.say('Which environment? ');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await failure).toMatchObject({
      code: 'timeout',
      message: "tokyo let admin in, but did not start vxfleet's program within 20 s (Which environment?)",
    });
    expect(host.session.write).not.toHaveBeenCalled();
  });

  it('that asks in pieces is answered once, and one that asks again never', async () => {
    vi.useFakeTimers();
    const host = scripted();
    const failure = failureOf(open(host, PASSWORD));
    await opened();
    host.say('noise of a start-up file, without a line break MARK as');
    await opened();
    expect(host.session.write).not.toHaveBeenCalled();
    host.say('ks root:');
    await opened();
    expect(host.session.write.mock.calls).toEqual([[`${PASSWORD}\n`]]);
    host.say('Verification code\nMARK asks root:');
    expect((await failure).message).toBe('sudo on tokyo did not take the password for root (Verification code)');
    expect(host.session.write).toHaveBeenCalledOnce();
  });

  it('that asks a run without a password is not answered', async () => {
    const host = scripted();
    const failure = failureOf(open(host));
    await new Promise((resolve) => setImmediate(resolve));
    host.say('MARK asks admin:');
    expect((await failure).code).toBe('auth');
    expect(host.session.write).not.toHaveBeenCalled();
  });

  it('whose session is lost is reported as lost', async () => {
    const host = scripted();
    const failure = failureOf(open(host, PASSWORD));
    await new Promise((resolve) => setImmediate(resolve));
    host.end({ exitCode: null, signal: null, lost: 'no answer to keepalives', stderr: '' });
    expect(await failure).toMatchObject({
      code: 'lost',
      message: 'lost tokyo before sudo had started anything: no answer to keepalives',
    });
  });
});
