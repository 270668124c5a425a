/** Whole runs with hosts that say anything: each tunnel ends in a result, whose failure is never a bug of ours. */
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { deployTunnel } from '../../src/jobs/deploy-tunnel.js';
import { fetchHistory, gatherHistory, newestPlan } from '../../src/jobs/gather-history.js';
import { pruneTunnel } from '../../src/jobs/prune-tunnel.js';
import { connectHub, type Run } from '../../src/jobs/run.js';
import { verifyTunnel } from '../../src/jobs/verify-tunnel.js';
import { VxfleetError } from '../../src/errors.js';
import type { TunnelResult } from '../../src/events.js';
import type { End } from '../../src/plan/plan.js';
import { loadTemplates } from '../../src/render/load-templates.js';
import { renderFleet } from '../../src/render/render-fleet.js';
import type { Session, Transport } from '../../src/ssh/transport.js';
import { planChecks } from '../../src/verify/plan-checks.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { storedFile } from '../history/sample-records.js';
import { garbage, spoilt } from './hostile-text.js';
import { soundAnswer } from './sound-answer.js';

// Hosts that cannot be asked any more are asked again after a second.
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }));

const { fleet, tunnel } = samplePlan();
const files = renderFleet(fleet.tunnels, loadTemplates(undefined));
const record = storedFile(1, 'confirmed', { plan: tunnel, spoke: 'osaka' });

type Values = Record<string, string>;
type Draw = <T>(arbitrary: () => fc.Arbitrary<T>) => T;

function soundAnswers(end: End): Record<string, Values> {
  const answer = soundAnswer(end);
  const live = files.of(tunnel, end, { ifupdown: 'ifupdown', mtu: 1450 }).text ?? '';
  return {
    inspect: { ...answer, 'file:vxlan0a': live },
    state: { network: answer['network'] ?? '' },
    probe: {
      pings: planChecks(fleet, tunnel, 1450)
        .map(({ key }) => `${key} 0 0.1`)
        .join('\n'),
      answered_at: '9',
      fragments: '0',
    },
    trial: { down_at: '7', output: '' },
    settle: { outcome: 'peer' },
    intrude: { counters: 'vxlan0a_in 3' },
    history: { [`vxlan0a/${record.name}`]: record.header, damaged: '' },
    generation: { content: record.content },
  };
}

/** By which device the packets of these questions would go. */
const withWays = (values: Values, payload: string): Values => {
  const ways = [...payload.matchAll(/^route get (\S+) from (\S+)$/gm)].map(
    ([, dst, from]) => `${JSON.stringify([{ dst, from, dev: 'vxlan0a', flags: [] }])}\n`,
  );
  return { ...values, network: `${values['network'] ?? ''}${ways.join('')}` };
};

const OUTCOMES = ['ok', 'ok', 'ok', 'ok', 'ok', 'late', 'unknown it has no trial', 'full no space'];

/** Answers every command at once, with something. */
function hostileTransport(draw: Draw, fault: () => boolean): Transport {
  return {
    open: async (host) => {
      const sound = soundAnswers(host === 'hub' ? 'hub' : 'spoke');
      let hear = (_chunk: Buffer): void => {};
      let nonce = '';
      const session: Session = {
        host,
        ended: new Promise(() => {}),
        onData: (listener) => void (hear = listener),
        close: async () => {},
        destroy: () => {},
        write: (data) => {
          const text = data.toString();
          if (nonce === '') return void (nonce = /nonce => '(\w+)'/.exec(text)?.[1] ?? '');
          const [, sequence, verb = ''] = /^([1-9]\d*) (\w+)/.exec(text) ?? [];
          if (sequence === undefined) return;
          const all = verb === 'state' ? withWays(sound[verb] ?? {}, text) : (sound[verb] ?? {});
          const values = fault() ? draw(() => spoilt(all)) : new Map(Object.entries(all));
          const outcome = fault() ? draw(() => fc.oneof(fc.constantFrom(...OUTCOMES), garbage)) : 'ok';
          const lines = [...values].map(([key, value]) => {
            const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
            return `${nonce} ${sequence} ${key} ${escaped}\n`;
          });
          setImmediate(() =>
            hear(Buffer.from(`${lines.join('')}${nonce} ${sequence} ! ${outcome.replaceAll('\n', ' ')}\n`)),
          );
        },
      };
      return session;
    },
  };
}

async function runOf(transport: Transport, writes: boolean): Promise<Run> {
  const identity = { run: 'run-a', operator: 'alice@bastion', since: '2026-11-23T12:00:00Z', command: 'deploy' };
  const session = { identity, windowSeconds: 60, writes };
  const reaching = { fleet, tunnels: fleet.tunnels, transport, session };
  return {
    ...reaching,
    ...{ files, takeover: false, verifySeconds: 1, signal: new AbortController().signal, emit: () => {} },
    ...{ formerWays: new Map(), proven: new Set(), spokes: new Map(), confirm: async () => undefined },
    onDiff: () => {},
    hub: await connectHub(reaching),
  };
}

/** What ended it: each failure is a host's. */
async function outcomeOf(work: () => Promise<readonly TunnelResult[]>): Promise<string[]> {
  try {
    return (await work()).map(({ status, error }) => {
      if (error?.code === 'internal') throw new Error(error.message);
      return status;
    });
  } catch (error) {
    if (error instanceof VxfleetError && error.code !== 'internal') return [error.code];
    throw error;
  }
}

it('ends in results, whatever the hosts say and whenever they begin to', async () => {
  const seen = new Map<string, number>();
  const count = (words: readonly string[]): void => words.forEach((word) => seen.set(word, (seen.get(word) ?? 0) + 1));
  await fc.assert(
    fc.asyncProperty(fc.gen(), fc.nat(12), async (gen, soundFirst) => {
      const draw: Draw = (arbitrary) => gen(arbitrary);
      let asked = 0;
      // At first all is well: else nothing but the first answers would be tried.
      const fault = (): boolean => asked++ >= soundFirst * 2 && gen(() => fc.integer({ min: 0, max: 3 })) === 0;
      const transport = hostileTransport(draw, fault);
      const admit = async (): Promise<null> => null;
      const options = { force: true, adopt: true, mayPrune: () => true, gone: [], ends: 'both' } as const;
      count(await outcomeOf(async () => verifyTunnel(await runOf(transport, false), tunnel)));
      count(await outcomeOf(async () => deployTunnel(await runOf(transport, true), tunnel, options, admit)));
      count(await outcomeOf(async () => pruneTunnel(await runOf(transport, true), tunnel, true, admit)));
      count(
        await outcomeOf(async () => {
          const { hub, session } = await runOf(transport, false);
          const { ends } = await fetchHistory(hub, []);
          await newestPlan(hub, ends.get('vxlan0a'));
          const { unread } = await gatherHistory(
            { fleet, transport, session, forks: 2 },
            { tunnels: [tunnel], ends: 'both' },
          );
          for (const { error } of unread) if (error.code === 'internal') throw error;
          return [];
        }),
      );
    }),
    { seed: 20_261_128, numRuns: 60 },
  );
  // It came further than the first answers.
  expect([...seen.keys()]).toEqual(expect.arrayContaining(['unchanged', 'failed', 'protocol']));
}, 120_000);
