/** `vxfleet lab cut` and `lab heal`: a host's cable to the underlay, pulled and put back at the switch. */
import { requireHost } from './find-host.js';
import { bridgeNamespace } from './lab-paths.js';
import { runBatch } from './run-batch.js';
import { runProgram } from './run-program.js';

export interface LabHostOptions {
  readonly name: string;
  /** `hub` or a spoke's name. */
  readonly host: string;
}

/** Pulls the cable: the host loses its carrier. Nothing on the host changes. */
export const labCut = (options: LabHostOptions): Promise<void> => setCable(options, 'down');

/** Puts the cable back. */
export const labHeal = (options: LabHostOptions): Promise<void> => setCable(options, 'up');

async function setCable({ name, host }: LabHostOptions, state: 'up' | 'down'): Promise<void> {
  const { bridgePort } = await requireHost(name, host);
  await runBatch([`link set dev ${bridgePort} ${state}`], { namespace: bridgeNamespace(name) });
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
