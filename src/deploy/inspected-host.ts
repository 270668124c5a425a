import type { LimitFunction } from 'p-limit';
import type { HostFacts } from '../host/host-facts.js';
import type { HostSession } from '../host/host-session.js';

/** A connected host and what it said of itself. */
export interface InspectedHost {
  /** Bounces of tunnels, of which a host does as many at once as it has processors (more would only be down for longer), or one where ifupdown2 does one at a time. */
  readonly bounces: LimitFunction;
  readonly session: HostSession;
  /** Of the hub: which spoke of this run is on which host (identityOf), as far as one was found fit. */
  readonly spokes: Map<string, string>;
  readonly facts: HostFacts;
  /** Opens another session of the same run to this host. */
  readonly reconnect: () => Promise<HostSession>;
  /** The same host, looked at again. */
  readonly reinspect: () => Promise<InspectedHost>;
}
