/** How the hub finds out (docs/protocol.md): one question at a time, so that anything may happen between two of them. */
import { rename } from './transitions.js';
import type { Rules } from './rules.js';
import { answers, at, note, type Move, type Question, type Variant, type World } from './world.js';

type Answer = 'marker' | 'peer' | 'silence';
type Verdict = 'confirm' | 'revert' | Question;

export function doubtMoves(world: World, variant: Variant, rules: Rules): Move[] {
  const end = world.question === 'on new' ? 'new' : 'old';
  const answer: Answer = !answers(world, variant) ? 'silence' : world.marker ? 'marker' : 'peer';
  // Silence of a line or of a host that is off says nothing about what the spoke runs.
  const isLost = answer === 'silence' && end !== variant.nothing && (world.line !== 'up' || !world.spoke.on);
  const asked = isLost ? note(world, 'a question was lost') : world;
  const verdict = judge(answer, world, variant, rules);
  const text = `the hub asks on the ${end} end: ${answer}`;
  switch (verdict) {
    case 'confirm':
      return [{ text: `${text}; it confirms`, to: at(rename(asked, 'hub', 'confirmed'), 'hub', { runs: 'new' }) }];
    case 'revert':
      return [{ text: `${text}; it goes back`, to: rename(asked, 'hub', 'reverting') }];
    default: {
      const runs = verdict === 'on new' ? 'new' : 'old';
      const isSame = verdict === world.question && asked.notes === world.notes;
      return isSame ? [] : [{ text, to: { ...at(asked, 'hub', { runs }), question: verdict } }];
    }
  }
}

/** The numbered rules. */
function judge(answer: Answer, { question, late }: World, { areCompatible, nothing }: Variant, rules: Rules): Verdict {
  // 1 and 3: the marker says confirmed, on whichever end it is heard.
  if (answer === 'marker') return 'confirm';
  const isOver = late || !rules.waitsForDeadline;

  if (areCompatible && rules.compatibleIsAskedOnce) return answer === 'peer' && isOver ? 'revert' : 'on new';

  if (question === 'on new') {
    if (answer === 'peer') {
      // 2: the spoke has not decided yet. After the deadline it has: 3, or where there is no old end, 4.
      if (!isOver) return 'on new';
      return nothing === 'old' ? 'confirm' : 'on old, new answered';
    }
    // A new tunnel is not made in doubt.
    if (nothing === 'old') return isOver ? 'revert' : 'on new';
    return rules.silenceDecidesNothing ? 'on old, new was silent' : 'revert';
  }

  // 3: the peer runs the old end.
  if (answer === 'peer') return 'revert';
  // 4
  if (question === 'on old, new answered') return 'confirm';
  // A tunnel is not removed in doubt. 5: silence on both decides nothing.
  return nothing === 'new' && isOver ? 'revert' : 'on new';
}
