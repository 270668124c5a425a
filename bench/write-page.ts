/** docs/benchmark.md and docs/benchmark.svg. */
import { readFile, writeFile } from 'node:fs/promises';
import { pageText, seriesOf } from './page.js';
import { plotText } from './plot.js';
import type { Results } from './results.js';

const PAGE = new URL('../docs/benchmark.md', import.meta.url);
const BEFORE = new URL('before.json', import.meta.url);
const PLOT = new URL('../docs/benchmark.svg', import.meta.url);

export async function writePage(results: Results): Promise<void> {
  const before = JSON.parse(await readFile(BEFORE, 'utf8')) as Record<string, string>;
  await writeFile(PAGE, pageText(results, before));
  await writeFile(PLOT, plotText('Time over the number of spokes, both logarithmic', seriesOf(results)));
}
