/** A session whose host does not do what was asked, without a host. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HostSession } from '../../src/host/host-session.js';
import type { Session, SessionEnd, Transport } from '../../src/ssh/transport.js';

const TARGET = {
  host: 'tokyo',
  port: 22,
  user: 'root',
  isOfInventory: true,
  identityFile: undefined,
  proxyJump: undefined,
};
const OPTIONS = {
  identity: { run: 'run-a', operator: 'alice@bastion', since: '2026-11-23T12:00:00Z', command: 'verify' },
  windowSeconds: 60,
  writes: false,
} as const;

/** A session that says and ends as it is told. */
function scripted() {
  let say: (chunk: Buffer) => void = () => {};
  let end: (end: SessionEnd) => void = () => {};
  let nonce = '';
  const ended = new Promise<SessionEnd>((resolve) => (end = resolve));
  const close = vi.fn<Session['close']>(async () =>
    end({ exitCode: 0, signal: null, lost: null, stderr: 'on stderr\n' }),
  );
  const session: Session = {
    host: 'tokyo',
    ended,
    write: (data) => void (nonce ||= /nonce => '(\w+)'/.exec(data.toString())?.[1] ?? ''),
    onData: (listener) => void (say = listener),
    close,
    destroy: () => {},
  };
  const transport: Transport = { open: async () => session };
  const endWith = (exitCode: number | null, lost: string | null = null): void =>
    end({ exitCode, signal: null, lost, stderr: '' });
  return { transport, close, say: (words: string) => say(Buffer.from(words.replaceAll('NONCE', nonce))), endWith };
}

describe('a host', () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  const start = async () => {
    const host = scripted();
    const session = await HostSession.open(host.transport, 'tokyo', TARGET, OPTIONS);
    const answer = session.call({ verb: 'history', args: [], timeoutMs: 1000 }).then(
      () => expect.fail('it was answered'),
      (error: unknown) => error,
    );
    return { ...host, session, answer };
  };

  it('that starts nothing of ours is given up after 30 s, with its last words', async () => {
    vi.useFakeTimers();
    const { answer, close, say, session } = await start();
    say('one moment please\n');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await answer).toMatchObject({
      code: 'timeout',
      message: "tokyo let root in, but did not start vxfleet's program within 30 s (on stderr)",
    });
    // Nothing of ours has to be taken back there.
    expect(close).toHaveBeenCalledExactlyOnceWith(1000);
    await expect(session.call({ verb: 'history', args: [], timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'timeout',
    });
  });

  it('that has said hello is waited for as long as its work takes', async () => {
    vi.useFakeTimers();
    const { answer, close, say } = await start();
    say('noise NONCE 0 hello 5.036\n');
    await vi.advanceTimersByTimeAsync(30_500);
    expect(close).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(500);
    expect(await answer).toMatchObject({ code: 'timeout', message: 'tokyo did not answer history within 31 s' });
  });

  it('that ends before it has begun is not lost', async () => {
    const { answer, say, endWith } = await start();
    say('only backups here\n');
    endWith(5);
    expect(await answer).toMatchObject({
      code: 'protocol',
      message: "tokyo let root in, and ended with status 5 before it ran vxfleet's program (only backups here)",
    });
  });

  it('whose connection breaks before it has begun is lost', async () => {
    const { answer, endWith } = await start();
    endWith(null, 'the host closed the connection');
    expect(await answer).toMatchObject({ code: 'lost', message: 'lost tokyo: the host closed the connection' });
  });
});
