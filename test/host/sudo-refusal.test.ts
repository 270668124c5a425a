import { describe, expect, it } from 'vitest';
import { sudoRefusal } from '../../src/host/sudo-refusal.js';

const ended = { kind: 'ended', end: { exitCode: 1, signal: null, lost: null, stderr: '' } } as const;
const refusal = (said: string, more: Partial<Parameters<typeof sudoRefusal>[0]> = {}) =>
  sudoRefusal({ host: 'tokyo', user: 'admin', sign: ended, said, askedFor: undefined, timeoutMs: 20_000, ...more });

/** What sudo 1.9.13 of Debian 12 said in each case. */
describe('what sudo says', () => {
  it.each([
    [
      'Sorry, user admin is not allowed to execute \'/usr/bin/bash -c SSH_CONNECTION=${2//[^0-9A-Za-z.:% _-]/}; echo "$1 root"; IFS= read\' as root on tokyo.\n',
      /^sudo on tokyo does not let admin run bash as root \(Sorry, user admin is not allowed to execute .{10,90}…\)$/,
      /admin ALL=\(root\) NOPASSWD: \/usr\/bin\/bash$/,
    ],
    ['Sorry, user admin may not run sudo on tokyo.\n', /does not let admin run bash as root/, /NOPASSWD/],
    [
      '/etc/sudoers.d/a:1:5: syntax error\ngurk\n    ^\nsudo: a password is required\n',
      /sudoers on tokyo has a syntax error/,
      /visudo -c/,
    ],
    [
      'sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n',
      /sudo on tokyo did not start bash: it ended with status 1 \(sudo: \/usr\/bin\/sudo must be owned/,
      /sudo bash -c true/,
    ],
    ['sudo: account validation failure, is your account locked?\n', /\(sudo: account validation failure/, /sudo bash/],
    ['', /^sudo on tokyo did not start bash: it ended with status 1$/, /sudo bash/],
  ])('is told for what it is: %j', (said, message, hint) => {
    const error = refusal(said);
    expect(error.code).toBe('auth');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('names whose password it was', () => {
    const said = 'Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n';
    expect(refusal(said, { askedFor: 'root' }).message).toBe(
      'sudo on tokyo did not take the password for root (sudo: 1 incorrect password attempt)',
    );
  });

  it('is told also when only ssh_config knows the login', () => {
    const { message, hint } = refusal('sudo: a password is required\n', { user: undefined });
    expect(message).toContain('has no rule for the login');
    expect(hint).toContain('USER ALL=(root) NOPASSWD: /usr/bin/bash');
  });
});
