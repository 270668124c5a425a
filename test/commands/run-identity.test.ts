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
      run: expect.stringMatching(/^20261123T120005-iu[0-9a-z]{4}$/),
      operator: `${userInfo().username}@${hostname()}`,
      since: '2026-11-23T12:00:05Z',
      command: 'deploy tokyo --force',
    });
  });

  it('names the person behind sudo', () => {
    process.env['SUDO_USER'] = 'alice';
    expect(makeRunIdentity([]).operator).toBe(`alice@${hostname()}`);
  });

  // rollback and history take the later of two runs by their ids when their seconds are the same.
  it('gives ids that sort as time does, within a second too', () => {
    const ids = [0, 1, 35, 36, 999].map((ms) => makeRunIdentity([], new Date(1_800_000_000_000 + ms)).run);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('gives two runs of one second two ids', () => {
    const now = new Date();
    expect(makeRunIdentity([], now).run).not.toBe(makeRunIdentity([], now).run);
  });
});
