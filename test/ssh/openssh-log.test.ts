import { expect, it } from 'vitest';
import { OpenSshLog } from '../../src/ssh/openssh-log.js';

const LOG = [
  'debug1: Connecting to 127.0.0.1 [127.0.0.1] port 2299.',
  'debug1: Connection established.',
  'debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1',
  'debug1: kex: algorithm: sntrup761x25519-sha512@openssh.com',
  'debug1: Server host key: ssh-ed25519 SHA256:abc',
  'debug1: SSH2_MSG_NEWKEYS received',
  'debug1: Offering public key: /home/me/my key ED25519 SHA256:def explicit agent',
  'Authenticated to 127.0.0.1 ([127.0.0.1]:2299) using "publickey".',
  'debug1: Entering interactive session.',
  'debug2: exec request accepted on channel 0',
].join('\r\n');

it('knows how far a connection has come, in whatever pieces its log is read', () => {
  for (const length of [1, 7, 1000]) {
    const log = new OpenSshLog();
    for (let at = 0; at < LOG.length; at += length) log.push(LOG.slice(at, at + length));
    expect(log.stage).toBe('in session');
    log.finish();
    expect(log.stage).toBe('running');
    expect(log.hostKey).toEqual({ type: 'ssh-ed25519', fingerprint: 'SHA256:abc' });
    expect(log.offered).toEqual(['/home/me/my key ED25519 SHA256:def']);
    expect(log.algorithms).toEqual(['sntrup761x25519-sha512@openssh.com']);
    expect(log.messages).toEqual([]);
  }
});

it('tells which way a master could not open', () => {
  const log = new OpenSshLog();
  const open = (channel: number, place: string): void =>
    log.push(
      `debug2: mux_master_process_stdio_fwd: channel 1: stdio fwd to ${place}\n` +
        `debug2: mux_master_process_stdio_fwd: channel_new: ${channel} control 1\n`,
    );
  open(2, '192.0.2.1:22');
  open(3, '192.0.2.2:22');
  log.push('channel 3: open failed: connect failed: No route to host\n');
  log.push('channel 2: open failed: connect failed: Connection refused\n');
  expect([...log.refusedWays]).toEqual([
    ['192.0.2.2:22', 'connect failed: No route to host'],
    ['192.0.2.1:22', 'connect failed: Connection refused'],
  ]);
});
