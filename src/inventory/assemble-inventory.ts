import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Draft, HostDraft } from './draft.js';
import { DEFAULTS, type Inventory, type SshTarget, type Underlay } from './inventory.js';

/**
 * The inventory of a draft that neither the schema nor a rule has complained of: defaults filled in, paths absolute.
 * `path` is the inventory's own absolute path.
 */
export function assembleInventory(draft: Draft, path: string): Inventory {
  const directory = dirname(path);
  const { prefix, templates, hub, spokes } = draft;
  return {
    path,
    prefix: demand(prefix?.value.text),
    templates: templates && expandPath(templates.value, directory),
    hub: { underlay: toUnderlay(hub), ssh: toSsh(hub, directory), anchor: hub.anchor?.value },
    spokes: spokes.map((spoke) => ({
      name: spoke.name,
      id: demand(spoke.id?.value),
      mode: spoke.mode?.value ?? DEFAULTS.mode,
      underlay: toUnderlay(spoke),
      ssh: toSsh(spoke, directory),
      vni: demand(spoke.vni?.value),
      dstport: demand(spoke.dstport?.value),
      mtu: spoke.mtu?.value,
      metric: spoke.metric?.value ?? DEFAULTS.metric,
      tags: spoke.tags,
    })),
  };
}

/** A path of the file made absolute: `~/` is the home directory, the rest is relative to the inventory's directory. */
export const expandPath = (path: string, directory: string): string =>
  path === '~' || path.startsWith('~/') ? resolve(homedir(), path.slice(2)) : resolve(directory, path);

const toUnderlay = ({ address, device }: HostDraft): Underlay => ({
  address: demand(address?.value),
  device: demand(device?.value),
});

const toSsh = (host: HostDraft, directory: string): SshTarget => ({
  host: host.sshHost?.value ?? demand(host.address?.value),
  port: host.sshPort?.value ?? DEFAULTS.sshPort,
  user: host.sshUser?.value ?? DEFAULTS.sshUser,
  identityFile: host.identityFile && expandPath(host.identityFile.value, directory),
});

function demand<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the inventory was assembled in spite of a problem');
  return value;
}
