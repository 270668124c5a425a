import { DEFAULTS, type Inventory, type Spoke } from '../../src/inventory/inventory.js';

/** A spoke with every default; its underlay address follows from the id. */
export function spoke(name: string, id: number, changes: Partial<Spoke> = {}): Spoke {
  const address = `10.${(id >> 16) & 255}.${(id >> 8) & 255}.${id & 255}`;
  return {
    name,
    id,
    mode: DEFAULTS.mode,
    underlay: { address, device: 'eth0' },
    ssh: {
      host: address,
      port: DEFAULTS.sshPort,
      user: DEFAULTS.sshUser,
      identityFile: undefined,
      proxyJump: undefined,
    },
    vni: id,
    dstport: DEFAULTS.dstport,
    mtu: undefined,
    metric: DEFAULTS.metric,
    tags: [],
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
    hub: {
      underlay: { address, device: 'enp1s0f0' },
      ssh: {
        host: 'hub.example.net',
        port: DEFAULTS.sshPort,
        user: DEFAULTS.sshUser,
        identityFile: undefined,
        proxyJump: undefined,
      },
      anchor: undefined,
    },
    spokes,
  };
}
