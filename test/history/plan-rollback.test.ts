import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runOf } from '../../src/history/change-id.js';
import { chooseRollback } from '../../src/history/choose-rollback.js';
import { planReturn, planUndo, type RollbackPlan } from '../../src/history/plan-rollback.js';
import { FIRST, type EndHistory, type HistoryRecord } from '../../src/history/record.js';
import { hubEnd as hub, record } from './sample-records.js';

const [first, second, third] = [record(1), record(2), record(3)];

/** `INTERFACE SPOKE undoes CHANGE`, phase by phase. */
const stepsOf = (plan: RollbackPlan | undefined): string[][] =>
  (plan?.phases ?? []).map((phase) =>
    phase.map(({ interface: name, spoke, request, removes }) => {
      const what = 'undo' in request ? request.undo : `to ${request.to}`;
      return `${name} ${spoke} ${what}${removes ? ' removes' : ''}`;
    }),
  );

describe('planUndo', () => {
  it('undoes the newest run, at all the tunnels that are in its state', () => {
    const plan = planUndo([hub(1, first, second), hub(2, first, third), hub(3, first, third)]);
    expect(plan?.run).toBe('run-3');
    expect(stepsOf(plan)).toEqual([['vxlan02 tokyo run-3.1', 'vxlan03 tokyo run-3.1']]);
  });

  it('undoes, asked again, the run before that, of all its tunnels', () => {
    const back = record(4, { restores: 'run-1' });
    const plan = planUndo([hub(1, first, second), hub(2, first, second), hub(3, first, third, back)]);
    expect(plan?.run).toBe('run-2');
    expect(stepsOf(plan)).toEqual([['vxlan01 tokyo run-2.1', 'vxlan02 tokyo run-2.1']]);
  });

  it('stays with a run as long as one of its tunnels could not be put back', () => {
    const back = record(4, { restores: 'run-2' });
    expect(stepsOf(planUndo([hub(1, first, second, third, back), hub(2, first, second, third)]))).toEqual([
      ['vxlan02 tokyo run-3.1'],
    ]);
  });

  it('passes by what came to nothing, and what a failed run found', () => {
    const found = record(3, { outcome: 'found', run: 'before-run-4' });
    const failed = record(4, { outcome: 'reverted' });
    expect(planUndo([hub(1, first, second, found, failed), hub(2, first)])?.run).toBe('run-2');
    expect(planUndo([hub(1, record(1, { outcome: 'window' }))])).toBeUndefined();
  });

  it('has nothing to undo where nothing is left of any run, or nothing was there before', () => {
    const found = record(1, { outcome: 'found', run: 'before-run-2' });
    const gone = hub(1, first, record(2, { restores: FIRST, hasFile: false }));
    const asFound = hub(2, found, second, record(3, { restores: 'before-run-2' }));
    expect(planUndo([gone, asFound])).toBeUndefined();
    expect(planUndo([gone, asFound, hub(3, first)])?.run).toBe('run-1');
  });

  it('undoes an edit by hand at the spoke alone, of which the hub knows only the name', () => {
    const back = record(4, { restores: 'run-1', otherRestores: 'before-run-3' });
    const plan = planUndo([hub(1, first, third, back), hub(2, first)]);
    expect(plan?.run).toBe('before-run-3');
    expect(stepsOf(plan)).toEqual([['vxlan01 tokyo before-run-3.1']]);
  });

  it('puts back a tunnel that a run has removed', () => {
    expect(stepsOf(planUndo([hub(1, first, record(2, { hasFile: false }))]))).toEqual([['vxlan01 tokyo run-2.1']]);
  });

  it('still names a run whose record is forgotten', () => {
    const plan = planUndo([hub(1, record(9, { restores: 'run-3' })), hub(2, first)]);
    expect([plan?.run, plan?.record]).toEqual(['run-3', undefined]);
  });

  describe('of a run that handed an interface on', () => {
    const run = 'run-2';
    const swapped = (id: number, from: string, to: string): EndHistory =>
      hub(
        id,
        record(1, { spoke: from }),
        record(2, { run, change: `${run}.1${id}`, spoke: from, hasFile: false }),
        record(3, { run, change: `${run}.2${id}`, spoke: to }),
      );
    const [one, two] = [swapped(1, 'tokyo', 'osaka'), swapped(2, 'osaka', 'tokyo')];

    it('takes both new tunnels away before it puts the old ones back', () => {
      expect(stepsOf(planUndo([one, two]))).toEqual([
        ['vxlan01 osaka run-2.21 removes', 'vxlan02 tokyo run-2.22 removes'],
        ['vxlan01 tokyo run-2.11', 'vxlan02 osaka run-2.12'],
      ]);
    });

    it('goes on with the rest when the first half is done already', () => {
      const half = hub(1, ...one.records, record(4, { restores: 'run-2.11', spoke: 'osaka', hasFile: false }));
      expect(stepsOf(planUndo([half]))).toEqual([['vxlan01 tokyo run-2.11']]);
    });

    it('refuses to undo it for one of the sites alone', () => {
      expect(() => planUndo([one], [two])).toThrow(/run-2 gave ids to other tunnels.*tokyo \(vxlan02\) too/);
      expect(() => planUndo([one], [hub(3, record(1, { spoke: 'lisbon' }))])).not.toThrow();
    });

    it('takes a site off its new id before it gets its old one back', () => {
      const left = hub(1, first, record(2, { run, change: 'run-2.1', hasFile: false }));
      const made = hub(5, record(1, { run, change: 'run-2.2' }));
      expect(stepsOf(planUndo([left, made]))).toEqual([['vxlan05 tokyo run-2.2 removes'], ['vxlan01 tokyo run-2.1']]);
    });
  });
});

