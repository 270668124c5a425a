/** What vxfleet does: the numbered messages of docs/protocol.md for a change of both ends, and the ways back. */
import { answers, at, ENDS, type End, type Generation, type Host, type Move, type Report, type Step } from './world.js';
import type { Rules } from './rules.js';
import type { Variant, Verb, World } from './world.js';

type Result = 'ok' | 'refused' | 'lost';

export function controllerMoves(world: World, variant: Variant, rules: Rules): Move[] {
  if (!world.alive || world.report !== 'none') return [];
  switch (world.step) {
    case 'prepare':
      return afterBoth(world, (isOk) => (isOk ? [send(world, 'trial', ENDS), goBack(world)] : [goBack(world)]));
    case 'trial':
      return afterBoth(world, (isOk) => (isOk ? [hold(world, 'prove'), goBack(world)] : [goBack(world)]));
    case 'prove':
      return [...(canProve(world, variant) ? [afterProof(world, rules)] : []), goBack(world)];
    case 'promise':
      return after(world, 'hub', (result) =>
        result === 'ok' ? [firstConfirm(world, rules), goBack(world)] : [goBack(world)],
      );
    case 'confirm spoke':
      return after(world, 'spoke', (result) => afterSpokeConfirm(world, result, rules));
    case 'confirm hub':
      return after(world, 'hub', (result) => afterHubConfirm(world, result, rules));
    case 'revert':
      return afterBoth(world, () =>
        world.hub.trial === 'doubt' ? [send(world, 'settle', ['hub'])] : [proveOld(world)],
      );
    case 'settle':
      // It may also tire of waiting.
      return [...after(world, 'hub', (result) => [settled(world, result, rules)]), tell(world, 'unknown')];
  }
}

const afterProof = (world: World, rules: Rules): Move =>
  rules.hasPromise ? send(world, 'promise', ['hub']) : firstConfirm(world, rules);

const firstConfirm = (world: World, rules: Rules): Move =>
  rules.confirmsSpokeFirst ? send(world, 'confirm spoke', ['spoke']) : send(world, 'confirm hub', ['hub']);

function afterSpokeConfirm(world: World, result: Result, rules: Rules): Move[] {
  if (!rules.confirmsSpokeFirst) return [tell(world, result === 'ok' ? 'changed' : 'unknown')];
  if (result === 'ok') return [send(world, 'confirm hub', ['hub'])];
  if (result === 'refused' || !rules.unansweredConfirmRevertsNothing) return [goBack(world)];
  return [send(world, 'settle', ['hub'])];
}

function afterHubConfirm(world: World, result: Result, rules: Rules): Move[] {
  if (!rules.confirmsSpokeFirst) return [result === 'ok' ? send(world, 'confirm spoke', ['spoke']) : goBack(world)];
  if (result === 'ok') return [tell(world, 'changed')];
  return [result === 'refused' ? send(world, 'settle', ['hub']) : tell(world, 'unknown')];
}

/** Packets pass, both kernels have what they should, and the last `extend` was answered. */
const canProve = (world: World, variant: Variant): boolean =>
  ENDS.every((end) => world[end].session === 'up' && world[end].trial === 'armed') &&
  (variant.nothing === 'new' || answers(world, variant));

/** What the hub did is what is reported. */
function settled(world: World, result: Result, rules: Rules): Move {
  if (result === 'lost') return tell(world, 'unknown');
  const generation = result === 'ok' ? 'new' : 'old';
  if (rules.settledIsProven && !doBothSay(world, generation)) return tell(world, 'unknown');
  return tell(world, generation === 'new' ? 'changed' : 'reverted');
}

const proveOld = (world: World): Move => tell(world, doBothSay(world, 'old') ? 'reverted' : 'unknown');

/** Each end is asked over its session. */
const doBothSay = (world: World, generation: Generation): boolean =>
  ENDS.map((end) => world[end]).every((one) => one.session === 'up' && one.trial === 'none' && one.runs === generation);

const hold = (world: World, step: Step): Move => ({
  text: `vxfleet begins to ${step}`,
  to: { ...quiet(world), step },
});

const goBack = (world: World): Move => send(world, 'revert', ENDS);

function send(world: World, step: Exclude<Step, 'prove'>, ends: readonly End[]): Move {
  const verb = step.split(' ')[0] as Verb;
  let to: World = { ...quiet(world), step };
  // A program that is gone reads nothing.
  for (const end of ends) if (to[end].program) to = at(to, end, { channel: `${verb} sent` });
  return { text: `vxfleet sends ${verb} to ${ends.length === 2 ? 'both' : `the ${ends[0]}`}`, to };
}

/** vxfleet's exit ends both sessions; what it sent before may still be read. */
function tell(world: World, report: Report): Move {
  let to: World = { ...quiet(world), report };
  for (const end of ENDS) to = at(to, end, { session: 'dead' });
  return { text: `vxfleet reports: ${report}`, to };
}

/** Answers that have been read are no more in the channels. */
function quiet(world: World): World {
  let to = world;
  for (const end of ENDS) if (isAnswer(to[end])) to = at(to, end, { channel: 'idle' });
  return to;
}

const isAnswer = ({ channel }: Host): boolean => channel === 'ok' || channel === 'refused';

/** What vxfleet may see of the message to an end: nothing yet, its answer, or that none will come. */
function resultsOf({ channel, session }: Host): Result[] {
  const read: Result[] = channel === 'ok' || channel === 'refused' ? [channel] : [];
  return session === 'dead' ? [...read, 'lost'] : read;
}

const after = (world: World, end: End, next: (result: Result) => Move[]): Move[] =>
  resultsOf(world[end]).flatMap((result) => next(result));

const afterBoth = (world: World, next: (isOk: boolean) => Move[]): Move[] =>
  resultsOf(world.hub).flatMap((hub) =>
    resultsOf(world.spoke).flatMap((spoke) => next(hub === 'ok' && spoke === 'ok')),
  );
