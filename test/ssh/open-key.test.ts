import { createPublicKey, verify } from 'node:crypto';
import ssh2, { type ParsedKey } from 'ssh2';
import { describe, expect, it } from 'vitest';
import { openKey } from '../../src/ssh/open-key.js';
import { makeKey } from './ssh-test-server.js';

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
