import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fingerprint,
  hashedName,
  hostKeyAlgorithms,
  judgeHostKey,
  knownHostsName,
  matchesName,
  parseKnownHosts,
} from '../../src/ssh/known-hosts.js';
import { makeHome, makeKey, wireKey } from './ssh-test-server.js';

const ed = wireKey(makeKey());
const otherEd = wireKey(makeKey());
const ecdsa = wireKey(makeKey('ecdsa'));
const rsa = wireKey(makeKey('rsa'));
const ED = `ssh-ed25519 ${ed.toString('base64')}`;
const ECDSA = `ecdsa-sha2-nistp256 ${ecdsa.toString('base64')}`;
const RSA = `ssh-rsa ${rsa.toString('base64')}`;

const judge = (text: string, host: string, port = 22, key = ed) =>
  judgeHostKey(parseKnownHosts(text, 'kh').entries, host, port, key);
const hasSshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

describe('parseKnownHosts', () => {
  it('keeps the line numbers past comments and blank lines', () => {
    const { entries, problems } = parseKnownHosts(`# mine\n\n  \nhub ${ED} a comment here\r\n`, 'kh');
    expect(problems).toEqual([]);
    expect(entries).toMatchObject([{ file: 'kh', line: 4, marker: null, names: 'hub', type: 'ssh-ed25519' }]);
    expect(entries[0]?.key.equals(ed)).toBe(true);
  });

  it('reports bad lines and reads the good ones around them', () => {
    const text = `hub\nhub ssh-ed25519 AAAA\nhub ssh-rsa ${ed.toString('base64')}\n@owner hub ${ED}\nhub 1024 35 123\nhub ${ED}\n`;
    const { entries, problems } = parseKnownHosts(text, 'kh');
    expect(problems.map((problem) => problem.line)).toEqual([1, 2, 3, 4, 5]);
    expect(problems[3]?.message).toBe('unknown marker @owner');
    expect(entries.map((entry) => entry.line)).toEqual([6]);
  });

  it('never throws, whatever the file holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, name) => {
        judgeHostKey(parseKnownHosts(text, 'kh').entries, name, 22, ed);
      }),
    );
  });
});

describe('matchesName', () => {
  it.each([
    ['hub.example.net', 'hub.example.net', true],
    ['HUB.example.net', 'hub.example.net', true],
    ['hub,192.0.2.1', '192.0.2.1', true],
    ['*.example.net', 'hub.example.net', true],
    ['*.example.net', 'example.net', false],
    ['h?b', 'hub', true],
    ['h?b', 'hb', false],
    ['hubXexample', 'hub.example', false],
    ['hub.example', 'hubXexample', false],
    ['*,!hub', 'hub', false],
    ['!hub,*', 'hub', false],
    ['!hub,*', 'spoke', true],
    ['!hub', 'spoke', false],
    ['[hub]:2222', '[hub]:2222', true],
    ['[hub]:2222', 'hub', false],
    ['[192.0.2.*]:*', '[192.0.2.7]:2222', true],
    ['2001:db8::1', '2001:db8::1', true],
    ['|1|bad', 'hub', false],
    ['|2|AAAA|AAAA', 'hub', false],
  ])('%s for %s: %s', (names, name, expected) => {
    expect(matchesName(names, name)).toBe(expected);
  });

  it('finds a hashed name and no other', () => {
    const names = hashedName('[hub]:2222', Buffer.from('a salt of 20 bytes!!'));
    expect(matchesName(names, '[hub]:2222')).toBe(true);
    expect(matchesName(names, 'hub')).toBe(false);
  });
});

