/** Reasons to leave an end alone before anything on it is touched: each with what stands where and the way out. Pure. */
import type { End, TunnelPlan } from '../plan/plan.js';
import { MAC_PREFIX } from '../plan/make-plan.js';
import type { HostFacts } from '../host/host-facts.js';
import {
  answersFromIp,
  canRead,
  canWrite,
  hasKnownIfupdown,
  hasPrograms,
  INTERFACES_D,
  isRoot,
  mayChangeNetwork,
  readsInterfacesD,
  refuse,
  type Refusal,
} from './host-fitness.js';
import { OWNER_PREFIX, ownerOf, remoteOf } from '../render/check-stanza.js';
import { isRuleOf } from '../verify/compare-end.js';
import { VXLAN_OVERHEAD } from '../verify/expect-end.js';

export interface PreflightOptions {
  /** Take over a file of this name that vxfleet did not write. */
  readonly adopt: boolean;
  /** Is the tunnel to be taken away? Then it matters only whether that can be done. */
  readonly removes: boolean;
}

type Rule = (facts: HostFacts, tunnel: TunnelPlan, end: End, options: PreflightOptions) => Refusal | undefined;

/** The first reason that applies, in the order in which one would put things right. */
export function refusalOf(
  facts: HostFacts,
  tunnel: TunnelPlan,
  end: End,
  options: PreflightOptions,
): Refusal | undefined {
  for (const rule of options.removes ? RULES_OF_REMOVAL : RULES) {
    const refusal = rule(facts, tunnel, end, options);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

const hasDevice: Rule = ({ deviceMtu }, tunnel, end) => {
  const { device } = end === 'hub' ? tunnel.hubUnderlay : tunnel.spokeUnderlay;
  return deviceMtu === undefined
    ? refuse(
        'underlay',
        `there is no device ${device}`,
        'Correct underlay.device in the inventory; `ip -br link` on the host lists what there is.',
      )
    : undefined;
};

const mtuFits: Rule = ({ deviceMtu }, tunnel, end) => {
  if (deviceMtu === undefined) return undefined;
  const { device } = end === 'hub' ? tunnel.hubUnderlay : tunnel.spokeUnderlay;
  const most = deviceMtu - VXLAN_OVERHEAD;
  if (tunnel.mtu !== undefined && tunnel.mtu > most) {
    return refuse(
      'params',
      `mtu ${tunnel.mtu} does not fit ${device} (MTU ${deviceMtu})`,
      `At most ${most}: the underlay needs ${VXLAN_OVERHEAD} bytes.`,
    );
  }
  return most < 1280
    ? refuse(
        'params',
        `${device} has MTU ${deviceMtu}: too small for IPv6 in a tunnel`,
        'IPv6 needs 1280 bytes and the underlay 50 more.',
      )
    : undefined;
};

const forwards: Rule = (facts, _tunnel, end) =>
  end === 'spoke' || facts.forwards
    ? undefined
    : refuse(
        'forwarding',
        'the hub does not forward IPv6',
        'sysctl -w net.ipv6.conf.all.forwarding=1, and put it into /etc/sysctl.d; an uplink that learns its default by RA needs accept_ra=2 first.',
      );

/** A stanza that makes the device must stand before the line that reads interfaces.d, or `ifup -a` at boot makes the tunnel first. */
const isBootOrderRight: Rule = ({ isDeviceLate }, tunnel, end) => {
  const { device } = end === 'hub' ? tunnel.hubUnderlay : tunnel.spokeUnderlay;
  return isDeviceLate
    ? refuse(
        'implementation',
        `/etc/network/interfaces makes ${device} after it reads ${INTERFACES_D}: after a reboot the tunnel would have no device`,
        `Move the line "source ${INTERFACES_D}/*" below the stanza of ${device}.`,
      )
    : undefined;
};

/** The rules at our priorities are removed by priority when the tunnel goes down; somebody else's must not be among them. */
const hasFreePriorities: Rule = ({ network }, tunnel, end) => {
  if (end === 'hub' || tunnel.mode === 'gateway') return undefined;
  const foreign = network.rules.find((rule) => isPriorityOf(tunnel, rule.priority) && !isRuleOf(tunnel, rule));
  return foreign === undefined
    ? undefined
    : refuse(
        'policy',
        `a rule that is not ours has priority ${foreign.priority}: ${foreign.text}`,
        `The tunnel needs ${tunnel.priority} and ${tunnel.priority + 1}: give that rule another priority.`,
      );
};

const isPriorityOf = (tunnel: TunnelPlan, priority: number): boolean =>
  priority === tunnel.priority || priority === tunnel.priority + 1;

const isNotForeign: Rule = (facts, tunnel, _end, options) => {
  const place = `${INTERFACES_D}/${tunnel.interface}`;
  const elsewhere = facts.stanzas.find((stanza) => stanza.interface === tunnel.interface && stanza.file !== place);
  if (elsewhere !== undefined) {
    return refuse(
      'file',
      `${tunnel.interface} is defined in ${elsewhere.file}:${elsewhere.line} too`,
      `vxfleet keeps it in ${place} alone: run ifdown ${tunnel.interface}, then remove that stanza.`,
    );
  }
  const text = facts.files.get(tunnel.interface);
  const link = facts.links.get(tunnel.interface);
  if (text === undefined && link !== undefined && !link.mac.startsWith(MAC_PREFIX) && !options.adopt) {
    return refuse(
      'link',
      `${tunnel.interface} exists (VNI ${link.vni}, remote ${link.remote ?? 'unset'}) and has no file: vxfleet did not make it`,
      `Remove it (ip link del dev ${tunnel.interface}) or rename it; deploy --adopt replaces it, and it cannot be put back.`,
    );
  }
  return text === undefined || text.startsWith(OWNER_PREFIX) || options.adopt
    ? undefined
    : refuse(
        'file',
        `${place} was not written by vxfleet`,
        `vxfleet diff shows what would change; deploy --adopt takes it over, and rollback brings it back.`,
      );
};

/**
 * The interface may still be another site's, one that has left the inventory or got another id. A site is known by its name or by its
 * underlay address: either may change, not both at once.
 */
const isOfThisSpoke: Rule = (facts, tunnel, end) => {
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

const hasFreeVni: Rule = (facts, tunnel) => {
  const other = [...facts.links.values()].find(
    (link) => link.name !== tunnel.interface && link.vni === tunnel.vni && link.dstport === tunnel.dstport,
  );
  return other === undefined
    ? undefined
    : refuse(
        'params',
        `${other.name} already has VNI ${tunnel.vni} on port ${tunnel.dstport}; the kernel allows one`,
        `Give the spoke another vxlan.vni, or remove ${other.name}.`,
      );
};

const hasNoOpenTrial: Rule = ({ trials }, tunnel) => {
  const trial = trials.get(tunnel.interface);
  if (trial === undefined) return undefined;
  const whose = `${trial.command} of ${trial.operator} (from ${trial.from}) since ${trial.since}, run ${trial.run}`;
  if (trial.holder === 'session') {
    const hint = 'One run at a time changes a tunnel. Wait for that one, then run the command again.';
    return refuse('file', `${tunnel.interface} is being changed by ${whose}`, hint);
  }
  const message = `a trial of ${tunnel.interface} is pending, its run is gone: ${whose}`;
  if (trial.holder === 'nobody') return refuse('file', message, 'The next deploy ends it.');
  const left = Math.max(trial.secondsLeft, 0);
  if (trial.state === 'confirmed') {
    const hint = 'It tries again every second: make /etc and /var writable there.';
    return refuse('file', `${message}; it is confirmed, and the host cannot write it`, hint);
  }
  return trial.state === 'doubt'
    ? refuse('file', `${message}; the host is asking the other end what it did`, TAKEOVER_HINT)
    : refuse('file', message, `The host ends it alone in ${left} s. ${TAKEOVER_HINT}`);
};

const TAKEOVER_HINT = 'deploy --takeover ends it now.';

const RULES: readonly Rule[] = [
  isRoot,
  hasNoOpenTrial,
  hasKnownIfupdown,
  hasPrograms,
  answersFromIp,
  mayChangeNetwork,
  canRead,
  readsInterfacesD,
  canWrite,
  hasDevice,
  mtuFits,
  forwards,
  isBootOrderRight,
  isNotForeign,
  isOfThisSpoke,
  hasFreePriorities,
  hasFreeVni,
];

const RULES_OF_REMOVAL: readonly Rule[] = [
  isRoot,
  hasNoOpenTrial,
  hasKnownIfupdown,
  hasPrograms,
  answersFromIp,
  mayChangeNetwork,
  canRead,
  canWrite,
];
