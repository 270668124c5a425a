/** One end's stanza is broken. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENDS, type End } from '../../../src/plan/plan.js';
import type { Fault } from '../fault.js';

const TEMPLATES = new URL('../../../templates/', import.meta.url);

/** How a line of the template is changed. */
const BREAKS: Readonly<Record<string, (template: string) => string>> = {
  'does not come up': (template) => template.replace(/^ {2}post-up/m, '  post-up false\n  post-up'),
  // Comes up, and talks to nobody.
  'comes up dead': (template) => template.replaceAll('remote {{ remote }}', 'remote 192.0.2.1'),
  'is no stanza': (template) => template.replace('  address ', '  adress '),
};

export const stanzaFaults = (): Fault[] =>
  ENDS.flatMap((end) =>
    Object.entries(BREAKS).map(([what, breakTemplate]): Fault => ({
      name: `the ${end}'s stanza ${what}`,
      fits: () => false,
      templates: async ({ directory }) => {
        const templates = join(directory, 'templates');
        await mkdir(templates, { recursive: true });
        for (const file of ['hub.liquid', 'gateway.liquid', 'policy.liquid']) {
          const text = await readFile(new URL(file, TEMPLATES), 'utf8');
          await writeFile(join(templates, file), endOf(file) === end ? breakTemplate(text) : text);
        }
        return templates;
      },
    })),
  );

const endOf = (file: string): End => (file === 'hub.liquid' ? 'hub' : 'spoke');
