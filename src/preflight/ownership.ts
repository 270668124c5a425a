/** Whose is what stands in the tunnel's place? */
import { MAC_PREFIX } from '../plan/make-plan.js';
import { isInPrefix } from '../plan/is-in-prefix.js';
import { addressOf, localOf, OWNER_PREFIX, ownerOf, remoteOf } from '../render/check-stanza.js';
import { INTERFACES_D } from '../host/host-facts.js';
import { hostName, refuse, type Refusal, type Rule, type Scene } from './scene.js';

/** `ip link del` takes whatever has the name, and an altname is one. */
export const isVxlanIfAnything: Rule = (scene) => {
  const { tunnel, facts } = scene;
  const name = tunnel.interface;
  const other = [...facts.devices.values()].find(
    (device) => (device.name === name && device.kind !== 'vxlan') || device.altnames.includes(name),
  );
  if (other === undefined) return undefined;
  const what = other.name === name ? `${name} on ${hostName(scene)}` : `${other.name}, which is also called ${name},`;
  const cure =
    other.name === name
      ? `ip link set dev ${name} name OTHER`
      : `ip link property del dev ${other.name} altname ${name}`;
  return refuse(
    'link',
    `${what} is no VXLAN but ${other.kind ?? 'hardware'}: vxfleet did not make it`,
    `The tunnel needs the name: ${cure}, or give the spoke another id.`,
  );
};

export const hasNoOtherStanza: Rule = ({ tunnel, facts }) => {
  const place = `${INTERFACES_D}/${tunnel.interface}`;
  const [elsewhere, again] = facts.interfaces.stanzas
    .filter((stanza) => stanza.interface === tunnel.interface)
    .toSorted((a, b) => Number(a.file === place) - Number(b.file === place));
  if (elsewhere !== undefined && elsewhere.file !== place) {
    return refuse(
      'file',
      `${tunnel.interface} is defined in ${elsewhere.file}:${elsewhere.line} too`,
      `vxfleet keeps it in ${place} alone: run ifdown ${tunnel.interface}, then remove that stanza.`,
    );
  }
  return again === undefined || ownerOf(facts.files.get(tunnel.interface) ?? '') === undefined
    ? undefined
    : refuse(
        'file',
        `ifupdown reads ${place} twice, and would make ${tunnel.interface} twice`,
        'Two `source` lines of /etc/network/interfaces name it by different paths: keep one.',
      );
};

/** A file or link of the name that vxfleet did not make is taken over only when that is asked for. */
export const isOurs: Rule = ({ tunnel, facts, adopt }) => {
  const place = `${INTERFACES_D}/${tunnel.interface}`;
  if (facts.binaryFiles.includes(tunnel.interface)) {
    return refuse(
      'file',
      `${place} has a zero byte: it is no text, and could not be put back as it is`,
      'A disk that lost its power may leave such a file. Move it away; then deploy again.',
    );
  }
  const text = facts.files.get(tunnel.interface);
  const link = facts.links.get(tunnel.interface);
  if (text === undefined && link !== undefined && !link.mac.startsWith(MAC_PREFIX) && !adopt) {
    return refuse(
      'link',
      `${tunnel.interface} exists (VNI ${link.vni}, remote ${link.remote ?? 'unset'}) and has no file: vxfleet did not make it`,
      `Remove it (ip link del dev ${tunnel.interface}) or rename it; deploy --adopt replaces it, and it cannot be put back.`,
    );
  }
  return text === undefined || text.startsWith(OWNER_PREFIX) || adopt
    ? undefined
    : refuse(
        'file',
        `${place} was not written by vxfleet`,
        `vxfleet diff shows what would change; deploy --adopt takes it over, and rollback brings it back.`,
      );
};

/**
 * The interface at the hub may still be another site's, one that has left the inventory or got another id. A site is known by its name or by its
 * underlay address: either may change, not both at once.
 */
