/** `vxfleet lab cut` and `lab heal`: a host's cable to the underlay, pulled and put back at the switch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { requireHost } from './find-host.js';
import { bridgeNamespace } from './lab-paths.js';
import { runBatch } from './run-batch.js';
import { runProgram } from './run-program.js';

/** The kernel reports a carrier within a second; after this we do not wait for it any longer. */
const CARRIER_MS = 3000;

export interface LabHostOptions {
  readonly name: string;
  /** `hub` or a spoke's name. */
  readonly host: string;
}

/** Pulls the cable: the host loses its carrier. Nothing on the host changes. */
export const labCut = (options: LabHostOptions): Promise<void> => setCable(options, 'down');

/** Puts the cable back, and returns when frames pass again. */
export async function labHeal({ name, host }: LabHostOptions): Promise<void> {
  await setCable({ name, host }, 'up');
  const deadline = Date.now() + CARRIER_MS;
  while (!(await hasCarrier(name, host)) && Date.now() < deadline) await sleep(20);
}

async function setCable({ name, host }: LabHostOptions, state: 'up' | 'down'): Promise<void> {
  const { bridgePort } = await requireHost(name, host);
  await runBatch([`link set dev ${bridgePort} ${state}`], { namespace: bridgeNamespace(name) });
}

/** Whether the bridge forwards what comes through the host's cable. */
async function hasCarrier(name: string, host: string): Promise<boolean> {
  const { bridgePort } = await requireHost(name, host);
  const show = ['ip', '-n', bridgeNamespace(name), '-j', '-d', 'link', 'show', 'dev', bridgePort];
  return /"operstate":"UP".*"state":"forwarding"/.test(await runProgram(show));
}

/** The bridge's ports whose cable is pulled. */
export async function findCutPorts(lab: string): Promise<Set<string>> {
  const links = JSON.parse(
    await runProgram(['ip', '-n', bridgeNamespace(lab), '-j', 'link', 'show', 'type', 'veth']),
  ) as {
    readonly ifname: string;
    readonly flags: readonly string[];
  }[];
  return new Set(links.filter(({ flags }) => !flags.includes('UP')).map(({ ifname }) => ifname));
}
