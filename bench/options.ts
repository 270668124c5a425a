/** The command line of the benchmark. */
import { parseArgs } from 'node:util';

/** What can be asked for with --only. */
export const PARTS = ['vxfleet', 'ansible', 'floor', 'redeploy', 'delay', 'live', 'hang', 'tune', 'scale'] as const;
export type Part = (typeof PARTS)[number];

export const USAGE = `npm run bench -- [options]
  --spokes N       a fleet of N spokes; may be repeated (16)
  --rounds N       how often each is measured (3)
  --only A,B       only these parts: ${PARTS.join(', ')}
  --write          keep the results in bench/results.json and write docs/benchmark.md and docs/benchmark.svg; what is not measured
                   now stays as it was
  --page           measure nothing, only write the page from the kept results
  --name NAME      of the lab (bench)

Ansible is tuned (forks 16, 32, 64, Mitogen) once: at 64 spokes, or with --only tune. VXFLEET_DIST=DIRECTORY measures another build.
`;

export interface BenchOptions {
  readonly fleets: readonly number[];
  readonly rounds: number;
  readonly parts: ReadonlySet<Part>;
  /** Whether the parts were named, not all taken. */
  readonly isPartial: boolean;
  readonly write: boolean;
  readonly page: boolean;
  readonly lab: string;
  readonly help: boolean;
}

/** @throws TypeError for what it does not understand */
export function readOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      spokes: { type: 'string', multiple: true, default: ['16'] },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      write: { type: 'boolean', default: false },
      page: { type: 'boolean', default: false },
      name: { type: 'string', default: 'bench' },
      help: { type: 'boolean', default: false },
    },
  });
  const parts = values.only?.split(',') ?? PARTS;
  return {
    fleets: values.spokes.flatMap((text) => text.split(',')).map((text) => readCount('--spokes', text, 3)),
    rounds: readCount('--rounds', values.rounds, 1),
    parts: new Set(parts.map(readPart)),
    isPartial: values.only !== undefined,
    write: values.write,
    page: values.page,
    lab: values.name,
    help: values.help,
  };
}

function readPart(text: string): Part {
  const part = PARTS.find((name) => name === text);
  if (part === undefined) throw new TypeError(`--only ${text}: there are ${PARTS.join(', ')}`);
  return part;
}

function readCount(option: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new TypeError(`${option} ${text}: a whole number of at least ${least} is needed`);
}
