/** Many cases in several labs at once. */
import { labDown } from '../../src/lab/lab-down.js';
import type { LabImage } from '../../src/lab/lab-state.js';
import type { Case, CaseOutcome, CaseResult } from './case.js';
import { runCase } from './run-case.js';
import { Site } from './site.js';

export interface CampaignOptions {
  readonly cases: readonly Case[];
  /** Labs at once. */
  readonly labs: number;
  /** What their hosts run, in turn. */
  readonly images: readonly LabImage[];
  /** The hub's window, in seconds. */
  readonly windowSeconds: number;
  readonly onResult: (result: CaseResult, lab: string) => void;
}

/** At most this many labs at once. */
export const MAX_LABS = 9;
const NAMES = Array.from({ length: MAX_LABS }, (_, index) => `camp${index + 1}`);

async function downAll(): Promise<void> {
  for (const name of NAMES) await labDown({ name });
}

export async function runCampaign({
  cases,
  labs,
  images,
  windowSeconds,
  onResult,
}: CampaignOptions): Promise<CaseResult[]> {
  const queue = [...cases];
  const results: CaseResult[] = [];
  const work = async (name: string, image: LabImage, policy: boolean): Promise<void> => {
    let site: Site | undefined;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      // A lab that is not in order any more would blame the next case for it.
      if (site?.current === undefined) site = await Site.start(name, image, policy, windowSeconds);
      const outcome = await runCase(site, next).catch((error: unknown) => brokenResult(next, error));
      const result = { ...outcome, image };
      if (result.ending === BROKEN) site = undefined;
      results.push(result);
      onResult(result, name);
    }
    await site?.down();
  };
  const names = NAMES.slice(0, Math.min(labs, cases.length));
  // Also those that an earlier campaign left when it was killed.
  await downAll();
  try {
    await Promise.all(
      names.map((name, index) => work(name, images[index % images.length] ?? 'machine', index % 2 === 1)),
    );
  } finally {
    await downAll();
  }
  return results.sort((a, b) => a.plan.index - b.plan.index);
}

const BROKEN = 'the campaign itself failed';

/** Our own failure is no host's, and yet nothing has been shown. */
const brokenResult = (plan: Case, error: unknown): CaseOutcome => ({
  plan,
  verdict: 'violation',
  violations: [`${BROKEN}: ${String(error)}`],
  left: [],
  ending: BROKEN,
  seconds: 0,
  evidence: { 'error.txt': error instanceof Error ? (error.stack ?? error.message) : String(error) },
});
