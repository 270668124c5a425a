import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Draft, HostDraft, SpokeDraft, SshDraft } from './draft.js';
import { DEFAULTS, type Inventory, type SshTarget, type Underlay } from './inventory.js';
import { toJumpTarget } from './read-jump-hop.js';

/**
 * The inventory of a draft that neither the schema nor a rule has complained of: defaults filled in, paths absolute.
 * `path` is the inventory's own absolute path.
 */
export function assembleInventory(draft: Draft, path: string): Inventory {
  const directory = dirname(path);
  const { prefix, templates, filter, hub, spokes } = draft;
  const hubSsh = toSsh(hub, directory, undefined);
  return {
    path,
    prefix: demand(prefix?.value.text),
    templates: templates && expandPath(templates.value, directory),
    filter: filter?.value ?? DEFAULTS.filter,
    hub: { underlay: toUnderlay(hub), ssh: hubSsh, anchor: hub.anchor?.value },
    spokeSsh: toSshSettings(draft.spokeSsh, directory, hubSsh),
    spokes: spokes.map((spoke) => ({
      name: spoke.name,
      id: demand(spoke.id?.value),
      mode: spoke.mode?.value ?? DEFAULTS.mode,
      underlay: toUnderlay(spoke),
      ssh: toSsh(spoke, directory, hubSsh),
      vni: demand(spoke.vni?.value),
      dstport: demand(spoke.dstport?.value),
      srcport: spoke.srcport?.value ?? DEFAULTS.srcport,
      mtu: spoke.mtu?.value,
      metric: spoke.metric?.value ?? DEFAULTS.metric,
      tags: spoke.tags,
      isolate: isIsolated(spoke),
    })),
  };
}

function isIsolated({ isolate, tags }: SpokeDraft): boolean {
  const value = isolate?.value ?? DEFAULTS.isolate;
  return typeof value === 'boolean' ? value : value.some((tag) => tags.includes(tag.value));
}

/** A path of the file made absolute: `~/` is the home directory, the rest is relative to the inventory's directory. */
export const expandPath = (path: string, directory: string): string =>
  path === '~' || path.startsWith('~/') ? resolve(homedir(), path.slice(2)) : resolve(directory, path);

const toUnderlay = ({ address, local, device, hotplug }: HostDraft): Underlay => ({
  address: demand(address?.value),
  local: local?.value ?? demand(address?.value),
  device: demand(device?.value),
  hotplug: hotplug?.value ?? false,
});

/** @param hub what the jump host `hub` stands for; the hub itself has none of that name */
const toSsh = (host: HostDraft, directory: string, hub: SshTarget | undefined): SshTarget => ({
  host: host.sshHost?.value ?? demand(host.address?.value),
  ...toSshSettings(host, directory, hub),
});

const toSshSettings = (host: SshDraft, directory: string, hub: SshTarget | undefined): Omit<SshTarget, 'host'> => ({
  isOfInventory: true,
  port: host.sshPort?.value,
  user: host.sshUser?.value,
  identityFile: host.identityFile && expandPath(host.identityFile.value, directory),
  proxyJump: host.proxyJump?.value.map((hop) =>
    hop === 'hub' ? demand(hub) : toJumpTarget(hop, { isOfInventory: true }),
  ),
  become: host.become?.value,
});

function demand<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the inventory was assembled in spite of a problem');
  return value;
}
