import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** What an outer `npm test` tells its scripts about the outer package must not reach the npm that is tested. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(?:package|lifecycle|config_local_prefix|command)/.test(name)),
);

/** The repository without what is made from it, so that packing builds nothing in the checkout. */
function copyRepository(target: string): void {
  const made = new Set(['node_modules', 'dist', '.git', 'coverage']);
  for (const name of readdirSync(ROOT).filter((entry) => !made.has(entry) && !entry.startsWith('.dist.')))
    cpSync(join(ROOT, name), join(target, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(target, 'node_modules'));
}

describe('the packed package', () => {
  let directory = '';
  let installed = '';
  const vxfleet = (...argv: string[]) =>
    run('npx', ['--no-install', 'vxfleet', ...argv], { cwd: join(directory, 'empty'), env });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'vxfleet-pack-'));
    const source = join(directory, 'source');
    copyRepository(source);
    await run('npm', ['pack', '--pack-destination', directory], { cwd: source, env });

    const empty = join(directory, 'empty');
    cpSync(join(source, '.npmrc'), join(empty, '.npmrc'));
    writeFileSync(join(empty, 'package.json'), '{ "private": true }\n');
    const tarball = join(directory, `vxfleet-${manifest.version}.tgz`);
    const options = ['--ignore-scripts', '--prefer-offline', '--omit=dev', '--no-audit', '--no-fund'];
    await run('npm', ['install', ...options, tarball], { cwd: empty, env });
    installed = join(empty, 'node_modules/vxfleet');
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('ships what a user needs and nothing else', () => {
    const files = readdirSync(installed).toSorted();
    expect(files).toEqual(
      ['LICENSE', 'README.md', 'dist', 'docs', 'inventory.example.yaml', 'package.json', 'templates'].toSorted(),
    );
    const users = [
      'filter.md',
      'hosts.md',
      'ifupdown.md',
      'inventory.schema.json',
      'json.md',
      'protocol.md',
      'ssh.md',
      'templates.md',
    ];
    expect(readdirSync(join(installed, 'docs')).toSorted()).toEqual(users);
    expect(readdirSync(join(installed, 'dist')).toSorted()).toEqual(['THIRD-PARTY-LICENSES', 'bin.js', 'host', 'lab']);
    const programs = (folder: string): string[] =>
      readdirSync(join(ROOT, 'src', folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.ts'))
        .map(({ parentPath, name }) => relative(join(ROOT, 'src'), join(parentPath, name)));
    const [hostPrograms, labPrograms] = [programs('host'), programs('lab')];
    expect(hostPrograms.length * labPrograms.length).toBeGreaterThan(0);
    for (const program of [...hostPrograms, ...labPrograms])
      expect(existsSync(join(installed, 'dist', program)), program).toBe(true);
  });

  it('needs no other package, and names the licenses of those that it contains', () => {
    expect(readdirSync(join(installed, '..')).filter((name) => !name.startsWith('.'))).toEqual(['vxfleet']);
    const licenses = readFileSync(join(installed, 'dist/THIRD-PARTY-LICENSES'), 'utf8');
    expect(licenses).toMatch(/^ssh2 [\d.]+$/m);
    expect(licenses).toMatch(/^zod [\d.]+$/m);
  });

  // A file costs half a millisecond to find and compile: there were 400.
  it('is one file of JavaScript', async () => {
    const coverage = join(directory, 'coverage');
    const bin = join(installed, 'dist/bin.js');
    await run(process.execPath, [bin, 'render', '-i', join(installed, 'inventory.example.yaml')], {
      env: { ...env, NODE_V8_COVERAGE: coverage },
    });
    const [report = ''] = readdirSync(coverage);
    const { result } = JSON.parse(readFileSync(join(coverage, report), 'utf8')) as { result: { url: string }[] };
    expect(result.map(({ url }) => url).filter((url) => url.startsWith('file:'))).toEqual([pathToFileURL(bin).href]);
  });

  it('does not begin with the set of all emoji, which V8 makes for a regular expression as soon as it reads it', () => {
    expect(readFileSync(join(installed, 'dist/bin.js'), 'utf8')).not.toMatch(/\/\S*\\p\{RGI_Emoji\}\S*\/v/);
  });

  it('prints its version', async () => {
    const { stdout } = await vxfleet('--version');
    expect(stdout.trim()).toBe(manifest.version);
  });

  it('shows the address plan of the example inventory', async () => {
    const { stdout } = await vxfleet('inventory', '-i', join(installed, 'inventory.example.yaml'));
    expect(stdout).toContain('vxlan01');
  });

  // Where Node.js would warn of something deprecated that we or a dependency use.
  it.each(['--help', 'inventory', 'render'])('prints nothing on stderr: %s', async (command) => {
    const options = command === '--help' ? [] : ['-i', join(installed, 'inventory.example.yaml')];
    const { stderr } = await run(process.execPath, [join(installed, 'dist/bin.js'), command, ...options], { env });
    expect(stderr).toBe('');
  });

  it('renders stanzas with the templates that came with it', async () => {
    const { stdout } = await vxfleet('render', '-i', join(installed, 'inventory.example.yaml'));
    expect(stdout).toMatch(/^auto vxlan01$/m);
    expect(stdout).toMatch(/^iface vxlan01 inet6 manual$/m);
  });
});
