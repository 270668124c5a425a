/**
 * What deploy, diff, rollback and verify have in common: inventory and templates before any connection, the hub first, then the tunnels, then
 * the recap. Signals end in an AbortSignal; what is in trial unwinds itself.
 */
import { toVxfleetError, VxfleetError } from '../errors.js';
import type { CommandName, Emit, TunnelResult } from '../events.js';
import { thrownResult } from '../change/tunnel-result.js';
import { foldDiffs, type EndDiff } from '../diff/fold-diffs.js';
import { connectHub, type Run } from '../jobs/run.js';
import { loadTemplates } from '../render/load-templates.js';
import type { TunnelPlan } from '../plan/plan.js';
import { renderFleet } from '../render/render-fleet.js';
import { noticesOnce } from '../report/notices-once.js';
import { withTimings } from '../report/step-timings.js';
import { makeRecap } from '../report/recap.js';
import type { HostOptions } from './common-options.js';
import type { FormerWay } from './former-ways.js';
import { loadFleet, type LoadedFleet } from './load-fleet.js';
import { openReporter } from './open-reporter.js';
import { withTransport } from './open-transport.js';
import { thisRun } from './run-identity.js';
import { withInterrupt } from './with-interrupt.js';

export interface RunSettings {
  readonly command: CommandName;
  /** May it change anything? One that does not shows all differences, folded, at the end. */
  readonly writes: boolean;
  /** Are the differences of a tunnel shown as it is changed? Else they need not be made. */
  readonly showsDiffs?: boolean;
  /** Are trials that a dead run has left ended before their window is over? */
  readonly takeover?: boolean;
  /** Seconds a trial may stay unconfirmed. */
  readonly windowSeconds: number;
  /** `diff --exit-code`. */
  readonly exitCodeOnDifference: boolean;
  /** `--ssh`. */
  readonly formerWays?: readonly FormerWay[];
  /** Throws usage for a LIMIT and options that do not go together. */
  readonly check?: () => void;
}

/** What a run is about, once the hub has been looked at. */
export interface Job {
  readonly tunnels: readonly TunnelPlan[];
  /** Emits each tunnel's result. When it rejects, the tunnels that have none failed by that. */
  readonly work: () => Promise<unknown>;
}

/** @param plan rejects when there is nothing that could be done */
export async function runCommand(
  limits: readonly string[],
  options: HostOptions,
  settings: RunSettings,
  plan: (run: Run, fleet: LoadedFleet) => Promise<Job>,
): Promise<number> {
  const identity = thisRun();
  const { command, windowSeconds, writes, takeover = false, exitCodeOnDifference } = settings;
  const started = performance.now();
  const reporter = await openReporter(options, options.output);
  try {
    settings.check?.();
    const fleet = await loadFleet(options, limits, settings.formerWays);
    const files = renderFleet(fleet.tunnels, loadTemplates(fleet.inventory.templates));
    const tell = noticesOnce(options.timings === true ? withTimings(reporter.emit) : reporter.emit);
    return await withInterrupt(tell, async (signal, emit) =>
      withTransport(options, fleet, emit, async ({ transport, endQuestions, confirm, becomePasswordOf }) => {
        const session = { identity, windowSeconds, writes, becomePasswordOf };
        const reaching = { fleet: fleet.plan, tunnels: fleet.tunnels, transport, session };
        // Questions and the hub first, and only then the live view: a person is asked on a terminal that nothing else draws on.
        emit({ event: 'hub', step: 'connect', message: `connecting to ${fleet.plan.hub.ssh.host}` });
        const hub = await connectHub(reaching).catch((error: unknown) => toVxfleetError(error));
        const start = (total: number): void => {
          endQuestions();
          emit({ event: 'start', run: identity.run, command, total });
        };
        const diffs: EndDiff[] = [];
        const tellDiffs = (found: readonly EndDiff[]): void => foldDiffs(found).forEach(emit);
        const onDiff = writes ? tellDiffs : (found: readonly EndDiff[]): void => void diffs.push(...found);
        const run = {
          ...reaching,
          ...{ files, takeover, verifySeconds: options.verifyTimeout, signal, emit, confirm },
          formerWays: fleet.formerWays,
          proven: new Set<TunnelPlan>(),
          spokes: new Map<string, string>(),
          onDiff: writes && settings.showsDiffs !== true ? undefined : onDiff,
        };
        const results =
          hub instanceof VxfleetError
            ? failAll(fleet, hub, start, emit)
            : await workFromHub({ ...run, hub }, start, async (made) => plan(made, fleet));
        tellDiffs(diffs.sort((a, b) => a.id - b.id));
        const recap = makeRecap(identity.run, command, results, performance.now() - started, {
          interrupted: signal.aborted,
          exitCodeOnDifference,
        });
        emit(recap);
        return recap.exit_code;
      }),
    );
  } finally {
    await reporter.finish();
  }
}

/** Without the hub there is nothing to do on any spoke: every tunnel's result is the hub's error. */
function failAll(
  fleet: LoadedFleet,
  error: VxfleetError,
  start: (total: number) => void,
  emit: Emit,
): readonly TunnelResult[] {
  start(fleet.tunnels.length);
  return fleet.tunnels.map((tunnel) => {
    const result = thrownResult(tunnel, error);
    emit({ event: 'tunnel', ...result });
    return result;
  });
}

/** What has a result keeps it, whatever happens after. */
export async function workFromHub(
  given: Run,
  start: (total: number) => void,
  plan: (run: Run) => Promise<Job>,
): Promise<readonly TunnelResult[]> {
  const { hub } = given;
  const results: TunnelResult[] = [];
  const emit: Emit = (event) => {
    if (event.event === 'tunnel') results.push(resultOf(event));
    given.emit(event);
  };
  const run = { ...given, emit };
  try {
    const { tunnels, work } = await plan(run);
    start(tunnels.length);
    emit({ event: 'hub', step: 'inspect', message: `ready, ${hub.facts.links.size} VXLAN interfaces there` });
    await work().catch((error: unknown) => {
      for (const result of unfinished(tunnels, results, error)) emit({ event: 'tunnel', ...result });
    });
    return results;
  } finally {
    await hub.close();
  }
}

function resultOf(event: { readonly event: 'tunnel' } & TunnelResult): TunnelResult {
  const { event: _, ...result } = event;
  return result;
}

/** What an error that ended the work makes of the tunnels that have no result. */
function unfinished(tunnels: readonly TunnelPlan[], results: readonly TunnelResult[], error: unknown): TunnelResult[] {
  const left = results.map(keyOf);
  return tunnels.flatMap((tunnel) => {
    const at = left.indexOf(keyOf(tunnel));
    if (at >= 0) left.splice(at, 1);
    return at >= 0 ? [] : [thrownResult(tunnel, error)];
  });
}

const keyOf = ({ spoke, interface: name }: Pick<TunnelResult, 'spoke' | 'interface'>): string => `${spoke} ${name}`;
