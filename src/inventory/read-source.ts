import { isUtf8 } from 'node:buffer';
import { constants, createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Problem } from './problem.js';
import { SourceText } from './source-text.js';

/** Largest inventory in bytes. A fleet of 65535 spokes with every field written out stays below it. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** What was read. */
export interface Source {
  readonly text: SourceText;
  /** Absolute. What the inventory names lies beside it; beside a pipe there is nothing, so that it counts as a file of the working directory. */
  readonly path: string;
}

/** Its other names may lead to a socket, which cannot be opened anew. */
const STDIN = ['-', '/dev/stdin', '/dev/fd/0'];

/**
 * Reads a file or a pipe as UTF-8; `-` is stdin. What cannot be read is a problem, and a file that is too large is not read at all, no more than a
 * device, which may have no end.
 */
export async function readSource(path: string): Promise<Source | Problem> {
  const isStdin = STDIN.includes(path);
  const file = isStdin ? '<stdin>' : path;
  const refuse = (message: string, fix?: string): Problem => ({ file, line: 1, column: 1, message, fix });
  let bytes: Buffer;
  let isPipe = isStdin;
  try {
    if (isStdin) {
      bytes = await readAtMost(process.stdin);
    } else {
      const info = await stat(path);
      if (info.isDirectory()) return refuse('this is a directory, not an inventory file');
      isPipe = info.isFIFO();
      if (!info.isFile() && !isPipe) return refuse('this is neither a file nor a pipe');
      if (info.size > MAX_FILE_BYTES) return refuse(tooLarge(info.size));
      bytes = isPipe ? await readPipe(path) : await readAtMost(createReadStream(path));
    }
    if (bytes.length === 0)
      return refuse(isPipe ? 'nothing came from it' : 'the file is empty', 'start from inventory.example.yaml');
    if (bytes.length > MAX_FILE_BYTES) return refuse(tooLarge(bytes.length));
  } catch (thrown) {
    return refuse(...explain(thrown as NodeJS.ErrnoException));
  }
  if (!isUtf8(bytes)) return badByteProblem(file, bytes);
  return { text: new SourceText(file, bytes.toString('utf8')), path: resolve(isPipe ? '-' : path) };
}

const tooLarge = (bytes: number): string =>
  `the file is too large: ${(bytes / 1024 / 1024).toFixed(1)} MiB, and an inventory has at most 32 MiB`;

/** Reads until there are more bytes than an inventory may have, whatever the size that the file system claims. */
async function readAtMost(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    total += (chunk as Buffer).length;
    if (total > MAX_FILE_BYTES) break;
  }
  return Buffer.concat(chunks, total);
}

/** How long a pipe may be without anybody who writes to it, in ms: whoever made it may still be starting. */
const WRITER_MS = 2000;
/** Between two looks at a pipe, in ms. */
const LOOK_MS = 20;

/** To open a pipe waits for its writer, for ever if there is none: so it is opened without waiting, and looked at. */
async function readPipe(path: string): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    let patience = WRITER_MS;
    while (total <= MAX_FILE_BYTES) {
      const chunk = Buffer.allocUnsafe(65_536);
      const bytesRead = await readNow(handle, chunk);
      if (bytesRead === 0 && (total > 0 || patience <= 0)) break;
      if (bytesRead === 0) patience -= LOOK_MS;
      // Whoever writes may take the time that it takes, as one who is asked for a passphrase.
      if (bytesRead === undefined || bytesRead === 0) await sleep(LOOK_MS);
      else {
        chunks.push(chunk.subarray(0, bytesRead));
        total += bytesRead;
      }
    }
    return Buffer.concat(chunks, total);
  } finally {
    await handle.close();
  }
}

/** @returns undefined: there is a writer, and it has written nothing yet; 0: there is none */
async function readNow(handle: FileHandle, chunk: Buffer): Promise<number | undefined> {
  try {
    return (await handle.read(chunk)).bytesRead;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw thrown;
  }
}

function explain(error: NodeJS.ErrnoException): [message: string, fix?: string] {
  if (error.code === 'ENOENT') return ['the file does not exist', 'name the inventory with -i FILE'];
  if (error.code === 'EACCES' || error.code === 'EPERM') return ['the file cannot be read: permission denied'];
  if (error.code === 'ENOTDIR') return ['the file does not exist: a part of its path is not a directory'];
  return [`the file cannot be read: ${error.message}`];
}

function badByteProblem(path: string, bytes: Buffer): Problem {
  const offset = firstBadByte(bytes);
  const valid = new SourceText(path, bytes.toString('utf8', 0, offset));
  const { line, column } = valid.placeOf(valid.text.length);
  const lineStart = bytes.lastIndexOf(0x0a, Math.max(offset - 1, 0)) + 1;
  const lineEnd = bytes.indexOf(0x0a, offset);
  const sourceLine = bytes.toString('utf8', offset === 0 ? 0 : lineStart, lineEnd === -1 ? bytes.length : lineEnd);
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const hex = (bytes[offset] ?? 0).toString(16).padStart(2, '0');
  const message = `the file is not UTF-8: byte 0x${hex} cannot stand here${isUtf16 ? '; it looks like UTF-16' : ''}`;
  return { file: path, line, column, message, fix: 'save the file as UTF-8', sourceLine };
}

/** Offset of the first byte that is no part of valid UTF-8: a binary search over whole characters, then a look at the last. */
function firstBadByte(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 8) {
    let middle = (good + bad) >> 1;
    // Step back to a byte that begins a character; three in a row that do not are bad in themselves.
    for (let steps = 0; steps < 3 && ((bytes[middle] ?? 0) & 0xc0) === 0x80; steps++) middle--;
    if (middle <= good) break;
    if (isUtf8(bytes.subarray(good, middle))) good = middle;
    else bad = middle;
  }
  for (let at = good; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)));
    if (length === undefined) return at;
    at += length;
  }
  return bytes.length;
}
