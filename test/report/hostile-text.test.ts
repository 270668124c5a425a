/* oxlint-disable no-control-regex */
/** Whatever stands in an event, in a history or in an error: nothing of it that a terminal would act on, or that hides, reaches one. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tellError } from '../../src/commands/tell-error.js';
import { VxfleetError } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';
import { formatProblems } from '../../src/inventory/format-problems.js';
import { makeRecap } from '../../src/report/recap.js';
import { createReporter, type OutputMode } from '../../src/report/reporter.js';
import { formatHistory, historyToJson } from '../../src/report/format-history.js';
import type { TunnelChange } from '../../src/history/match-ends.js';
import { changedTunnel, revertedTunnel } from './sample-results.js';

/** What our own reporters write: colours, the cursor, and erasing. None of it is in the texts below. */
const OURS = /\x1b\[(?:(?:[0-9]{1,2}|1;97;41)m|[0-9]+A|J|\?(?:25|7)[lh])|\r/g;
/** By code points, so that it does not share a mistake with the sanitiser. */
const isHarmful = (code: number): boolean =>
  (code < 0x20 && code !== 0x0a && code !== 0x09) ||
  (code >= 0x7f && code <= 0x9f) ||
  [0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x3164, 0xfeff, 0xffa0].includes(code) ||
  (code >= 0x17b4 && code <= 0x17b5) ||
  (code >= 0x180b && code <= 0x180f) ||
  (code >= 0x200b && code <= 0x200f) ||
  (code >= 0x2028 && code <= 0x202e) ||
  (code >= 0x2060 && code <= 0x206f) ||
  (code >= 0xfe00 && code <= 0xfe0f) ||
  (code >= 0xfff9 && code <= 0xfffb) ||
  (code >= 0xd800 && code <= 0xdfff) ||
  (code >= 0xe0000 && code <= 0xe0fff);
const harmful = (text: string): string[] =>
  [...text]
    .filter((one) => isHarmful(one.codePointAt(0) ?? 0))
    .map((one) => `U+${(one.codePointAt(0) ?? 0).toString(16)}`);

const PARTS = [
  ...[
    '\x1b]0;owned\x07',
    '\x1b[5m',
    '\x1b[2J',
    '\x1b[8;31;40m',
    '\x9b2J',
    '\x90q\x9c',
    '\x1bc',
    '\x1b',
    '\x00',
    '\x08',
    '\x0b',
    '\x7f',
  ],
  ...[
    '\r',
    '\n',
    '\r\n',
    '\t',
    '\u2028',
    '\u2029',
    '\u202e',
    '\u2066',
    '\u200e',
    '\u061c',
    '\u200b',
    '\u200d',
    '\u2060',
    '\ufeff',
  ],
  ...['\u00ad', '\u034f', '\u3164', '\ufe0f', '\u{e0041}', '\udc80', '\ud800', 'warning: ', 'tokyo', ' ', 'ü', '漢'],
] as const;
const hostile = fc.string({ unit: fc.constantFrom(...PARTS), maxLength: 12 });

/** Every text of an event is another, but for its kind and what is one of a few words. */
const WORDS = [
  'event',
  'status',
  'hub',
  'spoke',
  'step',
  'command',
  'level',
  'end',
  'from',
  'prefix',
  'code',
  'layer',
  'put_back',
];
function spoil(value: unknown, next: () => string, key = ''): unknown {
  if (typeof value === 'string') return WORDS.includes(key) && key !== 'spoke' ? value : next();
  if (Array.isArray(value)) return value.map((one) => spoil(one, next));
  if (typeof value !== 'object' || value === null) return value;
  // The ends' statuses are words too.
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, key === 'ends' ? one : spoil(one, next, name)]),
  );
}

const tunnels = [changedTunnel(1), revertedTunnel(10), { ...revertedTunnel(11), status: 'unknown' as const }];
const skipped = {
  ...changedTunnel(12),
  status: 'skipped' as const,
  error: { code: 'interrupted' as const, end: null, layer: null, message: 'm', hint: 'h' },
};
const recap = makeRecap('r1', 'deploy', [...tunnels, skipped], 1234, {
  interrupted: false,
  exitCodeOnDifference: false,
});
const EVENTS: readonly RunEvent[] = [
  { event: 'hub', step: 'connect', message: 'm' },
  { event: 'start', run: 'r1', command: 'deploy', total: 2 },
  { event: 'notice', level: 'warning', message: 'm' },
  { event: 'notice', level: 'info', message: 'm' },
  { event: 'trace', message: 'm' },
  { event: 'step', spoke: 'tokyo', interface: 'vxlan01', step: 'trial' },
  { event: 'diff', spokes: ['tokyo', 'osaka'], ids: [1, 10], end: 'spoke', text: '--- a\n', drift: ['d'] },
  { event: 'diff', spokes: ['tokyo'], ids: [1], end: 'hub', text: '--- a\n', drift: ['d'] },
  ...[...tunnels, skipped].map((tunnel) => ({ event: 'tunnel' as const, ...tunnel })),
  {
    event: 'timings',
    steps: [{ step: 'trial', tunnels: 1, median_ms: 1, p95_ms: 1, slowest_ms: 1, slowest: 'tokyo' }],
  },
  { ...recap, transit_unproven: ['tokyo'] },
];

