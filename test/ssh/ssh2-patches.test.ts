import { createPublicKey, verify } from 'node:crypto';
import { Duplex, Writable } from 'node:stream';
import ssh2, { type Client, type ParsedKey } from 'ssh2';
import { describe, expect, it, onTestFinished } from 'vitest';
import { coalesceWrites, openKey, skipHostKeyProofs } from '../../src/ssh/ssh2-patches.js';
import { makeKey, wireKey } from './ssh-test-server.js';

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

// The names are ssh2's.
/* oxlint-disable no-underscore-dangle */

type Handler = (protocol: object, name: string, wantReply: boolean, data: unknown) => void;

/** A client of an OpenSSH that has just let it in, and what it asks of and answers to that host. */
function makeClient() {
  const client = new ssh2.Client();
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  onTestFinished(() => void socket.destroy());
  client.on('error', () => {});
  client.connect({ sock: socket, username: 'root' });
  const said: string[] = [];
  const internals = client as unknown as {
    _remoteVer: string;
    _protocol: { _handlers: { GLOBAL_REQUEST: Handler } } & Record<string, unknown>;
  };
  const protocol = internals._protocol;
  internals._remoteVer = 'OpenSSH_9.2p1';
  protocol['openssh_hostKeysProve'] = () => said.push('prove');
  protocol['requestFailure'] = () => said.push('failure');
  const request = (name: string, wantReply: boolean): void =>
    protocol._handlers.GLOBAL_REQUEST(protocol, name, wantReply, [wireKey(makeKey())]);
  return { client, request, said };
}

/** What the client says to OpenSSH's list of keys, and then to a request that wants a reply. */
function answers(prepare: (client: Client) => void): string[] {
  const { client, request, said } = makeClient();
  prepare(client);
  request('hostkeys-00@openssh.com', false);
  request('keepalive@openssh.com', true);
  return said;
}

it('lets the list of host keys pass without a word, and answers everything else', () => {
  expect(answers(() => {})).toEqual(['prove', 'failure']);
  expect(answers(skipHostKeyProofs)).toEqual(['failure']);
});

function parse(type: 'ed25519' | 'ecdsa' | 'rsa'): ParsedKey {
  const key = ssh2.utils.parseKey(makeKey(type).private);
  if (key instanceof Error) throw key;
  return key;
}

const text = Buffer.from('what is to be signed');

describe('openKey', () => {
  it.each(['ed25519', 'ecdsa', 'rsa'] as const)('signs with %s as ssh2 does', (type) => {
    const key = parse(type);
    const bySsh2 = key.sign.bind(key);
    const opened = openKey(key);
    expect(Object.hasOwn(opened, 'sign')).toBe(true);
    // ECDSA has a random part: who verifies one, verifies the other.
    for (const sign of [bySsh2, opened.sign.bind(opened)]) expect(key.verify(text, sign(text))).toBe(true);
    if (type !== 'ecdsa') expect(opened.sign(text)).toEqual(bySsh2(text));
  });

  it('signs with the hash that is named', () => {
    const key = openKey(parse('rsa'));
    expect(verify('sha512', text, createPublicKey(key.getPublicPEM()), key.sign(text, 'sha512'))).toBe(true);
  });

  it('leaves a key alone that OpenSSL cannot read', () => {
    const key = parse('ed25519');
    key.getPrivatePEM = () => 'no key';
    expect(Object.hasOwn(openKey(key), 'sign')).toBe(false);
  });
});
