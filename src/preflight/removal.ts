/** What is taken away must be what vxfleet made, on the host on which it made it. */
import { MAC_PREFIX } from '../plan/make-plan.js';
import { localOf, ownerOf, remoteOf, vniOf } from '../render/check-stanza.js';
import { INTERFACES_D } from '../host/host-facts.js';
import { findOtherSpoke } from './right-host.js';
import { hostName, refuse, wayName, type Refusal, type Rule, type Scene } from './scene.js';

/** File and link are the tunnel's that the record tells of, or there are none. */
export const isWhatWasMade: Rule = (scene) => refuseFile(scene) ?? refuseLink(scene);

function refuseFile(scene: Scene): Refusal | undefined {
  const { tunnel, facts, made = tunnel } = scene;
  const name = tunnel.interface;
  const text = facts.files.get(name);
  if (text === undefined) return undefined;
  const owner = ownerOf(text);
  const vni = vniOf(text) ?? made.vni;
  const remote = remoteOf(text);
  const what =
    owner?.interface !== name
      ? 'was not written by vxfleet'
      : owner.spoke !== undefined && owner.spoke !== made.spoke
        ? `is the tunnel of ${owner.spoke}`
        : differenceOf(scene, { vni, remote });
  return what === undefined
    ? undefined
    : refuse(
        'file',
        `${INTERFACES_D}/${name} on ${hostName(scene)} ${what}: it is not the tunnel that is to be removed`,
        byHand(scene),
      );
}

function refuseLink(scene: Scene): Refusal | undefined {
  const { tunnel, facts } = scene;
  const name = tunnel.interface;
  const link = facts.links.get(name);
  if (link === undefined) return undefined;
  const text = facts.files.get(name);
  // A template of the user's may leave the MAC away.
  const isMacOurs = link.mac.startsWith(MAC_PREFIX) || text?.includes(MAC_PREFIX) === false;
  const what = isMacOurs
    ? differenceOf(scene, { vni: link.vni, remote: link.remote ?? 'nowhere' })
    : `has the MAC ${link.mac}, and vxfleet did not make it`;
  return what === undefined
    ? undefined
    : refuse(
        'link',
        `${name} on ${hostName(scene)} ${what}: it is not the tunnel that is to be removed`,
        byHand(scene),
      );
}

function differenceOf(
  scene: Scene,
  { vni, remote }: { readonly vni: number; readonly remote: string | undefined },
): string | undefined {
  const { tunnel, made = tunnel } = scene;
  if (vni !== made.vni) return `has the VNI ${vni}, not ${made.vni}`;
  const peers = peersOf(scene);
  // A template of the user's may say it in another way.
  return remote === undefined || peers.includes(remote)
    ? undefined
    : `leads to ${remote}, not to ${peers[0] ?? 'anybody'}`;
}

/** Where this end may lead to. The first is the record's; the hub may have got another address since, and knows it. */
function peersOf({ tunnel, made = tunnel, end, otherFacts }: Scene): string[] {
  if (end === 'hub') return [made.spokeUnderlay.address];
  const hubText = otherFacts?.files.get(tunnel.interface) ?? '';
  return [made.hubUnderlay.address, localOf(hubText), otherFacts?.links.get(tunnel.interface)?.local].filter(
    (address) => address !== undefined,
  );
}

const byHand = (scene: Scene): string =>
  `Look at \`ip -d link show ${scene.tunnel.interface}\` and ${INTERFACES_D}/${scene.tunnel.interface} there. If nobody needs it, remove it by hand.`;

/**
 * A spoke that has nothing of the tunnel shows that nothing is left only if it is the spoke. It is the one that has the underlay address, and no
 * tunnel of another spoke.
 */
export const isFormerHost: Rule = (scene) => {
  const { tunnel, end, facts, made = tunnel } = scene;
  if (end === 'hub' || facts.files.has(tunnel.interface) || facts.links.has(tunnel.interface)) return undefined;
  const other = findOtherSpoke(scene);
  const local = [made, tunnel].map(({ spokeUnderlay }) => spokeUnderlay.local);
  const isThere = [...facts.devices.values()].some(({ ipv4 }) => ipv4.some(({ address }) => local.includes(address)));
  if (isThere && other === undefined) return undefined;
  const why =
    other === undefined ? `${local[0] ?? ''} is not an address of it` : `it has ${other.interface} of ${other.spoke}`;
  return refuse(
    'ssh',
    `SSH to ${tunnel.spoke} (${tunnel.ssh.host}) leads to a host without ${tunnel.interface}, and ${why}: it is not proven to be ${tunnel.spoke}`,
    `Correct ${wayName(scene)}. If ${tunnel.spoke} has another address by now, remove what the hub has by hand: ifdown ${tunnel.interface} && rm ${INTERFACES_D}/${tunnel.interface}.`,
  );
};
