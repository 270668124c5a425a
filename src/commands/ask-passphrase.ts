import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Asks on the terminal for a key's passphrase, without showing it. undefined when there is no terminal to ask on. */
export async function askPassphrase(keyPath: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  process.stderr.write(`Passphrase for ${keyPath}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise((resolve) => {
      // readline takes Ctrl-C from the terminal: hand it on to the run, which is waiting for it.
      terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
      terminal.once('SIGINT', () => resolve(undefined));
      terminal.once('close', () => resolve(undefined));
      terminal.question('', resolve);
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
