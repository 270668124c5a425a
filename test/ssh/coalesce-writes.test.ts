import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { coalesceWrites } from '../../src/ssh/coalesce-writes.js';

/** A stream, and what arrived at the other side of it: a list for each time it was written to. */
function makeSocket() {
  const calls: string[][] = [];
  const socket = new Writable({
    write: (chunk: Buffer, _, done) => {
      calls.push([chunk.toString()]);
      done();
    },
    writev: (chunks: { chunk: Buffer }[], done) => {
      calls.push(chunks.map(({ chunk }) => chunk.toString()));
      done();
    },
  });
  coalesceWrites(socket);
  return { socket, calls };
}

const tick = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

it('hands over what one callback wrote in one go, and what the next wrote in the next', async () => {
  const { socket, calls } = makeSocket();
  for (const piece of ['length', 'ciphertext', 'tag']) socket.write(piece);
  expect(calls).toEqual([]);
  await tick();
  socket.write('later');
  await tick();
  expect(calls).toEqual([['length', 'ciphertext', 'tag'], ['later']]);
});

it('loses nothing that stands before the end, and survives a socket that is destroyed', async () => {
  const { socket, calls } = makeSocket();
  socket.write('bye');
  socket.end('!');
  await tick();
  expect(calls.flat().join('')).toBe('bye!');

  const other = makeSocket();
  other.socket.write('never sent');
  other.socket.destroy();
  await tick();
  expect(other.calls).toEqual([]);
});
