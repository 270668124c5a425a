/** What can be made to go wrong. */
import type { DisturbedDeploy } from './disturbed-deploy.js';
import type { KnownGeneration } from './generations.js';
import type { End } from '../../src/plan/plan.js';
import type { Point } from './points.js';
import type { Random } from './random.js';
import type { Site } from './site.js';

/** A change that is under way, waiting at its point. */
export interface Scene {
  readonly site: Site;
  readonly controller: DisturbedDeploy;
  readonly old: KnownGeneration;
  readonly target: KnownGeneration;
  readonly random: Random;
  /** The hosts' time is over: whatever is not in order now is a violation. */
  readonly demandState: () => Promise<void>;
}

export interface Fault {
  /** Row of the table. */
  readonly name: string;
  /** At which points it makes sense; all when absent. False for all: the fault is in what is deployed, and has no point. */
  readonly fits?: (point: Point) => boolean;
  /** Templates to deploy with, in place of the built-in ones: a directory. */
  readonly templates?: (site: Site) => Promise<string>;
  /** What must be in place before the deploy begins. */
  readonly arm?: (site: Site) => Promise<void>;
  /** At the point, while the controller waits (unless the point's phase is `during`). */
  readonly inject?: (scene: Scene) => Promise<void>;
  /** After the controller was told to go on. The hosts' time is counted from the end of this. */
  readonly follow?: (scene: Scene) => Promise<void>;
  /** Takes away what `arm` and `inject` left, before the next deploy. */
  readonly undo?: (site: Site) => Promise<void>;
  /** Seconds that the hosts have; the window and 10 when absent. */
  readonly settleSeconds?: number;
  /** It hits the whole hub, so the other tunnels lose packets too. */
  readonly costsBystanders?: true;
  /** Ends on which nobody can take the staged file away: only the next deploy knows that it is nobody's. */
  readonly stagedAt?: readonly End[];
  /** A third generation may come out of it. */
  readonly anyGeneration?: true;
  /**
   * What cannot be in order while the fault lasts; nothing when absent.
   * `files`: the tunnel works, and the host writes the file as soon as it can. `tunnel`: the ends may differ until the next deploy.
   * `everything`: nobody is left who could tidy up; the next deploy does.
   */
  readonly leaves?: 'files' | 'tunnel' | 'everything';
}
