/** The inventory of a lab that was started without one. */

/** Underlay address of the generated hub. */
export const HUB_ADDRESS = '198.18.0.1';

/** Underlay address of the generated spoke with this id. .255 is an address like any other in a /15. */
export const spokeAddress = (id: number): string => `198.18.1.${id}`;

/** Cities first, then site-013 and so on. */
const CITIES = [
  'tokyo',
  'osaka',
  'lisbon',
  'nairobi',
  'quito',
  'oslo',
  'austin',
  'perth',
  'lima',
  'seoul',
  'turin',
  'dakar',
];

/** Name of the spoke with this id. */
export const spokeName = (id: number): string => CITIES[id - 1] ?? `site-${String(id).padStart(3, '0')}`;

/** Text of an inventory with this many spokes, 1 … 255, each third in policy mode. */
export function generateInventory(spokes: number): string {
  const header = `# The lab's fleet: one hub and ${spokes === 1 ? 'one spoke' : `${spokes} spokes`}, real hosts in namespaces of this machine.
# Change it and deploy again: \`vxfleet lab run -- diff\`, \`vxfleet lab run -- deploy\`.

prefix: 2001:db8:ae00::/40   # one /64 and one /48 of it go to each spoke

hub:
  underlay: { address: ${HUB_ADDRESS}, device: eth0 }

spokes:
`;
  return header + Array.from({ length: spokes }, (_, index) => spokeText(index + 1)).join('');
}

function spokeText(id: number): string {
  const policy = id % 3 === 0;
  const lines = [
    `  ${spokeName(id)}:`,
    `    id: ${id}${id === 1 ? '                    # vxlan01 on both ends' : ''}`,
    ...(policy
      ? [`    mode: policy${id === 3 ? "             # only the spoke's own prefixes use the tunnel" : ''}`]
      : []),
    `    underlay: { address: ${spokeAddress(id)}, device: eth0 }`,
  ];
  return `${lines.join('\n')}\n`;
}