export const isOfThisSpoke: Rule = ({ end, tunnel, facts }) => {
  if (end === 'spoke') return undefined;
  const name = tunnel.interface;
  const text = facts.files.get(name);
  const link = facts.links.get(name);
  if (text === undefined) {
    const isOther = link?.mac.startsWith(MAC_PREFIX) === true && link.remote !== tunnel.spokeUnderlay.address;
    return isOther
      ? refuse(
          'link',
          `${name} on the hub is still the tunnel of another spoke (${link.remote ?? 'no remote'}), without a file`,
          `If nobody needs it: ip link del dev ${name} on the hub; then this spoke can have the id.`,
        )
      : undefined;
  }
  const owner = ownerOf(text);
  const remote = remoteOf(text);
  const isSame = owner?.spoke === tunnel.spoke || remote === tunnel.spokeUnderlay.address;
  if (owner === undefined || isSame) return undefined;
  return refuse(
    'file',
    `${name} on the hub is still the tunnel of ${owner.spoke ?? 'another spoke'} (${remote ?? 'no remote'})`,
    'deploy --prune removes that tunnel from both its ends; then this spoke can have the id.',
  );
};

/** A tunnel of ours may be of another inventory. */
export const isOfThisFleet: Rule = (scene) => {
  if (scene.adopt) return undefined;
  return scene.end === 'hub' ? refuseOtherPrefix(scene) : refuseOtherHub(scene);
};

/** Renumbering leaves a site's name and address as they are; or the spoke's host has the other end of what is found. */
function refuseOtherPrefix({ tunnel, fleet, facts, otherFacts }: Scene): Refusal | undefined {
  const text = facts.files.get(tunnel.interface);
  const link = facts.links.get(tunnel.interface);
  const addresses = text === undefined ? link?.addresses.map(({ address }) => address) : [addressOf(text)];
  const address = addresses?.find((one) => one !== undefined);
  if (address === undefined || isInPrefix(address, fleet.prefix)) return undefined;
  const remote = text === undefined ? link?.remote : remoteOf(text);
  const owner = text === undefined ? undefined : ownerOf(text)?.spoke;
  if (remote === tunnel.spokeUnderlay.address && (owner === undefined || owner === tunnel.spoke)) return undefined;
  const spokeText = otherFacts?.files.get(tunnel.interface) ?? '';
  const isPair = ownerOf(spokeText)?.spoke === owner && isInPrefix(addressOf(spokeText) ?? '', `${address}/80`);
  if (owner !== undefined && isPair) return undefined;
  return refuse(
    'file',
    `${tunnel.interface} on the hub is of another fleet: it has ${address}, outside of ${fleet.prefix}, and leads to ${owner ?? 'a spoke'} (${remote ?? 'no remote'})`,
    'Give this spoke another id, which the other fleet does not use; deploy --adopt takes the tunnel over.',
  );
}

/** The hub that a spoke's end speaks of must be this one, or have been it: then the hub's end is this spoke's. */
function refuseOtherHub({ tunnel, fleet, facts, otherFacts }: Scene): Refusal | undefined {
  const name = tunnel.interface;
  const text = facts.files.get(name);
  const link = facts.links.get(name);
  if (text === undefined && link?.mac.startsWith(MAC_PREFIX) !== true) return undefined;
  if (text !== undefined && ownerOf(text) === undefined) return undefined;
  const remote = text === undefined ? link?.remote : remoteOf(text);
  const hubText = otherFacts?.files.get(name);
  const known = [tunnel.hubUnderlay.address, hubText && localOf(hubText), otherFacts?.links.get(name)?.local];
  if (remote === undefined || known.includes(remote)) return undefined;
  const isPair =
    hubText !== undefined &&
    ownerOf(hubText)?.spoke === (text === undefined ? tunnel.spoke : ownerOf(text)?.spoke) &&
    isInPrefix(addressOf(hubText) ?? '', fleet.prefix);
  return isPair
    ? undefined
    : refuse(
        'file',
        `${name} on ${tunnel.spoke} leads to another hub, ${remote}, and not to ${tunnel.hubUnderlay.address}`,
        `Is the spoke in another inventory too? Then give it another id here. deploy --adopt takes the tunnel over, as in a move to a new hub; the old hub keeps its end.`,
      );
}
