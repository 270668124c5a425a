/** Plan and render of the largest fleet there can be, a /32, and of a quarter of it: a quadratic step would show. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureProgram, type Measured } from './measure-program.js';
import type { Sample, ScaleResult } from './results.js';
import { MODULES, vxfleet } from './vxfleet-contestant.js';

const SIZES = [16_384, 65_535];

export async function measureScale(lab: string, directory: string): Promise<ScaleResult[]> {
  await mkdir(directory, { recursive: true });
  const results: ScaleResult[] = [];
  for (const spokes of SIZES) {
    let times = { planMs: 0, renderMs: 0 };
    const program = fileURLToPath(new URL('render-scale.mjs', import.meta.url));
    const onLine = (line: string): void => {
      times = JSON.parse(line) as typeof times;
    };
    const modules = await run(lab, [process.execPath, program, MODULES, String(spokes)], onLine);
    if (modules.exitCode !== 0) throw new Error(`${program} ended with ${modules.exitCode}`);
    const inventory = join(directory, `scale-${spokes}.yaml`);
    await writeFile(inventory, inventoryText(spokes));
    const render = vxfleet('render', '--output', 'json', '-i', inventory);
    const command = await run(lab, ['sh', '-c', 'exec "$@" >/dev/null', 'sh', ...render]);
    process.stdout.write(
      `${spokes} spokes of a /32: plan ${times.planMs} ms, render ${times.renderMs} ms; the command ${command.wallMs} ms\n`,
    );
    const { planMs, renderMs } = times;
    results.push({ spokes, planMs, renderMs, modules, command });
  }
  return results;
}

async function run(lab: string, argv: readonly string[], onLine?: (line: string) => void): Promise<Sample> {
  const options = { lab, argv, env: process.env, ...(onLine === undefined ? {} : { onLine }) };
  const { said, ...sample }: Measured = await measureProgram(options);
  if (sample.exitCode !== 0) process.stdout.write(`${argv.join(' ')}: ended with ${sample.exitCode}\n${said}\n`);
  return sample;
}

function inventoryText(spokes: number): string {
  const underlay = (id: number): string => `{ address: 10.${id >> 16}.${(id >> 8) & 255}.${id & 255}, device: eth0 }`;
  const lines = Array.from({ length: spokes }, (_, index) => {
    const id = index + 1;
    return `  s${id}: { id: ${id}, mode: ${id % 2 ? 'policy' : 'gateway'}, underlay: ${underlay(id)} }\n`;
  });
  return `prefix: 2001:db8::/32\nhub: { underlay: { address: 198.51.100.1, device: eth0 } }\nspokes:\n${lines.join('')}`;
}