describe('judgeHostKey', () => {
  it('knows a host by any of its keys', () => {
    const text = `hub ${RSA}\nhub ${ED}\n`;
    expect(judge(text, 'HUB')).toEqual({ kind: 'known' });
    expect(judge(text, 'hub', 22, rsa)).toEqual({ kind: 'known' });
  });

  it('does not know a host that no line names', () => {
    expect(judge(`spoke ${ED}\n`, 'hub')).toEqual({ kind: 'unknown' });
  });

  it('calls another key of the same type changed, and names its line', () => {
    const verdict = judge(`hub ${RSA}\nhub ${ED}\n`, 'hub', 22, otherEd);
    expect(verdict).toMatchObject({ kind: 'changed', clash: { line: 2 } });
  });

  it('calls a key of a type not recorded for a known host changed, not new', () => {
    expect(judge(`hub ${RSA}\n`, 'hub')).toMatchObject({ kind: 'changed', clash: { line: 1 } });
  });

  it('refuses a revoked key even when another line knows it', () => {
    const text = `hub ${ED}\n@revoked * ${ED}\n`;
    expect(judge(text, 'hub')).toMatchObject({ kind: 'revoked', by: { line: 2 } });
    expect(judge(text, 'hub', 2222)).toMatchObject({ kind: 'revoked' });
    expect(judge(`hub ${ED}\n@revoked hub ${RSA}\n`, 'hub')).toEqual({ kind: 'known' });
  });

  it('never trusts a key because a certificate authority has it', () => {
    expect(judge(`@cert-authority * ${ED}\n`, 'hub')).toEqual({ kind: 'unknown' });
  });

  it('takes a portless line for another port only to accept its key', () => {
    expect(judge(`hub ${ED}\n`, 'hub', 2222)).toEqual({ kind: 'known' });
    expect(judge(`hub ${ED}\n`, 'hub', 2222, otherEd)).toEqual({ kind: 'unknown' });
    expect(judge(`[hub]:2222 ${ED}\n`, 'hub')).toEqual({ kind: 'unknown' });
  });
});

describe('hostKeyAlgorithms', () => {
  const algorithms = (text: string, port = 22) => hostKeyAlgorithms(parseKnownHosts(text, 'kh').entries, 'hub', port);

  it('puts the types of the known keys first and never offers SHA-1', () => {
    expect(algorithms(`hub ${RSA}\n`).slice(0, 3)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']);
    expect(algorithms(`hub ${ECDSA}\n`)[0]).toBe('ecdsa-sha2-nistp256');
    expect(algorithms('')[0]).toBe('ssh-ed25519');
    expect(algorithms(`hub ${RSA}\n`)).not.toContain('ssh-rsa');
  });

  it('does not count revoked keys or authorities', () => {
    expect(algorithms(`@revoked hub ${RSA}\n@cert-authority hub ${ECDSA}\n`)[0]).toBe('ssh-ed25519');
  });
});

describe.skipIf(!hasSshKeygen)('against ssh-keygen', () => {
  const names = ['hub', 'hub.example.net', '192.0.2.7', '2001:db8::1', '[hub]:2222', '[2001:db8::1]:2222', 'spoke'];
  const text = [
    `hub,hub.example.net ${ED}`,
    `*.example.net,!hub.example.net ${ECDSA}`,
    `[hub]:2222 ${ECDSA}`,
    `[2001:db8::*]:* ${RSA}`,
    `192.0.2.? ${RSA}`,
    `2001:db8::1 ${ED}`,
    '',
  ].join('\n');
  const foundBy = (file: string, name: string): number[] => {
    const { stdout } = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
    return [...stdout.matchAll(/found: line (\d+)/g)].map((match) => Number(match[1]));
  };

  it('finds the same lines, plain and hashed', () => {
    const file = join(makeHome({ known_hosts: text }), '.ssh/known_hosts');
    const check = (): void => {
      const { entries } = parseKnownHosts(readFileSync(file, 'utf8'), file);
      for (const name of names) {
        const ours = entries.filter((entry) => matchesName(entry.names, name)).map((entry) => entry.line);
        expect(ours, name).toEqual(foundBy(file, name));
      }
    };
    check();
    expect(foundBy(file, 'hub')).toEqual([1]);
    execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
    expect(readFileSync(file, 'utf8')).toContain('|1|');
    check();
  });

  it('shows the same fingerprint, and ssh-keygen finds the names that we hash', () => {
    const file = join(makeHome(), '.ssh/known_hosts');
    writeFileSync(file, `${hashedName(knownHostsName('Hub', 2222), Buffer.alloc(20, 7))} ${ED}\n`);
    expect(foundBy(file, '[hub]:2222')).toEqual([1]);
    expect(execFileSync('ssh-keygen', ['-lf', file], { encoding: 'utf8' })).toContain(fingerprint(ed));
  });
});
