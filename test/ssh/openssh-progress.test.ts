import { describe, expect, it } from 'vitest';
import { OpenSshProgress } from '../../src/ssh/openssh-progress.js';

const NONCE = '0123456789abcdef0123456789abcdef';

function progressOf(...chunks: readonly string[]): OpenSshProgress {
  const progress = new OpenSshProgress(NONCE);
  for (const chunk of chunks) progress.push(Buffer.from(chunk));
  return progress;
}

describe('how far ssh has come', () => {
  it('is what the marks say, in pieces of any length', () => {
    const text = `${NONCE} 0 ORDER NONE NONE\n${NONCE} 0 HOSTNAME ssh-ed25519 AAAA\nwelcome${NONCE} 0 IN\n${NONCE} 1 ORDER NONE NONE\nbye\n`;
    for (const progress of [progressOf(text), progressOf(...text)]) {
      expect(progress).toMatchObject({ level: 1, stage: 'spoken', words: 'bye\n' });
    }
  });

  it('knows the key that is shown', () => {
    const { stage, key } = progressOf(`${NONCE} 0 HOSTNAME ssh-ed25519 AAAB\n`);
    expect([stage, key]).toEqual(['keyed', Buffer.from([0, 0, 1])]);
  });

  it('is not what a host says', () => {
    const guess = 'f'.repeat(32);
    expect(progressOf(`${guess} 0 IN\ndebug1: Authentication succeeded\n`)).toMatchObject({
      level: 0,
      stage: 'started',
    });
  });

  it('keeps little of a flood', () => {
    const progress = progressOf(...Array.from({ length: 100 }, () => 'x'.repeat(10_000)), `\n${NONCE} 0 IN\n`);
    expect(progress).toMatchObject({ level: 1, words: '' });
    expect(progressOf('x'.repeat(1_000_000)).words.length).toBeLessThan(20_000);
  });
});
