/** Asks the hosts what they keep. They are the only ones who know: another controller reads the same. */
import pLimit from 'p-limit';
import { toVxfleetError, VxfleetError } from '../errors.js';
import { parseGeneration, type Generation } from '../history/parse-generation.js';
import { readHistory, type HostHistory } from '../history/read-history.js';
import { generationsOf, type EndHistory, type HistoryRecord } from '../history/record.js';
import { HostSession, type Caller, type HostSessionOptions } from '../host/host-session.js';
import { readAnswer } from '../host/read-answer.js';
import type { SshTarget } from '../inventory/inventory.js';
import type { FleetPlan, KeptPlan } from '../plan/plan.js';
import type { Selection } from '../plan/select-tunnels.js';
import type { Transport } from '../ssh/transport.js';

/** A host with 255 tunnels has some thousand records to check, in ms. */
const HISTORY_TIMEOUT_MS = 60_000;

export interface HistoryAccess {
  readonly fleet: FleetPlan;
  readonly transport: Transport;
  readonly session: HostSessionOptions;
  /** Hosts asked at once. */
  readonly forks: number;
}

/** A host that could not be asked. */
export interface UnreadHost {
  readonly host: string;
  readonly error: VxfleetError;
}

export interface FleetHistory {
  /** The hub first. */
  readonly hosts: readonly HostHistory[];
  readonly unread: readonly UnreadHost[];
}

/**
 * What the hub and the spokes keep of the selected tunnels, or of every tunnel that they ever had when all are selected. Never rejects:
 * a host that does not answer is part of the result.
 */
export async function gatherHistory(access: HistoryAccess, { tunnels, ends }: Selection): Promise<FleetHistory> {
  const isWhole = tunnels.length === access.fleet.tunnels.length;
  const asked = [
    { host: 'hub', target: access.fleet.hub.ssh, interfaces: tunnels.map((tunnel) => tunnel.interface) },
    ...(ends === 'hub' ? [] : tunnels).map((tunnel) => ({
      host: tunnel.spoke,
      target: tunnel.ssh,
      interfaces: [tunnel.interface],
    })),
  ];
  const limit = pLimit(access.forks);
  const answers = await Promise.all(
    asked.map(({ host, target, interfaces }) =>
      limit(() =>
        askHost(access, host, target, isWhole ? [] : interfaces).catch((error: unknown) => unread(host, error)),
      ),
    ),
  );
  return {
    hosts: answers.flatMap((answer) => ('error' in answer ? [] : [answer])),
    unread: answers.flatMap((answer) => ('error' in answer ? [answer] : [])),
  };
}

const unread = (host: string, error: unknown): UnreadHost => ({ host, error: toVxfleetError(error) });

async function askHost(
  { transport, session: options }: HistoryAccess,
  host: string,
  target: SshTarget,
  interfaces: readonly string[],
): Promise<HostHistory> {
  const session = await HostSession.open(transport, host, target, options);
  try {
    return await fetchHistory(session, interfaces);
  } finally {
    await session.close();
  }
}

/**
 * The records of these tunnels on a connected host; without any, of all. Rejects with lost, timeout or host.
 */
export async function fetchHistory(host: Caller, interfaces: readonly string[]): Promise<HostHistory> {
  const reply = await host.call({ verb: 'history', args: interfaces, timeoutMs: HISTORY_TIMEOUT_MS });
  if (!reply.ok) throw failed(host.host, 'history', reply.text);
  return readAnswer(host.host, () => readHistory(host.host, reply.values));
}

/** A record with its file. Rejects with lost, timeout, host, or refused when it is damaged. */
export async function fetchGeneration(host: Caller, record: HistoryRecord): Promise<Generation> {
  const args = [record.interface, record.name];
  const reply = await host.call({ verb: 'generation', args, timeoutMs: HISTORY_TIMEOUT_MS });
  if (!reply.ok) throw failed(host.host, 'generation', reply.text);
  const content = reply.values.get('content') ?? '';
  return readAnswer(host.host, () => parseGeneration(host.host, record.interface, record.name, content));
}

/** The plan of a record's file; null when it has none, or is damaged. Rejects with lost, timeout or host. */
export async function planOf(host: Caller, record: HistoryRecord): Promise<KeptPlan | null> {
  try {
    return (await fetchGeneration(host, record)).plan;
  } catch (error) {
    if (error instanceof VxfleetError && error.code === 'refused') return null;
    throw error;
  }
}

/**
 * The plan of the newest generation that has one; null when none is kept. A file that was found has none, nor has what was put back to it.
 * Rejects with lost, timeout or host.
 */
export async function newestPlan(host: Caller, history: EndHistory | undefined): Promise<KeptPlan | null> {
  for (const generation of history === undefined ? [] : generationsOf(history).toReversed()) {
    const plan = generation.hasFile ? await planOf(host, generation) : null;
    if (plan !== null) return plan;
  }
  return null;
}

/** The plan of the file that the newest generation with one left; null when vxfleet did not render it. Rejects as newestPlan does. */
export async function planOfHead(host: Caller, history: EndHistory | undefined): Promise<KeptPlan | null> {
  const head = history && generationsOf(history).findLast(({ hasFile }) => hasFile);
  return head === undefined ? null : await planOf(host, head);
}

const failed = (host: string, verb: string, text: string): VxfleetError =>
  new VxfleetError('host', `${verb} failed on ${host}: ${text}`, { host });
