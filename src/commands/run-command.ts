/**
 * What deploy, diff, rollback and verify have in common: inventory and templates before any connection, the hub first, then the tunnels, then
 * the recap. Signals end in an AbortSignal; what is in trial unwinds itself.
 */
import { toVxfleetError, VxfleetError } from '../errors.js';
import type { CommandName, Emit, Recap, TunnelResult } from '../events.js';
import type { Host } from '../host/host.js';
import { connectHub, type FleetAccess } from '../deploy/open-tunnel.js';
import { thrownResult } from '../deploy/tunnel-result.js';
import { loadTemplates } from '../render/load-templates.js';
import { renderFleet } from '../render/render-fleet.js';
import { noticesOnce } from '../report/notices-once.js';
import { withTimings } from '../report/step-timings.js';
import { makeRecap } from '../report/recap.js';
import type { HostOptions } from './common-options.js';
import { loadFleet, type LoadedFleet } from './load-fleet.js';
import { openReporter } from './open-reporter.js';
import { withTransport } from './open-transport.js';
import { thisRun } from './run-identity.js';
import { withInterrupt } from './with-interrupt.js';

export interface RunContext {
  readonly fleet: LoadedFleet;
  readonly access: FleetAccess;
  readonly hub: Host;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface RunSettings {
  readonly command: CommandName;
  /** May it change anything? */
  readonly writes: boolean;
  /** Seconds a trial may stay unconfirmed. */
  readonly windowSeconds: number;
  /** `diff --exit-code`. */
  readonly exitCodeOnDifference: boolean;
  /** Throws usage for a LIMIT and options that do not go together. */
  readonly check?: () => void;
}

/** What a run is about, once the hub has been looked at. */
export interface Job {
  /** Tunnels. */
  readonly total: number;
  /** All the tunnels' results; must not reject for what happens on hosts. */
  readonly work: () => Promise<readonly TunnelResult[]>;
}

/** @param plan rejects when there is nothing that could be done */
export async function runCommand(
  limits: readonly string[],
  options: HostOptions,
  settings: RunSettings,
  plan: (context: RunContext) => Promise<Job>,
): Promise<number> {
  const identity = thisRun();
  const { run } = identity;
  const { command } = settings;
  const started = performance.now();
  const reporter = await openReporter(options, options.output);
  try {
    settings.check?.();
    const fleet = await loadFleet(options, limits);
    const files = renderFleet(fleet.tunnels, loadTemplates(fleet.inventory.templates));
    const tell = noticesOnce(options.timings === true ? withTimings(reporter.emit) : reporter.emit);
    return await withInterrupt(tell, async (signal, emit) =>
      withTransport(options, fleet, emit, async ({ transport, endQuestions, becomePasswordOf }) => {
        const access: FleetAccess = {
          fleet: fleet.plan,
          tunnels: fleet.tunnels,
          proven: new Set(),
          spokes: new Map(),
          files,
          transport,
          session: { identity, windowSeconds: settings.windowSeconds, writes: settings.writes, becomePasswordOf },
        };
        // Questions and the hub first, and only then the live view: a person is asked on a terminal that nothing else draws on.
        emit({ event: 'hub', step: 'connect', message: `connecting to ${access.fleet.hub.ssh.host}` });
        const hub = await connectHub(access).catch((error: unknown) => toVxfleetError(error));
        endQuestions();
        const start = (total: number): void => emit({ event: 'start', run, command, total });
        const recapOf = (results: readonly TunnelResult[]): Recap =>
          makeRecap(run, command, results, performance.now() - started, {
            interrupted: signal.aborted,
            exitCodeOnDifference: settings.exitCodeOnDifference,
          });
        const results =
          hub instanceof VxfleetError
            ? failAll(fleet, hub, start, emit)
            : await workFromHub({ fleet, access, hub, emit, signal }, start, plan);
        const recap = recapOf(results);
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

async function workFromHub(
  context: RunContext,
  start: (total: number) => void,
  plan: (context: RunContext) => Promise<Job>,
): Promise<readonly TunnelResult[]> {
  const { hub, emit } = context;
  try {
    const { total, work } = await plan(context);
    start(total);
    emit({ event: 'hub', step: 'inspect', message: `ready, ${hub.facts.links.size} VXLAN interfaces there` });
    return await work();
  } finally {
    await hub.close();
  }
}
