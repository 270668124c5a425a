import * as z from 'zod';
import { DEFAULTS } from './inventory.js';
import { INTEGER_PATTERN, readInteger, type IntegerRange } from './read-integer.js';
import { JUMP_HOP_PATTERN, readJumpHop } from './read-jump-hop.js';
import { PORT_RANGE_PATTERN, readPortRange } from './read-port-range.js';
import { readAnchor, readPrefix } from './read-prefix.js';
import {
  MODES,
  NAME_PATTERN,
  PATH_PATTERN,
  readBoolean,
  readMode,
  readName,
  readPath,
  readSshHost,
  readSshUser,
  readSwitch,
  readTag,
  SSH_HOST_PATTERN,
  SSH_USER_PATTERN,
  TAG_PATTERN,
} from './read-text.js';
import { DEVICE_PATTERN, readDevice, readUnderlayAddress } from './read-underlay.js';
import type { Reader } from './reading.js';

/** How one scalar of the file is read, explained and described to editors. */
export interface Field<T> {
  readonly read: Reader<T>;
  /** Meaning, unit and default, for people. */
  readonly description: string;
  /** What replaces the scalar's JSON Schema. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
}

function integer(range: IntegerRange, description: string): Field<number> {
  const { min: minimum, max: maximum } = range;
  const anyOf = [
    { type: 'integer', minimum, maximum },
    { type: 'string', pattern: INTEGER_PATTERN.source },
  ];
  return { read: readInteger(range), description, jsonSchema: { anyOf } };
}

const pattern = (regexp: RegExp): Record<string, unknown> => ({ type: 'string', pattern: regexp.source });

/** Every scalar field, by the name the code knows it by. */
export const FIELDS = {
  prefix: {
    read: readPrefix,
    description:
      "The fleet's IPv6 prefix, /32 to /47. Every spoke gets a /48 and a /64 of it: a /40 has room for 255 spokes.",
    jsonSchema: { type: 'string', pattern: '^[0-9a-fA-F:.]+/(3[2-9]|4[0-7])$' },
  },
  templates: {
    read: readPath,
    description:
      'Directory of templates that replace the built-in ones of the same name; relative to the inventory. Default: none.',
    jsonSchema: pattern(PATH_PATTERN),
  },
  filter: {
    read: readSwitch,
    description:
      'on: nftables at both ends let in only the packets of the tunnels, and out of a tunnel only those of its site. off: whoever reaches the VXLAN port can send into the tunnels. Default: on.',
    jsonSchema: { anyOf: [{ type: 'boolean' }, { type: 'string', enum: ['on', 'off'] }] },
  },
  anchor: {
    read: readAnchor,
    description: "IPv6 address beyond the hub that verify pings from each spoke's /64 and /48. Default: none.",
    jsonSchema: { type: 'string', format: 'ipv6' },
  },
  name: {
    read: readName,
    description: 'Name of the spoke: a-z, 0-9 and "-", at most 63; not "hub".',
    jsonSchema: pattern(NAME_PATTERN),
  },
  id: integer(
    { min: 1, max: 65535, minReason: 'ids start at 1', maxReason: 'a /32, the shortest prefix, has 65535 ids' },
    'Number of the spoke, 1 to 2^(48 - prefix length) - 1. It names the interface (0x0a is vxlan0a) and picks the addresses.',
  ),
  mode: {
    read: readMode,
    description: `gateway: the tunnel is the spoke's IPv6 default route. policy: only the tunnel's own prefixes use it. Default: ${DEFAULTS.mode}.`,
    jsonSchema: { type: 'string', enum: [...MODES] },
  },
  address: {
    read: readUnderlayAddress,
    description: 'IPv4 address of the host in the underlay, as a dotted quad.',
    jsonSchema: { type: 'string', format: 'ipv4' },
  },
  device: {
    read: readDevice,
    description: 'Kernel interface that carries the VXLAN packets, e.g. enp1s0f0; at most 15 characters.',
    jsonSchema: pattern(DEVICE_PATTERN),
  },
  local: {
    read: readUnderlayAddress,
    description:
      'IPv4 address that the host itself has on its device, where it stands behind 1:1 NAT. Default: the address.',
    jsonSchema: { type: 'string', format: 'ipv4' },
  },
  hotplug: {
    read: readBoolean,
    description:
      'true: the device comes late or comes and goes, as ppp0 or wg0; the tunnel is not bound to it and needs no new ifup. Default: false.',
    jsonSchema: { type: 'boolean' },
  },
  sshHost: {
    read: readSshHost,
    description: 'Name or address that SSH connects to, or an alias of ssh_config. Default: the underlay address.',
    jsonSchema: pattern(SSH_HOST_PATTERN),
  },
  sshPort: integer(
    { min: 1, max: 65535 },
    `TCP port of the SSH server. Default: as ssh_config says, else ${DEFAULTS.sshPort}.`,
  ),
  sshUser: {
    read: readSshUser,
    description: `Login name; root, or one that becomes root (become). Default: as ssh_config says, else ${DEFAULTS.sshUser}.`,
    jsonSchema: pattern(SSH_USER_PATTERN),
  },
  identityFile: {
    read: readPath,
    description:
      'Private key file; ~/ is expanded, else relative to the inventory. Default: as ssh_config says, else the agent, then the default keys.',
    jsonSchema: pattern(PATH_PATTERN),
  },
  jumpHop: {
    read: readJumpHop,
    description: 'A jump host: hub, or [user@]host[:port], where host may be an alias of ssh_config.',
    jsonSchema: pattern(JUMP_HOP_PATTERN),
  },
  become: {
    read: readBoolean,
    description:
      'true: the login is not root and becomes it by sudo; vxfleet --ask-become-pass asks for its password. Default: false.',
    jsonSchema: { type: 'boolean' },
  },
  dstport: integer(
    { min: 1, max: 65535 },
    `UDP port of the tunnel's packets, on both ends. Default: ${DEFAULTS.dstport}, the IANA port of VXLAN.`,
  ),
  srcport: {
    read: readPortRange,
    description: `UDP port, or range of ports, that the tunnel's packets are sent from. Default: ${DEFAULTS.srcport.low}-${DEFAULTS.srcport.high}.`,
    jsonSchema: { anyOf: [{ type: 'integer', minimum: 1, maximum: 65534 }, pattern(PORT_RANGE_PATTERN)] },
  },
  mtu: integer(
    { min: 1280, max: 65535, minReason: 'IPv6 needs an MTU of 1280', maxReason: 'a VXLAN link cannot be larger' },
    "MTU of the tunnel in bytes. Default: the underlay device's MTU minus 50.",
  ),
  vni: integer(
    { min: 1, max: 2 ** 24 - 1, minReason: '0 is not a network of its own', maxReason: 'a VNI has 24 bits' },
    'VXLAN network identifier, unique on the hub together with dstport. Default: the id.',
  ),
  metric: integer(
    {
      min: 1,
      max: 2 ** 32 - 2,
      minReason: 'the kernel takes 0 for its own default, 1024',
      maxReason: 'the kernel keeps 4294967295 for its own "no route" entry',
    },
    `Metric of the default route in gateway mode; the lowest wins. Default: ${DEFAULTS.metric}.`,
  ),
  isolate: {
    read: readBoolean,
    description: 'Whether the hub passes nothing between this site and the others.',
    jsonSchema: { type: 'boolean' },
  },
  tag: { read: readTag, description: 'A tag: a-z, 0-9 and "-".', jsonSchema: pattern(TAG_PATTERN) },
} satisfies Record<string, Field<unknown>>;

/** Fields by the zod schema made of them, for the JSON Schema. */
export const fieldOfSchema = new WeakMap<object, Field<unknown>>();

/** The zod schema of a scalar's text. Its complaint is the reader's, the fix travels in `params`. */
function scalar(field: Field<unknown>) {
  const schema = z
    .string()
    .superRefine((text, context) => {
      const reading = field.read(text);
      if ('wrong' in reading)
        context.addIssue({ code: 'custom', message: reading.wrong, params: { fix: reading.fix } });
    })
    .describe(field.description);
  fieldOfSchema.set(schema, field);
  return schema;
}

const optional = (field: Field<unknown>) => scalar(field).optional();

const sshSchema = z
  .strictObject({
    host: optional(FIELDS.sshHost),
    port: optional(FIELDS.sshPort),
    user: optional(FIELDS.sshUser),
    identity_file: optional(FIELDS.identityFile),
    proxy_jump: z
      .union([scalar(FIELDS.jumpHop), z.array(scalar(FIELDS.jumpHop))])
      .describe(
        'The jump host, or several in the order in which they are passed; [] for none. Default: as ssh_config says.',
      )
      .optional(),
    become: optional(FIELDS.become),
  })
  .describe('How to reach the host over SSH.');

const underlayFields = { local: optional(FIELDS.local), hotplug: optional(FIELDS.hotplug) };

const spokeFields = {
  id: optional(FIELDS.id),
  mode: optional(FIELDS.mode),
  underlay: z
    .strictObject({ address: optional(FIELDS.address), device: optional(FIELDS.device), ...underlayFields })
    .describe("The spoke's place in the IPv4 underlay.")
    .optional(),
  ssh: sshSchema.optional(),
  vxlan: z
    .strictObject({
      dstport: optional(FIELDS.dstport),
      srcport: optional(FIELDS.srcport),
      mtu: optional(FIELDS.mtu),
      vni: optional(FIELDS.vni),
    })
    .describe('Parameters of the VXLAN link.')
    .optional(),
  metric: optional(FIELDS.metric),
  tags: z.array(scalar(FIELDS.tag)).describe('Groups of spokes, selected as @tag. Default: none.').optional(),
  isolate: z
    .union([scalar(FIELDS.isolate), z.array(scalar(FIELDS.tag))])
    .describe(
      'true: the hub passes nothing between this site and the others; a list of tags: so for a site that has one of them. Needs the filter. Default: false.',
    )
    .optional(),
};

/** The keys of a spoke. */
export const SPOKE_KEYS: readonly string[] = Object.keys(spokeFields);

/** For editors only: zod would not look at a spoke whose name it has refused, so that a rule checks the names. */
const nameSchema = z.string().describe(FIELDS.name.description);
fieldOfSchema.set(nameSchema, FIELDS.name);

/**
 * The inventory file over the text of its scalars. A spoke is complete only together with `defaults`, so that its id and
 * underlay are demanded by a rule (`rules.ts`), not here.
 */
export const fileSchema = z
  .strictObject({
    prefix: scalar(FIELDS.prefix),
    templates: optional(FIELDS.templates),
    filter: optional(FIELDS.filter),
    defaults: z
      .strictObject(spokeFields)
      .describe("Any field of a spoke; a spoke's own value wins. Those of `ssh`, but for `host`, are the hub's too.")
      .optional(),
    hub: z
      .strictObject({
        underlay: z
          .strictObject({ address: scalar(FIELDS.address), device: scalar(FIELDS.device), ...underlayFields })
          .describe("The hub's place in the IPv4 underlay."),
        ssh: sshSchema.optional(),
        anchor: optional(FIELDS.anchor),
      })
      .describe(
        'The one host that all tunnels end at. Of the defaults only those of `ssh` apply to it, but for `ssh.host`.',
      ),
    spokes: z.record(nameSchema, z.strictObject(spokeFields).describe('One spoke.')).describe('The spokes by name.'),
  })
  .describe('Inventory of a vxfleet fleet.');
