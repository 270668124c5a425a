/** What vxfleet does: the numbered messages of docs/protocol.md for a change of both ends, and the ways back. */
import {
  at,
  ENDS,
  hasSession,
  hear,
  isFinished,
  lose,
  type End,
  type Generation,
  type Host,
  type Move,
} from './world.js';
import type { Report, Step, Variant, Verb, World } from './world.js';
import type { Rules } from './rules.js';

type Result = 'ok' | 'refused' | 'lost';

export function controllerMoves(world: World, variant: Variant, rules: Rules): Move[] {
  if (isFinished(world)) return [];
  switch (world.step) {
    case 'prepare':
      return afterBoth(world, ([hub, spoke]) =>
        hub === 'ok' && spoke === 'ok' ? [send(world, 'trial', ENDS), goBack(world)] : [goBack(world)],
      );
    case 'trial':
      return afterBoth(world, ([hub, spoke]) =>
        hub === 'ok' && spoke === 'ok' && canProve(world, variant)
          ? [afterProof(world, rules), goBack(world)]
          : [goBack(world)],
      );
    case 'promise':
      return after(world, 'hub', (result) =>
        result === 'ok' ? [firstConfirm(world, rules), goBack(world)] : [goBack(world)],
      );
    case 'confirm spoke':
      return [
        ...askAgain(world, 'spoke', rules),
        ...after(world, 'spoke', (result) => afterSpokeConfirm(world, result, rules)),
      ];
    case 'confirm hub':
      return [
        ...askAgain(world, 'hub', rules),
        ...after(world, 'hub', (result) => afterHubConfirm(world, result, rules)),
      ];
    case 'revert':
      return [
        ...ENDS.flatMap((end) => askAgain(world, end, rules)),
        ...afterBoth(world, (results) =>
          results.every((result) => result === 'ok') ? proveOld(world) : [tell(world, 'unknown')],
        ),
      ];
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
  return [tell(world, result === 'ok' ? 'changed' : 'unknown')];
}

/** Packets pass, both kernels have what they should, and the last `extend` was answered. */
const canProve = (world: World, variant: Variant): boolean =>
  ENDS.every((end) => world[end].session === 'first' && world[end].trial === 'armed') &&
  (variant.nothing === 'new' || hear(world, variant) !== 'silence');

/** The hub's word for the spoke is no proof. */
function settled(world: World, result: Result, rules: Rules): Move {
  if (rules.settledIsProven || result === 'lost') return tell(world, 'unknown');
  return tell(world, result === 'ok' ? 'changed' : 'reverted');
}

/** Waits for hosts that go back alone, but not for long. */
const proveOld = (world: World): Move[] => [
  ...(doBothSay(world, 'old') ? [tell(world, 'reverted')] : []),
  tell(world, 'unknown'),
];

/** Each end is asked over its session. */
const doBothSay = (world: World, generation: Generation): boolean =>
  ENDS.map((end) => world[end]).every((one) => hasSession(one) && one.trial === 'none' && one.runs === generation);

const goBack = (world: World): Move => send(world, 'revert', ENDS);

function send(world: World, step: Step, ends: readonly End[]): Move {
  const verb = verbOf(step);
  let to: World = { ...quiet(world), step };
  for (const end of ENDS) if (to[end].again) to = at(to, end, { again: false });
  for (const end of ends) if (canRead(to[end])) to = at(to, end, { channel: `${verb} sent` });
  return { text: `vxfleet sends ${verb} to ${ends.length === 2 ? 'both' : `the ${ends[0]}`}`, to };
}

const verbOf = (step: Step): Verb => step.split(' ')[0] as Verb;

/** A program that is gone reads nothing. */
const canRead = ({ session, program }: Host): boolean =>
  session === 'second' || (session.startsWith('first') && program);

/** Over a new session; whether there will be one is left open. */
function askAgain(world: World, end: End, rules: Rules): Move[] {
  const { on, session, again, channel, program } = world[end];
  if (!rules.reconnects || again || !on || hasSession(world[end])) return [];
  const verb = verbOf(world.step);
  const isUnread = session === 'first lost' && program && channel === `${verb} sent`;
  const stale = isUnread ? verb : world[end].stale;
  const to = at(world, end, { session: 'second', again: true, channel: `${verb} sent`, stale });
  return [{ text: `vxfleet connects to the ${end} again and repeats ${verb}`, to }];
}

/** vxfleet's exit ends all sessions; what it sent before may still be read. */
function tell(world: World, report: Report): Move {
  let to = ENDS.reduce(lose, { ...quiet(world), report });
  for (const end of ENDS) if (to[end].again) to = at(to, end, { again: false });
  return { text: `vxfleet reports: ${report}`, to };
}

/** Answers that have been read are no more in the channels. */
function quiet(world: World): World {
  let to = world;
  for (const end of ENDS) if (answerIn(to[end]) !== undefined) to = at(to, end, { channel: 'idle' });
  return to;
}

const answerIn = ({ channel }: Host): Result | undefined =>
  channel === 'ok' || channel === 'refused' ? channel : channel === 'unsure' ? 'lost' : undefined;

/** What vxfleet may see of the message to an end: nothing yet, its answer, or that none will come. */
function resultsOf(host: Host): Result[] {
  const read = answerIn(host);
  return [...(read === undefined ? [] : [read]), ...(hasSession(host) ? [] : ['lost' as const])];
}

const after = (world: World, end: End, next: (result: Result) => Move[]): Move[] =>
  resultsOf(world[end]).flatMap((result) => next(result));

const afterBoth = (world: World, next: (results: readonly [Result, Result]) => Move[]): Move[] =>
  resultsOf(world.hub).flatMap((hub) => resultsOf(world.spoke).flatMap((spoke) => next([hub, spoke])));
