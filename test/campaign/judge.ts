/** What the contract demands of two hosts after a disturbed change, and what of it they lack. Pure. */
import { ENDS, type End } from '../../src/plan/plan.js';
import type { KnownGeneration } from './generations.js';
import type { HostSnapshot } from './host-snapshot.js';

/** What is known of the tunnel and its hosts in peace. */
export interface Peace {
  readonly interface: string;
  readonly generations: readonly KnownGeneration[];
  /** Each host's files in interfaces.d beside the tunnel's, with their digests. */
  readonly otherFiles: Readonly<Record<End, ReadonlyMap<string, string>>>;
  readonly rules: Readonly<Record<End, readonly string[]>>;
}

export interface Allowance {
  /** The generations on one of which both ends must be. */
  readonly generations: readonly string[];
  /** Ends on which the hidden staged file, which nothing reads, may lie until the next deploy. */
  readonly stagedAt: readonly End[];
}

export interface Problem {
  /** `tunnel`: it does not work. `state`: an end is not on the generation that it should be on. `remains`: something of ours was left behind. */
  readonly kind: 'tunnel' | 'state' | 'remains';
  readonly text: string;
}

/** Undefined stands for a host that cannot be asked. */
export type Snapshots = Readonly<Record<End, HostSnapshot | undefined>>;

export function judge(peace: Peace, snapshots: Snapshots, allowance: Allowance): Problem[] {
  const { hub, spoke } = snapshots;
  if (hub === undefined || spoke === undefined) return [tunnel('a host cannot be asked')];
  const problems = ENDS.flatMap((end) => judgeEnd(peace, end, { hub, spoke }[end], allowance));
  const names = { hub: generationOf(peace, 'hub', hub), spoke: generationOf(peace, 'spoke', spoke) };
  if (names.hub !== names.spoke) problems.push(state(`the hub's file is ${names.hub}, the spoke's ${names.spoke}`));
  return problems;
}

/** The generation of an end's file. */
export const generationOf = (peace: Peace, end: End, { files }: HostSnapshot): string =>
  peace.generations.find(({ digests }) => digests[end] === files.get(peace.interface))?.name ?? 'none that is known';

function judgeEnd(peace: Peace, end: End, snapshot: HostSnapshot, allowance: Allowance): Problem[] {
  const name = generationOf(peace, end, snapshot);
  const generation = peace.generations.find((known) => known.name === name);
  const problems: Problem[] = [];
  if (!allowance.generations.includes(name)) problems.push(state(`${end}: the file is ${name}`));
  const { link, answers, rules, processes, leftFiles } = snapshot;
  if (link === undefined) problems.push(tunnel(`${end}: no link`));
  else if (link.vni !== generation?.vni || link.dstport !== generation.dstport)
    problems.push(state(`${end}: runs VNI ${link.vni} port ${link.dstport}, the file is ${name}`));
  if (!answers) problems.push(tunnel(`${end}: the peer does not answer over the tunnel`));
  problems.push(...judgeFiles(peace, end, snapshot, allowance));
  if (rules.join('\n') !== peace.rules[end].join('\n')) problems.push(state(`${end}: ip rules ${rules.join('; ')}`));
  const isStaged = (file: string): boolean => file.endsWith('/.staged') && allowance.stagedAt.includes(end);
  problems.push(...leftFiles.filter((file) => !isStaged(file)).map((file) => remains(`${end}: ${file}`)));
  problems.push(...processes.map((command) => remains(`${end}: process ${command.trim().slice(0, 160)}`)));
  return problems;
}

function judgeFiles(peace: Peace, end: End, { files }: HostSnapshot, { stagedAt }: Allowance): Problem[] {
  const others = peace.otherFiles[end];
  const problems: Problem[] = [...others]
    .filter(([file, digest]) => files.get(file) !== digest)
    .map(([file]) => state(`${end}: interfaces.d/${file} is not as it was`));
  for (const file of files.keys()) {
    if (others.has(file) || file === peace.interface) continue;
    const isStaged = file === `.${peace.interface}.vxfleet`;
    if (!(isStaged && stagedAt.includes(end))) problems.push(remains(`${end}: interfaces.d/${file}`));
  }
  return problems;
}

const tunnel = (text: string): Problem => ({ kind: 'tunnel', text });
const state = (text: string): Problem => ({ kind: 'state', text });
const remains = (text: string): Problem => ({ kind: 'remains', text });
