import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellQuote } from '../../src/ssh/shell-quote.js';

describe('shellQuote', () => {
  it('leaves plain words readable', () => {
    expect(shellQuote(['ssh', '-p', '22', 'root@hub'])).toBe('ssh -p 22 root@hub');
  });

  it('gives every word back through a real shell', () => {
    const word = fc.string().map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        const command = shellQuote(['printf', '%s\\0', 'first', ...argv]);
        expect(execFileSync('sh', ['-c', command], { encoding: 'utf8' })).toBe(['first', ...argv, ''].join('\0'));
      }),
      { numRuns: 50 },
    );
  });
});
