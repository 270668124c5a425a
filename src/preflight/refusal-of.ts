/** Reasons to leave an end alone before anything on it is touched: each with what stands where and the way out. Pure. */
import {
  answersFromIp,
  blindnessOf,
  canFilter,
  canRead,
  canReplaceFile,
  canWrite,
  hasKnownIfupdown,
  hasPrograms,
  isRoot,
  mayChangeNetwork,
  maySendPackets,
} from './host-fitness.js';
import { isFormerHost, isWhatWasMade } from './removal.js';
import { comesAfterItsDevice, fitsAtBoot, readsInterfacesD } from './boot-order.js';
import { allowsIpv6, answersEcho, forwards, hasFreePort, hasFreeVni, hasIpv6, knowsVxlan } from './kernel.js';
import { hasNoOtherStanza, isOfThisFleet, isOfThisSpoke, isOurs, isVxlanIfAnything } from './ownership.js';
import { hasUnderlayAddress, hasUnderlayRoute, isNotAnotherSpoke, isNotTheOtherEnd } from './right-host.js';
import {
  hasFreeDefaultMetric,
  hasFreePriorities,
  hasFreeTable,
  hasNoCollidingRoute,
  reachesThroughTunnel,
} from './routes.js';
import { isNotManagedOver } from './way-in.js';
import type { Refusal, Rule, Scene } from './scene.js';
import { hasNoOpenTrial } from './trials.js';
import { hasDevice, mtuFits, mtuFitsWay } from './underlay-device.js';

/**
 * The first reason that applies, in the order in which one would put things right.
 * @param changes is this end to be changed? One that is not is looked at by those that take the other end away.
 */
export function refusalOf(scene: Scene, { changes = true }: { readonly changes?: boolean } = {}): Refusal | undefined {
  const ofRemoval = changes ? RULES_OF_REMOVAL : RULES_OF_ABSENCE;
  for (const rule of scene.removes ? ofRemoval : RULES) {
    const refusal = rule(scene);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Is it a host that vxfleet can work on, and one that nobody else works on? */
const OF_ANY_CHANGE: readonly Rule[] = [
  isRoot,
  hasNoOpenTrial,
  hasKnownIfupdown,
  hasPrograms,
  hasIpv6,
  answersFromIp,
  mayChangeNetwork,
  maySendPackets,
  canRead,
  canFilter,
];

const RULES: readonly Rule[] = [
  ...OF_ANY_CHANGE,
  readsInterfacesD,
  canWrite,
  canReplaceFile,
  // The right host.
  isNotTheOtherEnd,
  isNotAnotherSpoke,
  hasDevice,
  hasUnderlayAddress,
  hasUnderlayRoute,
  // What the kernel would not do.
  mtuFits,
  mtuFitsWay,
  allowsIpv6,
  answersEcho,
  forwards,
  knowsVxlan,
  // What would not last.
  comesAfterItsDevice,
  fitsAtBoot,
  // What is somebody else's.
  isVxlanIfAnything,
  hasNoOtherStanza,
  isOurs,
  isOfThisSpoke,
  isOfThisFleet,
  hasFreePriorities,
  hasFreeTable,
  hasFreeVni,
  hasFreePort,
  hasFreeDefaultMetric,
  hasNoCollidingRoute,
  isNotManagedOver,
  // What would take the packets.
  reachesThroughTunnel,
];

const RULES_OF_REMOVAL: readonly Rule[] = [
  ...OF_ANY_CHANGE,
  canWrite,
  canReplaceFile,
  isNotTheOtherEnd,
  isVxlanIfAnything,
  isWhatWasMade,
  isNotManagedOver,
];

/** Of the end that has nothing of a tunnel which is taken away from the other one. */
const RULES_OF_ABSENCE: readonly Rule[] = [
  isRoot,
  hasNoOpenTrial,
  blindnessOf,
  canRead,
  isNotTheOtherEnd,
  isFormerHost,
];
