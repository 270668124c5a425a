/** What a rule looks at, and what it answers. */
import type { Layer } from '../events.js';
import type { HostFacts } from '../host/host-facts.js';
import type { End, FleetPlan, KeptPlan, TunnelPlan } from '../plan/plan.js';

export interface PreflightOptions {
  /** Take over a file of this name that vxfleet did not write, or another fleet's. */
  readonly adopt: boolean;
  /** Is the tunnel to be taken away? Then it matters only whether that can be done. */
  readonly removes: boolean;
}

/** One end of a tunnel on its host, before anything is touched. */
export interface Scene extends PreflightOptions {
  readonly tunnel: TunnelPlan;
  readonly fleet: FleetPlan;
  readonly end: End;
  readonly facts: HostFacts;
  /** Of a tunnel that is taken away: what its record says of it, or its file where there is none. */
  readonly made?: KeptPlan | undefined;
  /** The other end's; undefined where that is gone. */
  readonly otherFacts: HostFacts | undefined;
}

export interface Refusal {
  readonly layer: Layer;
  /** What was found. */
  readonly message: string;
  /** What to write or do. */
  readonly hint: string;
}

/** A reason to leave an end alone, or undefined. */
export type Rule = (scene: Scene) => Refusal | undefined;

export const refuse = (layer: Layer, message: string, hint: string): Refusal => ({ layer, message, hint });

/** This end's own underlay, and the other's. */
export const underlays = ({
  tunnel,
  end,
}: Pick<Scene, 'tunnel' | 'end'>): {
  readonly near: TunnelPlan['hubUnderlay'];
  readonly far: TunnelPlan['hubUnderlay'];
} =>
  end === 'hub'
    ? { near: tunnel.hubUnderlay, far: tunnel.spokeUnderlay }
    : { near: tunnel.spokeUnderlay, far: tunnel.hubUnderlay };

/** The host, as the operator calls it. */
export const hostName = ({ tunnel, end }: Pick<Scene, 'tunnel' | 'end'>): string =>
  end === 'hub' ? 'the hub' : tunnel.spoke;

/** What says how the spoke is reached. */
export const wayName = ({ tunnel: { spoke }, fleet }: Pick<Scene, 'tunnel' | 'fleet'>): string =>
  fleet.tunnels.some((one) => one.spoke === spoke) ? `spokes.${spoke}.ssh.host` : `--ssh ${spoke}=HOST`;

/** Its entry in the inventory. */
export const entryName = ({ tunnel, end }: Pick<Scene, 'tunnel' | 'end'>): string =>
  end === 'hub' ? 'hub' : `spokes.${tunnel.spoke}`;
