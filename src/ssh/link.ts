/** What SSH is spoken over: how it is opened, and how long a server may be silent there. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { bannerError, dialError, forwardError } from './connect-error.js';
import type { EffectiveTarget } from './effective-target.js';
import { endingWithUs } from './local-machine.js';
import { TextTail } from './text-tail.js';
import { inSeconds, silence } from './timeouts.js';

export interface Link {
  readonly stream: Duplex;
  /** Why the stream ended, where the link knows more than that it did. */
  readonly endReason: () => string | undefined;
  /** Lets the process end although the link is still open. */
  readonly unref: () => void;
}

/** A client that is logged in, and what it speaks over. */
export interface Connection {
  readonly client: Client;
  readonly link: Link;
}

/** A TCP connection with Nagle's algorithm off (it costs about 40 ms an exchange). Rejects with code `connect`. */
export async function dial(host: string, target: EffectiveTarget): Promise<Link> {
  const socket = await connectTo(host, target, target.connectTimeoutMs);
  return { stream: socket, endReason: () => undefined, unref: () => void socket.unref() };
}

function connectTo(host: string, target: EffectiveTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(dialError(host, target, silence(`no answer within ${inSeconds(timeoutMs)}`)));
    }, timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    // Stays for the socket's whole life: an error without a listener would end the process.
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(dialError(host, target, error));
    });
  });
}

/**
 * Opens the way from a jump host to the next. Rejects with `connect` when the jump host cannot reach it, `protocol` when it forwards nothing.
 */
export async function forward(
  host: string,
  { client }: Connection,
  jump: EffectiveTarget,
  target: EffectiveTarget,
): Promise<Link> {
  try {
    const channel = await openChannel(client, target);
    channel.on('error', () => {});
    return { stream: channel, endReason: () => undefined, unref: () => {} };
  } catch (thrown) {
    const { message, reason } = thrown as ForwardFailure;
    const text = message.replace(/^\(SSH\) Channel open failure: /, '');
    throw forwardError(host, jump, target, {
      text,
      isProhibited: reason === ADMINISTRATIVELY_PROHIBITED,
      isTried: reason !== undefined || (thrown as NodeJS.ErrnoException).code === 'ETIMEDOUT',
      cause: thrown,
    });
  }
}

/** ssh2 hands over the reason that the jump host gives, a number of RFC 4254, 5.1. */
type ForwardFailure = Error & { readonly reason?: number };

const ADMINISTRATIVELY_PROHIBITED = 1;

function openChannel(client: Client, { host, port, connectTimeoutMs }: EffectiveTarget): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const fail = (failure: ForwardFailure): void => {
      settle();
      reject(failure);
    };
    const settle = (): void => {
      isSettled = true;
      clearTimeout(timer);
      client.off('close', onClose);
    };
    const timer = setTimeout(() => fail(silence(`no answer within ${inSeconds(connectTimeoutMs)}`)), connectTimeoutMs);
    const onClose = (): void => fail(new Error('the connection to the jump host was lost'));
    client.once('close', onClose);
    try {
      // forwardOut() throws instead of calling back when the connection is gone already.
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error !== undefined) return fail(error);
        // Too late: the timer has given up.
        if (isSettled) return channel.destroy();
        settle();
        resolve(channel);
      });
    } catch {
      onClose();
    }
  });
}

/** A busy host's sshd may need a while to speak, however soon its kernel takes the connection. */
const LEAST_MS = 10_000;

/** For how long a host that has taken the connection may stay silent. */
export const bannerTimeoutMs = ({ connectTimeoutMs }: EffectiveTarget, leastMs = LEAST_MS): number =>
  Math.max(connectTimeoutMs, leastMs);

/**
 * Resolves when there is something to read (true) or the stream is closed (false); reads nothing. A hung host still accepts TCP (its kernel does):
 * it must time out here, not in one of the few handshake slots. Rejects with code `connect`.
 */
export function awaitBanner(
  stream: Duplex,
  host: string,
  target: EffectiveTarget,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      stream.off('readable', finish);
      stream.off('close', finish);
      resolve(stream.readableLength > 0);
    };
    const timer = setTimeout(() => {
      stream.destroy();
      reject(bannerError(host, target, timeoutMs));
    }, timeoutMs);
    stream.on('readable', finish);
    stream.on('close', finish);
    if (stream.destroyed) finish();
  });
}

/** What remains of the command's stderr: enough for its last words. */
const STDERR_KEEP_BYTES = 1024;

/**
 * Starts the command as ssh does, by the user's shell. It is in a session of its own, so that Ctrl-C on the terminal does not take the way
 * from a host whose trial is still to be put back; it cannot ask anything there. It ends with us.
 */
export function runProxyCommand(command: string, environment: NodeJS.ProcessEnv = process.env): Link {
  const shell = environment['SHELL'] || '/bin/sh';
  const [program, ...words] = endingWithUs([shell, '-c', `exec ${command}`]);
  const child = spawn(program, words, { env: environment, detached: true, stdio: 'pipe' });
  const stream = joinStdio(child);
  const stderr = new TextTail(STDERR_KEEP_BYTES);
  let end: string | undefined;
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('error', (error) => {
    end ??= error.message;
    stream.destroy();
  });
  child.on('close', (code, signal) => {
    const lastWords = stderr.toString().trim().split('\n').at(-1) ?? '';
    end ??= `ended with ${signal ?? `status ${code}`}${lastWords === '' ? '' : `: ${lastWords}`}`;
    closeAfterReading(stream);
  });
  return {
    stream,
    // The command's words may hold a password: its first one names it.
    endReason: () => (end === undefined ? undefined : `the ProxyCommand ${programOf(command)} ${end}`),
    unref: () => {
      child.unref();
      // Node's pipes to a child are sockets, which its types do not say.
      for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as unknown as Socket).unref();
    },
  };
}

/** The command's first word. */
export const programOf = (command: string): string => command.trim().split(/\s/)[0] ?? '';

/** The process's stdin and stdout as one stream; destroying it tells the process to end. */
function joinStdio(child: ChildProcessWithoutNullStreams): Duplex {
  const stream = new Duplex({
    read: () => void child.stdout.resume(),
    write: (chunk, encoding, done) => void child.stdin.write(chunk, encoding, () => done()),
    final: (done) => void child.stdin.end(done),
    destroy: (error, done) => {
      child.stdin.destroy();
      child.kill('SIGHUP');
      done(error);
    },
  });
  child.stdout.on('data', (chunk: Buffer) => stream.push(chunk) || child.stdout.pause());
  // A pipe that broke: the end of the process says why.
  child.stdin.on('error', () => {});
  stream.on('error', () => {});
  return stream;
}

/** Closes it when what has come so far was read; at once if nobody reads. */
function closeAfterReading(stream: Duplex): void {
  if (stream.destroyed) return;
  stream.once('end', () => stream.destroy());
  stream.push(null);
  stream.resume();
}
