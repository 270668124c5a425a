/** Whatever bytes a host sends: its session answers or fails, alone, and keeps no more than its bound. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { FrameReader } from '../../src/host/frames.js';
import { HostSession } from '../../src/host/host-session.js';
import { openAsRoot } from '../../src/host/open-as-root.js';
import type { Session, SessionEnd, Transport } from '../../src/ssh/transport.js';
import { garbage, SEEDED } from './hostile-text.js';

const TARGET = {
  ...{ host: 'tokyo', port: 22, user: 'root', identityFile: undefined, proxyJump: undefined },
  isOfInventory: true,
};
const OPTIONS = {
  identity: { run: 'run-a', operator: 'alice@bastion', since: '2026-11-23T12:00:00Z', command: 'verify' },
  windowSeconds: 60,
  writes: false,
} as const;
const MIB = 1024 * 1024;

interface Hostile {
  readonly transport: Transport;
  readonly say: (chunk: Buffer | string) => void;
  readonly end: (end: Partial<SessionEnd>) => void;
  isDestroyed: boolean;
  nonce: string;
}

function hostile(): Hostile {
  let hear: (chunk: Buffer) => void = () => {};
  let finish: (end: SessionEnd) => void = () => {};
  const ended = new Promise<SessionEnd>((resolve) => (finish = resolve));
  const end = (some: Partial<SessionEnd>): void =>
    finish({ exitCode: null, signal: null, lost: null, stderr: '', ...some });
  const host: Hostile = {
    transport: { open: async () => session },
    say: (chunk) => hear(Buffer.from(chunk as string)),
    end,
    isDestroyed: false,
    nonce: '',
  };
  const session: Session = {
    host: 'tokyo',
    ended,
    write: (data) => void (host.nonce ||= /nonce => '(\w+)'/.exec(data.toString())?.[1] ?? ''),
    onData: (listener) => void (hear = listener),
    close: async () => end({ exitCode: 0 }),
    destroy: () => {
      host.isDestroyed = true;
      end({ lost: 'destroyed' });
    },
  };
  return host;
}

async function asked(name = 'tokyo') {
  const host = hostile();
  const session = await HostSession.open(host.transport, name, TARGET, OPTIONS);
  const answer = session.call({ verb: 'history', args: [], timeoutMs: 60_000 }).catch((error: unknown) => error);
  return { host, session, answer };
}

/** A failure of that host's. */
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, host: 'tokyo', message: expect.stringMatching(message) });

describe('a host that says too much', () => {
  it('fails by an answer without an end', async () => {
    const { host, session, answer } = await asked();
    const line = `${host.nonce} 1 key ${'x'.repeat(3000)}\n`;
    const chunk = line.repeat(300);
    let sent = 0;
    while (!host.isDestroyed && sent < 64 * MIB) {
      host.say(chunk);
      sent += chunk.length;
    }
    expect(sent).toBeLessThan(10 * MIB);
    expect(await answer).toEqual(failure('protocol', /sent an answer of more than/));
    // Whatever comes after it is heard by nobody.
    host.say(chunk);
    await expect(session.call({ verb: 'state', args: [], timeoutMs: 1 })).rejects.toMatchObject({ code: 'protocol' });
  });

  it.each<[string, (nonce: string, count: number) => string]>([
    ['keys', (nonce, count) => `${nonce} 1 k${count} \n`],
    ['answers that nobody waits for', (nonce, count) => `${nonce} ${count + 2} key value\n`],
    ['numbers that are none', (nonce, count) => `${nonce} x${count} key value\n`],
    ['noise in lines', (_, count) => `${count} is a number\n`],
    ['noise in one line', () => 'x'.repeat(100)],
  ])('fails by a flood of %s', async (_, lineOf) => {
    const { host, answer } = await asked();
    host.say(`${host.nonce} 0 hello 5.036\n`);
    let sent = 0;
    for (let count = 0; !host.isDestroyed && sent < 64 * MIB; count += 1000) {
      const chunk = Array.from({ length: 1000 }, (_unused, index) => lineOf(host.nonce, count + index)).join('');
      host.say(chunk);
      sent += chunk.length;
    }
    expect(sent).toBeLessThan(20 * MIB);
    expect(await answer).toEqual(failure('protocol', /^tokyo sent/));
  });

  it('is heard out where a hub has as much to say', async () => {
    const { host, answer } = await asked('hub');
    const line = `${host.nonce} 1 key ${'x'.repeat(3000)}\n`;
    for (let sent = 0; sent < 16 * MIB; sent += 300 * line.length) host.say(line.repeat(300));
    host.say(`${host.nonce} 1 ! ok\n`);
    expect(await answer).toMatchObject({ ok: true });
  });
});

describe('a host that says what is no answer', () => {
  const frame = (nonce: string): fc.Arbitrary<string> =>
    fc.oneof(
      fc.tuple(fc.nat(3), garbage, garbage).map(([sequence, key, value]) => `${nonce} ${sequence} ${key} ${value}\n`),
      fc.tuple(fc.nat(3), garbage).map(([sequence, text]) => `${nonce} ${sequence} ! ${text}\n`),
      garbage.map((text) => `${nonce}${text}\n`),
      garbage,
    );

  it('is answered for, or fails alone, in whatever order and pieces it comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame('NONCE'), { maxLength: 12 }),
        fc.integer({ min: 1, max: 50 }),
        async (said, size) => {
          const { host, answer } = await asked();
          const bytes = Buffer.from(said.join('').replaceAll('NONCE', host.nonce));
          for (let at = 0; at < bytes.length; at += size) host.say(bytes.subarray(at, at + size));
          host.end({ exitCode: 1, stderr: said.join('') });
          const outcome = await answer;
          if (outcome instanceof Error) {
            expect(outcome).toBeInstanceOf(VxfleetError);
            expect(['protocol', 'lost', 'timeout']).toContain((outcome as VxfleetError).code);
          } else expect(outcome).toHaveProperty('values');
        },
      ),
      SEEDED,
    );
  });

  it('keeps the reader in step with the chunks it is cut into', () => {
    fc.assert(
      fc.property(fc.array(frame('n'), { maxLength: 8 }), fc.integer({ min: 1, max: 20 }), (said, size) => {
        const read = (step: number): string => {
          const replies: string[] = [];
          const reader = new FrameReader('n', {
            isAsked: () => true,
            onReply: (sequence, { text, values }) => void replies.push(JSON.stringify([sequence, text, [...values]])),
            mostBytes: MIB,
          });
          const bytes = Buffer.from(said.join(''));
          for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
          return replies.join('\n');
        };
        // Of noise without an end only the last part is kept.
        if (
          said
            .join('')
            .split('\n')
            .every((line) => line.length < 3000)
        )
          expect(read(size)).toBe(read(1 << 20));
      }),
      SEEDED,
    );
  });

  it('as sudo, is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(garbage, { maxLength: 6 }), async (said) => {
        const host = hostile();
        const opening = openAsRoot(host.transport, 'tokyo', TARGET, 'exit', 'secret').catch((error: unknown) => error);
        await Promise.resolve();
        for (const text of said) host.say(text);
        host.say('x'.repeat(100_000));
        host.end({ exitCode: 1, stderr: said.join('') });
        const refusal = await opening;
        expect(refusal).toBeInstanceOf(VxfleetError);
        expect((refusal as VxfleetError).message.length).toBeLessThan(1000);
      }),
      { ...SEEDED, numRuns: 50 },
    );
  });
});
