import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Manifest {
  readonly engines?: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
}

const readManifest = (path: string): Manifest =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')) as Manifest;

/** The versions that .ci/node-versions.sh tests with, by name: "node-22" is "22.23.3". */
function versionsFor(cpu: string): Record<string, string> {
  const { dependencies } = readManifest(`.ci/node-versions/${cpu}/package.json`);
  const prefix = `npm:node-linux-${cpu}@`;
  return Object.fromEntries(
    Object.entries(dependencies).map(([name, spec]) => [
      name,
      spec.startsWith(prefix) ? spec.slice(prefix.length) : '',
    ]),
  );
}

it('tests with the oldest Node.js that the package promises to run on', () => {
  const oldest = readManifest('package.json').engines?.node.replace('>=', '');
  expect(Object.values(versionsFor('x64'))).toContain(`${oldest}.0`);
});

it('tests with the same versions on every processor', () => {
  expect(versionsFor('arm64')).toEqual(versionsFor('x64'));
});
