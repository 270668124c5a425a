/** How the hub finds out (docs/protocol.md): one question at a time, so that anything may happen between two of them. */
import { rename } from './transitions.js';
import type { Rules } from './rules.js';
import { at, hear, note, type Move, type Question, type Variant, type World } from './world.js';

type Verdict = 'confirm' | 'revert' | Question;

export function doubtMoves(world: World, variant: Variant, rules: Rules): Move[] {
  // A tunnel that is removed has no end to ask on.
  if (variant.nothing === 'new') {
    return isOver(world, rules) ? [decide(world, 'revert', 'the hub has nothing to ask on')] : [];
  }
  const answer = hear(world, variant);
  // Silence of a line or of a host that is off says nothing about what the spoke runs.
  const isLost = answer === 'silence' && (world.line !== 'up' || !world.spoke.on);
  const asked = isLost ? note(world, 'a question was lost') : world;
  const verdict = judge(answer, world, variant, rules);
  const text = `the hub asks on the ${world.question === 'on new' ? 'new' : 'old'} end: ${answer}`;
  if (verdict === 'confirm' || verdict === 'revert') return [decide(asked, verdict, text)];
  const runs = verdict === 'on new' ? 'new' : 'old';
  const isSame = verdict === world.question && asked.notes === world.notes;
  return isSame ? [] : [{ text, to: { ...at(asked, 'hub', { runs }), question: verdict } }];
}

function decide(world: World, verdict: 'confirm' | 'revert', text: string): Move {
  const alone = note(world, 'the hub decided by itself');
  return verdict === 'confirm'
    ? { text: `${text}; it confirms`, to: at(rename(alone, 'hub', 'confirmed'), 'hub', { runs: 'new' }) }
    : { text: `${text}; it goes back`, to: rename(alone, 'hub', 'reverting') };
}

/** Is what the spoke decided also done? */
const isOver = ({ late }: World, rules: Rules): boolean => late > 0 || !rules.waitsForDeadline;

/** The numbered rules. */
function judge(answer: ReturnType<typeof hear>, world: World, variant: Variant, rules: Rules): Verdict {
  // 1 and 4: the marker says confirmed, on whichever end it is heard.
  if (answer === 'marker') return 'confirm';
  const { question } = world;
  if (question !== 'on new') {
    if (answer === 'peer') return 'revert';
    return question === 'on old, new answered' ? 'confirm' : 'on new';
  }
  const isTold = variant.isCompatible === 'yes' || (variant.isCompatible !== 'no' && !rules.addressIsCompared);
  const isCompatible = isTold && rules.compatibleIsAskedOnce;
  const maySearch = answer === 'silence' && !isCompatible && variant.hasOldPeer;
  if (!maySearch && !isOver(world, rules)) return 'on new';
  if (!variant.hasOldPeer && !(isCompatible && rules.compatibleComesFirst)) {
    return answer === 'peer' ? 'confirm' : 'revert';
  }
  if (isCompatible) return answer === 'peer' ? 'revert' : 'on new';
  if (answer === 'peer') return 'on old, new answered';
  return rules.silenceDecidesNothing ? 'on old, new was silent' : 'revert';
}
