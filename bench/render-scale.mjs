/** `node bench/render-scale.mjs MODULES SPOKES`: plans and renders a fleet of a /32 with the modules in that directory, and says how long each took. */
import { pathToFileURL } from 'node:url';

const [modules, spokes] = process.argv.slice(2);
const load = (path) => import(new URL(path, `${pathToFileURL(modules).href}/`));
const { makePlan } = await load('plan/make-plan.js');
const { loadTemplates } = await load('render/load-templates.js');
const { renderTunnel } = await load('render/render-tunnel.js');
const { DEFAULTS } = await load('inventory/inventory.js');

const site = (name, id) => {
  const address = `10.${id >> 16}.${(id >> 8) & 255}.${id & 255}`;
  const { sshPort: port, sshUser: user, dstport, srcport, metric } = DEFAULTS;
  const ssh = { host: address, port, user, identityFile: undefined };
  const mode = id % 2 ? 'policy' : 'gateway';
  return {
    name,
    id,
    mode,
    underlay: { address, local: address, device: 'eth0', hotplug: false },
    ssh,
    vni: id,
    dstport,
    srcport,
    metric,
    mtu: undefined,
    tags: [],
  };
};
const { underlay, ssh } = site('hub', 0);
const inventory = {
  path: 'inventory.yaml',
  prefix: '2001:db8::/32',
  templates: undefined,
  hub: { underlay, ssh, anchor: undefined },
  spokes: Array.from({ length: Number(spokes) }, (_, index) => site(`s${index + 1}`, index + 1)),
};
const templates = loadTemplates(undefined).ifupdown;

const begun = performance.now();
const { tunnels } = makePlan(inventory);
const planned = performance.now();
let bytes = 0;
for (const tunnel of tunnels) {
  for (const end of ['hub', 'spoke']) bytes += renderTunnel(tunnel, end, templates).length;
}
const rendered = performance.now();
const round = (ms) => Math.round(ms);
process.stdout.write(
  `${JSON.stringify({ planMs: round(planned - begun), renderMs: round(rendered - planned), bytes })}\n`,
);
