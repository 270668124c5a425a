/** `npm run campaign`: every fault at every step of a change, on real hosts. Exit code 1 when the contract was broken. */
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imageChoices } from '../lab/harness.js';
import type { CaseResult } from './case.js';
import { FAULTS } from './faults/all-faults.js';
import { planCases } from './plan-cases.js';
import { describePoint } from './points.js';
import { MAX_LABS, runCampaign } from './run-campaign.js';
import { countOf, summaryTable } from './summary-table.js';
import { writeDocument } from './write-document.js';

const USAGE = `npm run campaign -- [options]
  --runs N      how many changes are disturbed (700)
  --labs N      labs at once, at most ${MAX_LABS} (8)
  --images A,B  what their hosts run, in turn (machine); vxfleet lab up --help lists them
  --window S    the hub's window, in seconds (12)
  --seed S      for all that is random (a new one each time)
  --only TEXT   only faults whose name has this text
  --case N      only the case of this number
  --write       write docs/campaign.md
`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '700' },
    labs: { type: 'string', default: '8' },
    images: { type: 'string', default: 'machine' },
    window: { type: 'string', default: '12' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    case: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const evidence = join(tmpdir(), 'vxfleet-campaign', values.seed);

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const faults = FAULTS.filter(({ name }) => name.includes(values.only));
  const planned = planCases(faults, Number(values.runs), Number(values.seed));
  const cases = values.case === undefined ? planned : planned.filter(({ index }) => index === Number(values.case));
  process.stdout.write(`seed ${values.seed}: ${cases.length} runs, evidence in ${evidence}\n`);
  const writes: Promise<void>[] = [];
  const results = await runCampaign({
    cases,
    labs: Number(values.labs),
    images: imageChoices(...values.images.split(',')).map(({ image }) => image),
    windowSeconds: Number(values.window),
    onResult: (result, lab) => {
      process.stdout.write(`${describeResult(result, lab)}\n`);
      writes.push(keepEvidence(result));
    },
  });
  await Promise.all(writes);
  process.stdout.write(`\n${summaryTable(results)}\n\nseed ${values.seed}\n`);
  if (values.write) await writeDocument(results, Number(values.window));
  return countOf(results, 'violation') === 0 ? 0 : 1;
}

function describeResult({ plan, image, verdict, violations, left, ending, seconds }: CaseResult, lab: string): string {
  const where = plan.point === undefined ? 'the whole change' : describePoint(plan.point);
  const head = `${String(plan.index).padStart(3)} ${lab} ${image} ${verdict.padEnd(9)} ${plan.fault.name} @ ${where} (${ending}, ${seconds} s)`;
  return [head, ...violations.map((text) => `      ! ${text}`), ...left.map((text) => `      left: ${text}`)].join(
    '\n',
  );
}

async function keepEvidence({ plan, violations, left, ending, evidence: files }: CaseResult): Promise<void> {
  const directory = join(evidence, String(plan.index));
  await mkdir(directory, { recursive: true });
  const what = {
    fault: plan.fault.name,
    point: plan.point,
    seed: values.seed,
    case: plan.index,
    ending,
    violations,
    left,
  };
  await writeFile(join(directory, 'case.json'), `${JSON.stringify(what, null, 2)}\n`);
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
}

process.exitCode = await main();
