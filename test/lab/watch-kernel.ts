/** Looks at the hosts of a lab before and after each run that may change them: what a run says it has put back must be as it was. */
import { expect } from 'vitest';
import type { Recap, TunnelStatus } from '../../src/events.js';
import type { Outcome } from './harness.js';
import { kernelState, type KernelState } from './kernel-state.js';

interface Hosts {
  readonly names: readonly string[];
  exec(host: string, argv: readonly string[]): Promise<Outcome>;
}
type States = ReadonlyMap<string, KernelState>;

/** With every other status of its tunnel a host is what it was before the run. */
const CHANGED = new Set<TunnelStatus>(['changed', 'unknown', 'rolled_back', 'removed', 'removed_at_hub']);

/**
 * @returns what runs a command of vxfleet and watches it. Two things are expected of each `deploy` and `rollback` that ends in a recap of JSON:
 * 1. A host whose tunnels were not changed (reverted, refused, skipped, …) has the same kernel state as before.
 * 2. After a rollback or a prune, a host whose files are the same as before an earlier run has the kernel state that it had then.
 * A host on which a trial is open is not looked at.
 */
export function watchKernel(hosts: Hosts): (argv: readonly string[], run: () => Promise<Outcome>) => Promise<Outcome> {
  /** By host and files: the last state with these files that a run has begun from. */
  const known = new Map<string, KernelState>();
  /** Runs that go on beside each other say nothing about who has done what. */
  let running = 0;
  let started = 0;

  return async (argv, run) => {
    if (!mayChange(argv)) return run();
    const selected = selectHosts(hosts.names, argv);
    running += 1;
    started += 1;
    const wasAlone = running === 1;
    const order = started;
    try {
      const before = await statesOf(hosts, selected);
      const outcome = await run();
      const recap = recapOf(outcome);
      if (recap !== undefined && wasAlone && order === started) await compare(before, recap, argv);
      for (const [host, state] of before) if (isUp(state)) known.set(keyOf(host, state), state);
      return outcome;
    } finally {
      running -= 1;
    }
  };

  async function compare(before: States, recap: Recap, argv: readonly string[]): Promise<void> {
    const isWayBack = recap.exit_code === 0 && (argv[0] === 'rollback' || argv.includes('--prune'));
    const changed = new Set(recap.tunnels.filter(({ status }) => CHANGED.has(status)).map(({ spoke }) => spoke));
    // A spoke of another name than its host's may have changed any of them.
    const isAnywhere = [...changed].some((spoke) => !hosts.names.includes(spoke));
    const after = await statesOf(hosts, [...before.keys()]);
    for (const [host, state] of after) {
      const mayDiffer = host === 'hub' ? changed.size > 0 : isAnywhere || changed.has(host);
      const expected = !mayDiffer ? before.get(host) : isWayBack ? known.get(keyOf(host, state)) : undefined;
      // A trial of another run goes on by itself.
      if (isInTrial(state) || isInTrial(before.get(host) ?? [])) continue;
      if (expected !== undefined) expect({ argv, [host]: state }).toEqual({ argv, [host]: expected });
    }
  }
}

const mayChange = ([command, ...options]: readonly string[]): boolean =>
  (command === 'deploy' || command === 'rollback') && options.includes('json') && !options.includes('--dry-run');

/** The hub, and the hosts that the LIMIT names; all of them when it names none. */
function selectHosts(names: readonly string[], argv: readonly string[]): readonly string[] {
  const named = names.filter((name) => name !== 'hub' && argv.includes(name));
  return named.length === 0 ? names : ['hub', ...named];
}

/** A host that is dead has no state. */
async function statesOf(hosts: Hosts, names: readonly string[]): Promise<States> {
  const found = await Promise.all(
    names.map(async (name) => [name, await kernelState(hosts, name).catch(() => undefined)] as const),
  );
  return new Map(found.filter((entry): entry is [string, KernelState] => entry[1] !== undefined));
}

const keyOf = (host: string, state: KernelState): string =>
  [host, ...state.filter((line) => line.startsWith('file '))].join('\n');

const isInTrial = (state: KernelState): boolean => state.some((line) => /^(?:run vxlan|file \.vxlan)/.test(line));

/** Whoever has taken a tunnel down by hand gets it back by a rollback. */
function isUp(state: KernelState): boolean {
  const count = (pattern: RegExp): number => state.filter((line) => pattern.test(line)).length;
  return count(/^file vxlan\S+ 000:/) === count(/^link vxlan/);
}

function recapOf({ stdout }: Outcome): Recap | undefined {
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return last.startsWith('{"event":"recap"') ? (JSON.parse(last) as Recap) : undefined;
}
