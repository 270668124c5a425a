/** One system call and one TCP segment for all that is written in one go. */
import type { Writable } from 'node:stream';

/**
 * Holds a socket's writes until the running callback is over. ssh2 writes an AES-GCM packet as three pieces (length, ciphertext, tag), each at
 * once; with Nagle's algorithm off that is three system calls here, and three segments that the host wakes up for.
 */
export function coalesceWrites(socket: Writable): void {
  const write: (...args: Parameters<Writable['write']>) => boolean = socket.write.bind(socket);
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    return write(...(args as Parameters<Writable['write']>));
  };
}
