import { DEFAULTS, type Inventory, type Spoke, type Underlay } from '../../src/inventory/inventory.js';

/** A host's place in the underlay with every default. */
export const underlay = (address: string, device = 'eth0'): Underlay => ({
  address,
  local: address,
  device,
  hotplug: false,
});

/** A spoke with every default; its underlay address follows from the id. */
export function spoke(name: string, id: number, changes: Partial<Spoke> = {}): Spoke {
  const address = `10.${(id >> 16) & 255}.${(id >> 8) & 255}.${id & 255}`;
  return {
    name,
    id,
    mode: DEFAULTS.mode,
    underlay: underlay(address),
    ssh: {
      host: address,
      port: DEFAULTS.sshPort,
      user: DEFAULTS.sshUser,
      isOfInventory: true,
      identityFile: undefined,
      proxyJump: undefined,
    },
    vni: id,
    dstport: DEFAULTS.dstport,
    srcport: DEFAULTS.srcport,
    mtu: undefined,
    metric: DEFAULTS.metric,
    tags: [],
    isolate: DEFAULTS.isolate,
    ...changes,
  };
}

/** A fleet as the inventory's reader would hand it on. */
export function inventory(prefix: string, spokes: readonly Spoke[]): Inventory {
  const address = '198.51.100.1';
  return {
    path: '/fleet/inventory.yaml',
    prefix,
    templates: undefined,
    filter: false,
    hub: {
      underlay: underlay(address, 'enp1s0f0'),
      ssh: {
        host: 'hub.example.net',
        port: DEFAULTS.sshPort,
        user: DEFAULTS.sshUser,
        isOfInventory: true,
        identityFile: undefined,
        proxyJump: undefined,
      },
      anchor: undefined,
    },
    spokeSsh: { isOfInventory: true, port: undefined, user: undefined, identityFile: undefined, proxyJump: undefined },
    spokes,
  };
}
