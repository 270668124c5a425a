import { describe, expect, it } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { expandPath, expandTokens, OpenSshAnswer, splitFiles } from '../../src/ssh/config-answer.js';

describe('an answer of ssh -G', () => {
  const baseline = new OpenSshAnswer('port 22\nidentityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ed25519\n');

  it('has every line of a keyword, in order', () => {
    expect(baseline.all('identityfile')).toEqual(['~/.ssh/id_rsa', '~/.ssh/id_ed25519']);
    expect(baseline.all('proxyjump')).toEqual([]);
  });

  it('says nothing where it is equal to that without any file', () => {
    expect(new OpenSshAnswer('port 22\n').changed('port', baseline)).toBeUndefined();
    expect(new OpenSshAnswer('').changed('proxyjump', baseline)).toBeUndefined();
  });

  it('says what differs, be it the order', () => {
    const answer = new OpenSshAnswer('port 2222\nidentityfile ~/.ssh/id_ed25519\nidentityfile ~/.ssh/id_rsa\n');
    expect(answer.changed('port', baseline)).toEqual(['2222']);
    expect(answer.changed('identityfile', baseline)).toEqual(['~/.ssh/id_ed25519', '~/.ssh/id_rsa']);
  });

  it('keeps the blanks of a value', () => {
    expect(new OpenSshAnswer('proxycommand nc  -x proxy %h %p\n').all('proxycommand')).toEqual(['nc  -x proxy %h %p']);
  });
});

it.each([
  ['/a /b', ['/a', '/b']],
  ['/home/me/my keys /etc/known', ['/home/me/my keys', '/etc/known']],
  ['~/a ~/b', ['~/a', '~/b']],
  ['none', []],
  [undefined, []],
])('the files of %j are %j', (line, files) => {
  expect(splitFiles(line)).toEqual(files);
});

const tokens = {
  d: '/home/me',
  h: 'tk.example.net',
  i: '1000',
  k: 'tk',
  L: 'ctl',
  l: 'ctl.lan',
  n: 'tokyo',
  p: '2222',
};
const all = { ...tokens, r: 'admin', u: 'me' };

describe('tokens', () => {
  it('stand for what ssh_config(5) says', () => {
    expect(expandTokens('%n %h:%p %r %% %u@%L', all, 'ProxyCommand')).toBe('tokyo tk.example.net:2222 admin % me@ctl');
  });

  it.each(['%C', '%j', '%', 'x%'])('refuses %j, which it does not know', (text) => {
    expect(() => expandTokens(text, all, 'ProxyCommand')).toThrow(VxfleetError);
  });

  it('are not looked for in what they stand for', () => {
    expect(expandTokens('%r', { ...all, r: '%h' }, 'ProxyCommand')).toBe('%h');
  });
});

describe('paths', () => {
  it('have ~, variables and tokens', () => {
    expect(expandPath('~/.ssh/${ROLE}_%r', all, { ROLE: 'fleet' }, 'IdentityFile')).toBe('/home/me/.ssh/fleet_admin');
    expect(expandPath('/~/x', all, {}, 'IdentityFile')).toBe('/~/x');
  });

  it('are refused with a variable that is not set', () => {
    expect(() => expandPath('${NOT_SET}/x', all, {}, 'IdentityFile')).toThrow('uses ${NOT_SET}, which is not set');
  });
});
