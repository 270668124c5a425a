/** The floor: floor.mjs with the files that vxfleet renders, or with those that it rendered before. */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FIRST, type Contestant } from './contestant.js';
import type { Fleet } from './fleet.js';
import type { RenderedFile } from './rendered-files.js';
import { COUNTING_PORT } from './relays.js';

/** Connections at once, as vxfleet's default. */
const FORKS = 32;
/** Of the hub's tunnels, at once: more are no faster on two cores. */
const HUB_IFUPS = 8;

/** One connection and one `true` a host. */
export const CONNECT = 'connect only';

interface Job {
  readonly host: string;
  readonly port: number;
  readonly command: string;
  readonly input: string;
}

/** The templates of commit 27f7009, before the redesign of stanzas and program: a second floor tells what the stanzas gave from what the program gave. */
export const STANZAS_BEFORE = fileURLToPath(new URL('stanzas-27f7009', import.meta.url));
export const FLOOR_BEFORE = 'floor 27f7009';

export async function floorContestant(fleet: Fleet, files: readonly RenderedFile[]): Promise<Contestant> {
  const jobs = jobsOf(fleet, files);
  const nothing = jobs.map((job) => ({ ...job, command: 'true', input: '' }));
  return {
    name: 'floor',
    scenarios: [
      { name: FIRST, argv: await floorArgv(fleet, 'first', jobs) },
      { name: CONNECT, argv: await floorArgv(fleet, 'connect', nothing) },
    ],
  };
}

/** @param files of STANZAS_BEFORE */
export const floorBefore = async (fleet: Fleet, files: readonly RenderedFile[]): Promise<Contestant> => ({
  name: FLOOR_BEFORE,
  scenarios: [{ name: FIRST, argv: await floorArgv(fleet, 'before', jobsOf(fleet, files)) }],
});

const jobsOf = (fleet: Fleet, files: readonly RenderedFile[]): Job[] =>
  fleet.hosts.map((host): Job => ({
    ...(host === fleet.relayed ? relayed(COUNTING_PORT) : { host: host.address, port: host.port }),
    ...deployJob(files.filter((file) => file.host === host.name)),
  }));

/** One `true` on the spoke behind the relay of this port. */
export const connectThrough = async (fleet: Fleet, port: number): Promise<string[]> =>
  floorArgv(fleet, String(port), [{ ...relayed(port), command: 'true', input: '' }]);

const relayed = (port: number): Pick<Job, 'host' | 'port'> => ({ host: '127.0.0.1', port });

async function floorArgv({ directory, home }: Fleet, name: string, jobs: readonly Job[]): Promise<string[]> {
  const path = join(directory, `floor-${name}.json`);
  await writeFile(path, JSON.stringify(jobs));
  const program = fileURLToPath(new URL('floor.mjs', import.meta.url));
  return [process.execPath, program, path, join(home, '.ssh/id_ed25519'), String(FORKS)];
}

function deployJob(files: readonly RenderedFile[]): Pick<Job, 'command' | 'input'> {
  const [file] = files;
  if (file !== undefined && files.length === 1)
    return { command: `cat >${file.path} && ifup ${basename(file.path)}`, input: file.text };
  const writes = files.map(({ path, text }) => `cat >${path} <<'END'\n${text.trimEnd()}\nEND\n`);
  const names = files.map(({ path }) => basename(path)).join(' ');
  return { command: 'sh -s', input: `${writes.join('')}echo ${names} | xargs -n 1 -P ${HUB_IFUPS} ifup\n` };
}
