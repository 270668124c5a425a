import { afterEach, describe, expect, it } from 'vitest';
import { hostname, userInfo } from 'node:os';
import { makeRunIdentity } from '../../src/commands/run-identity.js';

const sudoUser = process.env['SUDO_USER'];
afterEach(() => {
  if (sudoUser === undefined) delete process.env['SUDO_USER'];
  else process.env['SUDO_USER'] = sudoUser;
});

describe('makeRunIdentity', () => {
  it('says when, who, and what as it was typed', () => {
    delete process.env['SUDO_USER'];
    const identity = makeRunIdentity(['deploy', 'tokyo', '--force'], new Date('2026-11-23T12:00:05.678Z'));
    expect(identity).toEqual({
      run: expect.stringMatching(/^20261123T120005-[0-9a-f]{6}$/),
      operator: `${userInfo().username}@${hostname()}`,
      since: '2026-11-23T12:00:05Z',
      command: 'deploy tokyo --force',
    });
  });

  it('names the person behind sudo', () => {
    process.env['SUDO_USER'] = 'alice';
    expect(makeRunIdentity([]).operator).toBe(`alice@${hostname()}`);
  });

  it('gives two runs of one second two ids', () => {
    const now = new Date();
    expect(makeRunIdentity([], now).run).not.toBe(makeRunIdentity([], now).run);
  });
});
