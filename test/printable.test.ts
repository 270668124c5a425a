/* oxlint-disable no-control-regex */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { escapeJson, printable, printableLine, visible } from '../src/printable.js';

describe('printable', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b]0;title\x07text', 'text'],
    ['\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['\x9b2Jx', 'x'],
    ['\x1bcreset', 'reset'],
    ['a\rb\x08\x00', 'ab'],
    ['tab\tnewline\n', 'tab\tnewline\n'],
    ['\x1b]0;never ended\nnext line', '\nnext line'],
    ['\u202eevil', 'evil'],
    ['ünï → ✓', 'ünï → ✓'],
  ])('%j becomes %j', (text, plain) => {
    expect(printable(text)).toBe(plain);
  });

  it('leaves no control character of any text', () => {
    const text = fc.string({
      unit: fc.constantFrom('\x1b', '[', ']', '\x9b', '\x07', '\\', 'm', '0', ';', 'x', '\n', '\u202e'),
    });
    fc.assert(fc.property(text, (raw) => !/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/.test(printable(raw) + visible(raw))));
  });
});

describe('printableLine', () => {
  it('is one line', () => {
    expect(printableLine(' a\r\n\tb \n')).toBe('a b');
  });
});

describe('visible', () => {
  it('keeps two texts apart that differ in control characters only', () => {
    expect(visible('a\r\n')).toBe('a␍\n');
    expect(visible('\x1b[2J\x7f\x9b\u202e')).toBe('␛[2J␡<U+009B><U+202E>');
  });
});

describe('escapeJson', () => {
  it('changes the text and not the value', () => {
    const value = 'a\x9b\x7f\u202e\n';
    const json = escapeJson(JSON.stringify(value));
    expect(json).not.toMatch(/[\x7f-\x9f\u202e]/);
    expect(JSON.parse(json)).toBe(value);
  });
});
