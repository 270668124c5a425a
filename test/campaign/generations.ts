/** What the tunnel under test is changed between: no two of these can talk to each other. */
import type { End } from '../../src/plan/plan.js';

/** A state of the tunnel, as the inventory has it. */
export interface Generation {
  readonly name: string;
  readonly vni: number;
  readonly dstport: number;
}

/** A generation whose files have been seen on both ends. */
export interface KnownGeneration extends Generation {
  /** sha256 of each end's file in /etc. */
  readonly digests: Readonly<Record<End, string>>;
}

/** Of the tunnel with this id. */
export const listGenerations = (id: number): Generation[] => [
  { name: 'plain', vni: id, dstport: 4789 },
  { name: 'port', vni: id, dstport: 4790 },
  { name: 'vni', vni: 1000 + id, dstport: 4789 },
  { name: 'both', vni: 2000 + id, dstport: 4791 },
];

/** The inventory with the spoke's tunnel in this generation. */
export const writeGeneration = (inventory: string, id: number, { vni, dstport }: Generation): string =>
  inventory.replace(new RegExp(`(\\n {4}id: ${id}\\b)`), `\n    vxlan: { vni: ${vni}, dstport: ${dstport} }$1`);