class Sink {
  text = '';
  readonly columns = 80;
  readonly rows = 24;
  readonly isTTY: boolean;
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string, written?: () => void): boolean {
    this.text += text;
    written?.();
    return true;
  }
}

async function shown(mode: OutputMode, isTTY: boolean, events: readonly RunEvent[]): Promise<string> {
  const io = { stdout: new Sink(isTTY), stderr: new Sink(isTTY), color: isTTY, verbose: true };
  const reporter = await createReporter(mode, io);
  for (const event of events) reporter.emit(event);
  await reporter.finish();
  return io.stdout.text + io.stderr.text;
}

describe.each<[OutputMode, boolean]>([
  ['plain', false],
  ['plain', true],
  ['live', true],
  ['auto', true],
  ['json', true],
])('a run that is shown %s (terminal: %s)', (mode, isTTY) => {
  it('shows nothing of a host that is more than text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 20 }), async (texts) => {
        let at = 0;
        const next = (): string => `${texts[at++ % texts.length] ?? ''}x`;
        const events = EVENTS.map((event) => spoil(event, next) as RunEvent);
        expect(harmful((await shown(mode, isTTY, events)).replace(OURS, ''))).toEqual([]);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('has no line that a host could have begun', async () => {
    const events = EVENTS.map((event) => spoil(event, () => 'a\nFORGED: all is well\r\nFORGED') as RunEvent);
    const text = (
      await shown(
        mode,
        isTTY,
        events.filter(({ event }) => event !== 'diff'),
      )
    ).replace(OURS, '');
    expect(text).not.toMatch(/^FORGED/m);
  });
});

describe('what else is printed', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('of an error is harmless, its stack and what caused it included', () => {
    fc.assert(
      fc.property(hostile, hostile, (message, hint) => {
        let text = '';
        const write = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
          text += String(chunk);
          return true;
        });
        tellError(new VxfleetError('host', message, { hint }), []);
        tellError(
          new VxfleetError('internal', message, { hint, cause: new SyntaxError(`Cannot convert ${message}\nFORGED`) }),
          [],
        );
        tellError(new TypeError(message), []);
        write.mockRestore();
        expect(harmful(text)).toEqual([]);
        expect(text).not.toMatch(/^(?!vxfleet:|\s)./m);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it('of a history and of an inventory is harmless', () => {
    fc.assert(
      fc.property(hostile, hostile, (operator, command) => {
        const change: TunnelChange = {
          ...{ change: 'r.1', run: 'r', time: '2026-11-23T12:00:05Z', operator, command, spoke: 'tokyo' },
          ...{ interface: 'vxlan01', id: 1 },
          ends: { hub: { outcome: 'confirmed', restores: null, has_file: true }, spoke: null },
        };
        for (const width of [40, 200]) {
          expect(harmful(formatHistory([change], { color: false, width, read: ['hub'] }))).toEqual([]);
        }
        const notes = { warnings: [operator], unread: [] };
        expect(harmful(historyToJson([change], notes))).toEqual([]);
        expect(JSON.parse(historyToJson([change], notes))).toMatchObject({ warnings: [operator] });
        const problem = { file: operator, line: 1, column: 1, message: command, sourceLine: operator, fix: command };
        expect(harmful(formatProblems([problem]))).toEqual([]);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('is written to a terminal in few places, each of which makes it harmless', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const writing = files.filter((file) =>
      /process\.std(?:out|err)\.write|console\./.test(readFileSync(join('src', file), 'utf8')),
    );
    // A new one has to be looked at: what of it is a host's, and goes through printable.ts?
    expect(writing.toSorted()).toEqual([
      'commands/history-command.ts',
      'commands/inventory-command.ts',
      'commands/lab-command.ts',
      'commands/questions.ts',
      'commands/render-command.ts',
      'commands/tell-error.ts',
    ]);
  });
});
