/**
 * The plan that a record keeps. It comes from a host's disk and goes on, in words of commands, to the other host: so nothing in it is
 * taken on trust.
 */
import * as z from 'zod';
import type { KeptPlan } from '../plan/plan.js';
import { idOf } from './record.js';

/** Words that can stand in a command line of the host program, and that no program takes for an option. */
const word = z.string().regex(/^(?!-)[A-Za-z0-9_.:%@+-]{1,255}$/);
const port = z.int().min(0).max(65_535);
const uint32 = z.int().min(0).max(0xffff_ffff);
const mac = z.string().regex(/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/);
const underlay = z.object({ address: z.ipv4(), local: z.ipv4(), device: word, hotplug: z.boolean() });

const schema = z.object({
  spoke: word,
  id: z.int().min(1).max(65_535),
  interface: word,
  mode: z.enum(['gateway', 'policy']),
  vni: z.int().min(1).max(0xff_ffff),
  dstport: port,
  srcport: z.object({ low: port, high: port }),
  // JSON leaves out what is undefined.
  mtu: port.optional(),
  metric: uint32,
  tags: z.array(word),
  prefix: z.cidrv6(),
  prefix80: z.cidrv6(),
  prefix64: z.cidrv6(),
  prefix48: z.cidrv6(),
  hubAddress: z.ipv6(),
  spokeAddress80: z.ipv6(),
  spokeAddress64: z.ipv6(),
  spokeAddress48: z.ipv6(),
  hubUnderlay: underlay,
  spokeUnderlay: underlay,
  hubMac: mac,
  spokeMac: mac,
  table: uint32,
  priority: uint32,
  aggregateMetric: uint32,
  // Records of versions that had no filter do not say it.
  filter: z.boolean().default(false),
  isolate: z.boolean().default(false),
});

/** Characters; a plan has some hundreds. */
const LONGEST = 16_384;

/** null when the text (`-`, or JSON) is no plan of this tunnel. */
export function parsePlan(interfaceName: string, text: string): KeptPlan | null {
  const { data } = schema.safeParse(parseJson(text));
  if (data === undefined || data.interface !== interfaceName || idOf(interfaceName) !== data.id) return null;
  return { ...data, mtu: data.mtu };
}

function parseJson(text: string): unknown {
  try {
    return text.length > LONGEST ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
