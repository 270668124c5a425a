/** `npm run bench:start -- [ROUNDS]`: what vxfleet costs before it reaches a host, as the one file that is shipped and as the modules that it is made of. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeGroups } from './control-group.js';
import { markdownTable } from './markdown-table.js';
import { measureProgram } from './measure-program.js';
import { median } from './statistics.js';
import { DIST, MODULES } from './vxfleet-contestant.js';

const GROUP = 'start';
const ROUNDS = 15;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const INVENTORY = join(ROOT, 'inventory.example.yaml');

/** Each ends before a host is contacted; the last for its LIMIT, when all that a deploy needs is loaded. */
const COMMANDS: readonly (readonly [argv: readonly string[], exitCode: number])[] = [
  [['--version'], 0],
  [['--help'], 0],
  [['render', '-i', INVENTORY], 0],
  [['deploy', '-i', INVENTORY, 'nowhere'], 2],
];

interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

async function measure(bin: string, argv: readonly string[], exitCode: number): Promise<Cost> {
  const program = [process.execPath, bin, ...argv];
  const measured = await measureProgram({ lab: GROUP, argv: program, env: process.env });
  if (measured.exitCode !== exitCode)
    throw new Error(`${argv.join(' ')}: ended with ${measured.exitCode}\n${measured.said}`);
  return { cpuMs: measured.userMs + measured.systemMs, wallMs: measured.wallMs };
}

async function main(rounds: number): Promise<void> {
  const rows: string[][] = [];
  for (const [argv, exitCode] of COMMANDS) {
    const pairs: { readonly file: Cost; readonly many: Cost }[] = [];
    for (let round = 0; round <= rounds; round++) {
      const many = await measure(join(MODULES, 'bin.js'), argv, exitCode);
      pairs.push({ many, file: await measure(join(DIST, 'bin.js'), argv, exitCode) });
    }
    // The first reads the files from the disk.
    const counted = pairs.slice(1);
    const of = (read: (pair: (typeof pairs)[number]) => number): number => median(counted.map(read));
    rows.push([
      argv.map((word) => (word === INVENTORY ? 'FILE' : word)).join(' '),
      ...[of(({ many }) => many.cpuMs), of(({ file }) => file.cpuMs)].map((ms) => ms.toFixed(0)),
      of(({ many, file }) => many.cpuMs / file.cpuMs).toFixed(2),
      ...[of(({ many }) => many.wallMs), of(({ file }) => file.wallMs)].map((ms) => ms.toFixed(0)),
    ]);
  }
  const columns = ['vxfleet', 'modules: CPU ms', 'one file: CPU ms', 'ratio of pairs', 'modules: ms', 'one file: ms'];
  process.stdout.write(`${markdownTable(columns, rows)}\n`);
}

try {
  await main(Number(process.argv[2] ?? ROUNDS));
} finally {
  await removeGroups(GROUP);
}
