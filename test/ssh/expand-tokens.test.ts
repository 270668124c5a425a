import { describe, expect, it } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { expandPath, expandTokens } from '../../src/ssh/expand-tokens.js';

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
