/**
 * `node .ci/bundle.mjs DIRECTORY`: bin.js, one file made of src/ and the packages that it uses; its source map; and their THIRD-PARTY-LICENSES.
 * Why one file: docs/decisions.md, "What the controller costs".
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const [directory] = process.argv.slice(2);
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A source file that reads a file beside itself finds it in dist/ at the same path. */
const ownPaths = {
  name: 'own-paths',
  transform(code, id) {
    const path = relative(join(ROOT, 'src'), id);
    if (path.startsWith('..') || !code.includes('import.meta.url')) return null;
    const url = `new URL(${JSON.stringify(path)}, import.meta.url).href`;
    return { code: code.replaceAll('import.meta.url', url), map: null };
  },
};

/** ssh2 does without its native code where that cannot be loaded. It is left out of the clone's program too, which is then the one that users have. */
const noNativeCode = {
  name: 'no-native-code',
  resolveId: (id) => (id === 'cpu-features' || id.endsWith('.node') ? `\0native:${id}` : null),
  load: (id) => (id.startsWith('\0native:') ? "throw new Error('native code is not bundled');" : null),
};

/** V8 looks at each regular expression when it reads the file, and takes 10 ms for the set of all emoji, which only the live view needs. */
const emojiWhenNeeded = {
  name: 'emoji-when-needed',
  transform(code, id) {
    if (!id.endsWith('/string-width/index.js')) return null;
    const literal = /\/(\S*\\p\{RGI_Emoji\}\S*)\/v/g;
    return { code: code.replace(literal, (_, source) => `new RegExp(String.raw\`${source}\`, 'v')`), map: null };
  },
};

const bundle = await rolldown({
  input: join(ROOT, 'src/bin.ts'),
  platform: 'node',
  tsconfig: join(ROOT, 'tsconfig.json'),
  // ssh2 names a file of its own, for Windows.
  transform: { define: { __dirname: 'import.meta.dirname' } },
  plugins: [ownPaths, noNativeCode, emojiWhenNeeded],
});
const { output } = await bundle.write({ dir: directory, format: 'esm', sourcemap: true, codeSplitting: false });
await bundle.close();

const packages = output
  .flatMap(({ moduleIds = [] }) => moduleIds)
  .map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0])
  .filter((found) => found !== undefined);
writeFileSync(join(directory, 'THIRD-PARTY-LICENSES'), [...new Set(packages)].map(licenseOf).sort().join('\n'));

/** @throws Error for a package without one: it cannot be handed on */
function licenseOf(packageDirectory) {
  const file = readdirSync(packageDirectory).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${packageDirectory} has no license`);
  const { name, version } = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8'));
  return `${name} ${version}\n\n${readFileSync(join(packageDirectory, file), 'utf8').trim()}\n`;
}
