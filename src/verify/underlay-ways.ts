/** Which way a tunnel's outer packets take, asked of the kernel with `ip route get`. Pure. */
import type { End, TunnelPlan } from '../plan/plan.js';
import { asDevice, asJson, asList, asNumber, documents, parseArray } from './ip-json.js';

export interface WayQuestion {
  readonly line: string;
  readonly remote: string;
  readonly local: string;
  /** As VXLAN asks, which is bound to this device; undefined: as anybody else would. */
  readonly device: string | undefined;
}

export interface UnderlayWay extends Pick<WayQuestion, 'remote' | 'local' | 'device'> {
  /** By which device it goes; undefined where no route leads there. */
  readonly by: string | undefined;
  /** Bytes that it takes, where the route says so, or the kernel has learnt it of the path. */
  readonly mtu: number | undefined;
}

/**
 * A packet bound to a device to which no route leads is taken for one to a neighbour there, and `ip route get` says so as if it were a route.
 * With `fibmatch` it fails instead.
 */
export function wayQuestions(tunnel: TunnelPlan, end: End): WayQuestion[] {
  const { hubUnderlay, spokeUnderlay } = tunnel;
  const [near, far] = end === 'hub' ? [hubUnderlay, spokeUnderlay] : [spokeUnderlay, hubUnderlay];
  const base = { remote: far.address, local: near.local };
  const asked = `${base.remote} from ${base.local}`;
  return [
    { ...base, device: near.device, line: `route get fibmatch ${asked} oif ${near.device}` },
    { ...base, device: undefined, line: `route get ${asked}` },
  ];
}

/** @param answers of the batch; the questions were its lines from this one on */
export const parseUnderlayWays = (
  answers: ReadonlyMap<number, string>,
  questions: readonly WayQuestion[],
  firstLine: number,
): UnderlayWay[] =>
  questions.map(({ remote, local, device }, index) => ({
    remote,
    local,
    device,
    by: wayDevice(answers.get(firstLine + index)),
    mtu: wayMtu(answers.get(firstLine + index)),
  }));

/**
 * The documents of a batch by the numbers of their lines, from 1.
 * @param text what `ip -j -force -batch -` said, errors among it: of a line that failed its number, and no document
 */
export function answersByLine(text: string): ReadonlyMap<number, string> {
  const failed = new Set([...text.matchAll(/^Command failed -:(\d+)$/gm)].map(([, number]) => Number(number)));
  const answers = new Map<number, string>();
  let number = 0;
  for (const document of documents(text)) {
    do number++;
    while (failed.has(number));
    answers.set(number, document);
  }
  return answers;
}

function wayMtu(document: string | undefined): number | undefined {
  const [route = {}] = document === undefined ? [] : parseArray(document);
  return asNumber(asJson(asList(route['metrics'])[0])['mtu']);
}

/** The device of a route, or of the first of its ways. */
export function wayDevice(document: string | undefined): string | undefined {
  const [route = {}] = document === undefined ? [] : parseArray(document);
  return asDevice(route['dev']) ?? asDevice(asJson(asList(route['nexthops'])[0])['dev']);
}
