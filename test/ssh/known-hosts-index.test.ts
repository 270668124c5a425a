import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KnownHostsIndex } from '../../src/ssh/known-hosts-store.js';
import { hashedName, knownHostsName, matchesName, type KnownHostsEntry } from '../../src/ssh/known-hosts.js';

const entriesOf = (lines: readonly string[]): KnownHostsEntry[] =>
  lines.map((names, at) => ({
    file: 'kh',
    line: at + 1,
    marker: null,
    names,
    type: 'ssh-ed25519',
    key: Buffer.of(at),
  }));

const linesOf = (lines: readonly string[], host: string, port = 22): number[] =>
  new KnownHostsIndex(entriesOf(lines)).of(host, port).map(({ line }) => line);

describe('the index of known_hosts', () => {
  it('finds a host by each form of its name, in the order of the file', () => {
    const lines = [
      'osaka',
      '*.example.net',
      'tokyo,TOKYO.example.net',
      hashedName('tokyo', Buffer.alloc(20)),
      '[tokyo]:2222',
    ];
    expect(linesOf(lines, 'tokyo')).toEqual([3, 4]);
    expect(linesOf(lines, 'Tokyo.example.net')).toEqual([2, 3]);
    expect(linesOf(lines, 'tokyo', 2222)).toEqual([3, 4, 5]);
    expect(linesOf(lines, 'kyoto')).toEqual([]);
  });

  it('finds what a look at every line would find', () => {
    const name = fc.constantFrom('a', 'b', 'A', '[a]:2', '[b]:2', '*', '?', '!a', '[a]:*', '|1|AAAA|AAAA');
    const line = fc.oneof(
      fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join(',')),
      fc.constantFrom('a', 'b', '[a]:2').map((it) => hashedName(it, Buffer.from('salt'))),
    );
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('a', 'b', 'A', 'c'), fc.constantFrom(22, 2), (lines, host, port) => {
        const names = [knownHostsName(host, port), knownHostsName(host, 22)];
        const expected = lines.flatMap((it, at) => (names.some((one) => matchesName(it, one)) ? [at + 1] : []));
        expect(linesOf(lines, host, port)).toEqual(expected);
      }),
    );
  });
});
