/** What a run is about, and with what; and how its hosts are reached. */
import type { Emit } from '../events.js';
import type { EndDiff } from '../diff/fold-diffs.js';
import { Host, type HostAccess } from '../host/host.js';
import { HostSession, type HostSessionOptions } from '../host/host-session.js';
import type { SshTarget } from '../inventory/inventory.js';
import type { FleetPlan, TunnelPlan } from '../plan/plan.js';
import type { FormerWays } from './former-spokes.js';
import type { FleetFiles } from '../render/render-fleet.js';
import type { Transport } from '../ssh/transport.js';
import { fleetQueries } from '../verify/queries.js';
import { wayQuestions, type WayQuestion } from '../verify/underlay-ways.js';

export interface Run {
  readonly fleet: FleetPlan;
  /** The tunnels that it is about. */
  readonly tunnels: readonly TunnelPlan[];
  /** The files as they shall be, rendered before anybody is contacted. */
  readonly files: FleetFiles;
  readonly transport: Transport;
  /** The window is the hub's. One that does not write only shows what it would do. */
  readonly session: HostSessionOptions;
  readonly hub: Host;
  /** How spokes are reached that the inventory no longer names. */
  readonly formerWays: FormerWays;
  /** The tunnels that have been proven so far, in that order: it grows. */
  readonly proven: Set<TunnelPlan>;
  /** Which spoke is on which host (identityOf), as far as one was found fit: it grows. */
  readonly spokes: Map<string, string>;
  /** Are trials that a dead run has left ended before their window is over? */
  readonly takeover: boolean;
  /** Seconds until which packets must have come back, if it was said. */
  readonly verifySeconds: number | undefined;
  /** Asks the person at the terminal, as long as nothing has begun; undefined: there is none. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Takes the differences of a tunnel's ends. */
  readonly onDiff: ((diffs: readonly EndDiff[]) => void) | undefined;
}

/** Something a person should know. */
export const warn = ({ emit }: Pick<Run, 'emit'>, message: string): void =>
  emit({ event: 'notice', level: 'warning', message });

type Reaching = Pick<Run, 'fleet' | 'tunnels' | 'transport' | 'session'>;

/** Rejects as Host.connect does; so does connectSpoke. */
export async function connectHub(run: Reaching): Promise<Host> {
  const ways = run.tunnels.flatMap((plan) => wayQuestions(plan, 'hub'));
  return await Host.connect(hostAccess(run, 'hub', run.fleet.hub.ssh, ways, run.session.windowSeconds));
}

/** Nobody logs in to a spoke for a hub that is lost for good. */
export async function connectSpoke(run: Run, plan: TunnelPlan): Promise<Host> {
  const { spoke, interface: name, ssh } = plan;
  await run.hub.session();
  run.emit({ event: 'step', spoke, interface: name, step: 'connect' });
  const access = hostAccess(run, spoke, ssh, wayQuestions(plan, 'spoke'), spokeWindow(run.session.windowSeconds));
  return await Host.connect(access, () => run.emit({ event: 'step', spoke, interface: name, step: 'inspect' }));
}

/**
 * Seconds of the spoke's window. When the hub's, which begins later, is over, the spoke must have decided and be done with going back
 * (docs/protocol.md).
 */
const spokeWindow = (hubWindow: number): number => Math.floor(hubWindow / 2);

const hostAccess = (
  { transport, session, fleet }: Reaching,
  host: string,
  target: SshTarget,
  ways: readonly WayQuestion[],
  windowSeconds: number,
): HostAccess => ({
  open: async () => await HostSession.open(transport, host, target, { ...session, windowSeconds }),
  inspection: { ways, network: fleetQueries(fleet) },
  writes: session.writes,
});
