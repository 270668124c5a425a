/** The files that vxfleet renders, for those who are to bring the same to the hosts. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { vxfleet } from './vxfleet-contestant.js';

export interface RenderedFile {
  /** `hub` or a spoke's name. */
  readonly host: string;
  readonly path: string;
  readonly text: string;
}

/** 255 tunnels are some 800 KiB. */
const MAX_OUTPUT = 64 * 2 ** 20;

export async function renderFiles(inventory: string): Promise<RenderedFile[]> {
  const [command = '', ...args] = vxfleet('render', '--output', 'json', '-i', inventory);
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: MAX_OUTPUT });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RenderedFile);
}
