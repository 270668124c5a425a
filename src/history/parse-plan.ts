/**
 * The plan that a record keeps. It comes from a host's disk and goes on, in words of commands, to the other host: so nothing in it is
 * taken on trust.
 */
import * as z from 'zod';
import type { TunnelPlan } from '../plan/plan.js';
import { idOf } from './record.js';

/** Words that can stand in a command line of the host program. */
const word = z.string().regex(/^[A-Za-z0-9_.:%@+-]{1,255}$/);
const printed = z.string().regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$/);
const mac = z.string().regex(/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/);
const underlay = z.object({ address: z.ipv4(), local: z.ipv4(), device: word, hotplug: z.boolean() });

const sshFields = { host: word, port: z.int().optional(), user: word.optional(), identityFile: printed.optional() };
/** What is kept is what the inventory said. A jump host (the hub) may have jump hosts of its own, and these none. */
const jumpFields = { ...sshFields, isOutside: z.literal(true).optional() };
const jumpHost = z.object({ ...jumpFields, proxyJump: z.array(z.object(jumpFields)).optional() });
const ssh = z.object({ ...sshFields, proxyJump: z.array(jumpHost).optional(), become: z.boolean().optional() });

const schema = z.object({
  spoke: word,
  id: z.int().min(1).max(65_535),
  interface: word,
  mode: z.enum(['gateway', 'policy']),
  vni: z.int(),
  dstport: z.int(),
  srcport: z.object({ low: z.int(), high: z.int() }),
  // JSON leaves out what is undefined.
  mtu: z.int().optional(),
  metric: z.int(),
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
  table: z.int(),
  priority: z.int(),
  aggregateMetric: z.int(),
  ssh,
});

/** null when the text (`-`, or JSON) is no plan of this tunnel. */
export function parsePlan(interfaceName: string, text: string): TunnelPlan | null {
  const { data } = schema.safeParse(parseJson(text));
  if (data === undefined || data.interface !== interfaceName || idOf(interfaceName) !== data.id) return null;
  return { ...data, mtu: data.mtu, ssh: { ...toTarget(data.ssh), become: data.ssh.become } };
}

/** JSON leaves out what is undefined; the rest of the code has it by name. */
function toTarget({ host, port, user, isOutside, identityFile, proxyJump }: ReadTarget): TunnelPlan['ssh'] {
  const known = { host, port, user, identityFile, proxyJump: proxyJump?.map(toTarget) };
  return isOutside === undefined ? known : { ...known, isOutside };
}

/** What the schema lets through. */
interface ReadTarget extends Pick<TunnelPlan['ssh'], 'host' | 'isOutside'> {
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly identityFile?: string | undefined;
  readonly proxyJump?: readonly ReadTarget[] | undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
