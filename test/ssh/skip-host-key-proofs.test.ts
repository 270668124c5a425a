import { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import { expect, it, onTestFinished } from 'vitest';
import { skipHostKeyProofs } from '../../src/ssh/skip-host-key-proofs.js';
import { makeKey, wireKey } from './ssh-test-server.js';

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
