/** Another run: it ends what was left, the spoke's end first, and then deploys. */
import type { Rules } from './rules.js';
import { ENDS, isFinished, type End, type Move, type Other, type World } from './world.js';

/** What it does once it has begun; and a deploy that comes at last, when nobody is left to end a trial. */
export function otherMoves(world: World, rules: Rules): Move[] {
  const { other, hub, spoke } = world;
  if (other === 'none' || other === 'over') {
    const isForgotten = (end: End): boolean => isLeft(world, end) && !world[end].guard;
    return rules.takesOver && isFinished(world)
      ? beginAt(world, ENDS.filter(isForgotten), 'THE NEXT DEPLOY', rules)
      : [];
  }
  if (other === 'equal') return [];
  const end: End = other === 'hub' ? 'hub' : 'spoke';
  // It cannot go on, or need not.
  if (!world[end].on) return [{ text: 'the other run loses the host', to: { ...world, other: 'over' } }];
  if (world[end].trial !== 'none') return [];
  if (other === 'spoke, then hub')
    return [{ text: 'the other run goes on to the hub', to: { ...world, other: 'hub' } }];
  if (!ENDS.every((one) => world[one].on && world[one].trial === 'none'))
    return [{ text: 'the other run finds a trial open and changes nothing', to: { ...world, other: 'over' } }];
  const both = {
    ...world,
    hub: { ...hub, runs: 'new', etc: 'new' },
    spoke: { ...spoke, runs: 'new', etc: 'new' },
  } as const;
  return [{ text: 'the other run makes both ends equal', to: { ...both, other: 'equal' } }];
}

/** `deploy --takeover`, wherever the session is gone. */
export const takeoverMoves = (world: World, rules: Rules): Move[] =>
  world.other === 'none'
    ? beginAt(
        world,
        ENDS.filter((end) => isLeft(world, end)),
        'ANOTHER RUN',
        rules,
      )
    : [];

/** The lock of the run is free. */
const isLeft = (world: World, end: End): boolean => world[end].trial !== 'none' && !world[end].program;

function beginAt(world: World, ends: readonly End[], who: string, rules: Rules): Move[] {
  if (ends.length === 0 || !world.hub.on || !world.spoke.on) return [];
  if (rules.takesWholeTunnel && ENDS.some((end) => world[end].trial !== 'none' && world[end].program)) return [];
  const other: Other = ends.length === 2 ? 'spoke, then hub' : ends[0]!;
  return [{ text: `${who} TAKES OVER AT THE ${ends.join(' AND THE ').toUpperCase()}`, to: { ...world, other } }];
}