describe('planReturn', () => {
  it('goes to what a run left, or found, wherever that is kept', () => {
    expect(stepsOf(planReturn([hub(1, first, second, third), hub(2, third)], 'run-2'))).toEqual([
      ['vxlan01 tokyo to run-2'],
    ]);
    expect(stepsOf(planReturn([hub(1, first, third)], 'before-run-3'))).toEqual([['vxlan01 tokyo to before-run-3']]);
    expect(planReturn([hub(1, record(2, { outcome: 'reverted' }))], 'run-2')).toBeUndefined();
  });
});

interface Action {
  readonly kind: 'deploy' | 'undo' | 'swap';
  /** Which tunnels a deploy is about. */
  readonly tunnels: readonly boolean[];
}

/**
 * A fleet's hub beside the obvious model: each tunnel has a stack of states, on which a run puts one (or two, when it hands the interface on),
 * and from which undoing the run takes them.
 */
class ModelledFleet {
  readonly stacks: (readonly { readonly run: string; readonly text: string }[])[] = [[], [], []];
  readonly #records: HistoryRecord[][] = [[], [], []];
  readonly #texts = new Map<string, string>();
  #runs = 10;
  #changes = 0;

  get hubs(): EndHistory[] {
    return this.#records.map((records, index) => hub(index + 1, ...records));
  }

  deploy(tunnels: readonly boolean[], times: number): void {
    const run = `run-${++this.#runs}`;
    tunnels.forEach((isIn, index) => {
      if (!isIn) return;
      for (let n = 0; n < times; n++) {
        const isLast = n === times - 1;
        const text = isLast ? `text ${this.#changes}` : 'none';
        this.#keep(index, run, null, text);
        this.stacks[index] = [...(this.stacks[index] ?? []), { run, text }];
      }
    });
  }

  /** false when there is nothing left to undo. */
  undo(): boolean {
    const plan = planUndo(this.hubs);
    const newest = this.stacks
      .flatMap((stack) => stack.at(-1)?.run ?? [])
      .toSorted()
      .at(-1);
    expect(plan?.run).toBe(newest);
    if (plan === undefined) return false;
    const rollback = `run-${++this.#runs}`;
    for (const step of plan.phases.flat()) {
      const index = Number(step.interface.slice(-1)) - 1;
      const end = this.hubs[index];
      if (end === undefined) throw new Error('there is no such tunnel');
      const target = chooseRollback({ hub: end, spoke: { ...end, records: [] } }, step.request).hub;
      if (target === undefined) throw new Error('the hub keeps everything');
      const text = target.kind === 'absent' ? 'none' : (this.#texts.get(target.record.change) ?? '');
      this.#keep(index, rollback, target.restores, text);
      const stack = (this.stacks[index] ?? []).slice(0, -1);
      this.stacks[index] = stack;
      expect(text).toBe(stack.at(-1)?.text ?? 'none');
      expect(step.removes).toBe(text === 'none');
    }
    for (const stack of this.stacks) expect(stack.at(-1)?.run).not.toBe(newest);
    return true;
  }

  #keep(index: number, run: string, restores: string | null, text: string): void {
    const change = `${run}.${++this.#changes}`;
    const records = (this.#records[index] ??= []);
    records.push(record(records.length + 1, { run, change, restores, hasFile: text !== 'none' }));
    this.#texts.set(change, text);
    expect(runOf(change)).toBe(run);
  }
}

describe('rolling a fleet back again and again', () => {
  const actions = fc.array(
    fc.record<Action>({
      kind: fc.constantFrom('deploy', 'deploy', 'undo', 'undo', 'swap'),
      tunnels: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    }),
    { maxLength: 20 },
  );

  it('undoes run after run, each at all its tunnels, whatever was done before', () => {
    fc.assert(
      fc.property(actions, (steps) => {
        const fleet = new ModelledFleet();
        for (const { kind, tunnels } of steps) {
          if (kind === 'undo') fleet.undo();
          else fleet.deploy(tunnels, kind === 'swap' ? 2 : 1);
        }
        while (fleet.undo());
        expect(fleet.stacks).toEqual([[], [], []]);
      }),
    );
  });
});
