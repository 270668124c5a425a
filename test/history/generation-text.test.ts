import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generationBody, generationDigest } from '../../src/history/generation-text.js';
import { parseGeneration } from '../../src/history/parse-generation.js';
import { OUTCOMES } from '../../src/history/record.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { meta, storedFile } from './sample-records.js';

describe('generationBody', () => {
  it('is what the host writes behind the outcome, the file last', () => {
    expect(generationBody(meta({ restores: '20261122T090000-ffff00.2' }), 'auto vxlan01\n')).toBe(
      [
        'change 20261123T120000-abc123.1',
        'time 2026-11-23T12:00:05Z',
        'operator alice@bastion',
        'command deploy tokyo',
        'spoke tokyo',
        'end hub',
        'restores 20261122T090000-ffff00.2',
        'plan -',
        'file present',
        '',
        'auto vxlan01',
        '',
      ].join('\n'),
    );
  });

  it('says that there is no file, and ends there', () => {
    expect(generationBody(meta(), null)).toMatch(/\nplan -\nfile absent\n\n$/);
  });

  it('keeps the plan as one line of JSON, without the way to the spoke', () => {
    const { ssh: _, ...tunnel } = samplePlan().tunnel;
    const line = /^plan (.*)$/m.exec(generationBody(meta({ plan: samplePlan().tunnel }), null))?.[1];
    expect(JSON.parse(line ?? '')).toEqual(JSON.parse(JSON.stringify(tunnel)));
  });

  it('makes no header line of a line break in a word of the command or in a name', () => {
    const body = generationBody(
      meta({ command: 'deploy a\nfile absent\n\nevil', operator: 'eve\r\u2028x@h' }),
      'text\n',
    );
    expect(body).toContain('\ncommand deploy a file absent evil\n');
    expect(body).toContain('\noperator eve x@h\n');
    expect(body.endsWith('\nfile present\n\ntext\n')).toBe(true);
  });
});

describe('generationDigest', () => {
  it('is the SHA-256 of the whole file', () => {
    const { name, content } = storedFile(1, 'confirmed', {}, 'mit Umlaut: ü\n');
    const digest = createHash('sha256').update(Buffer.from(content, 'utf8')).digest('hex');
    expect(name).toBe(`000001.confirmed.${digest}`);
    expect(generationDigest('reverted', generationBody(meta(), null))).not.toBe(
      generationDigest('confirmed', generationBody(meta(), null)),
    );
  });
});

describe('a record', () => {
  const texts = fc.option(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', '\n', '\n\n', 'file absent\n\n', 'no final newline', 'a\r\n\tb\n'),
    ),
    { nil: null },
  );

  it('gives back the file byte for byte, whatever stands in it', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom(...OUTCOMES), fc.string(), fc.string(), (text, outcome, operator, command) => {
        const { name, content } = storedFile(7, outcome, { operator, command }, text);
        const generation = parseGeneration('hub', 'vxlan01', name, content);
        expect(generation.text).toBe(text);
        expect(generation.record).toMatchObject({ sequence: 7, outcome, hasFile: text !== null });
      }),
    );
  });

  it('is refused when a byte of it is another, or it is torn', () => {
    const { name, content } = storedFile(7, 'confirmed', {}, 'auto vxlan01\niface vxlan01 inet6 manual\n');
    fc.assert(
      fc.property(fc.nat(content.length - 1), fc.boolean(), (at, isTorn) => {
        const rest = isTorn ? '' : `${content[at] === 'x' ? 'y' : 'x'}${content.slice(at + 1)}`;
        expect(() => parseGeneration('hub', 'vxlan01', name, content.slice(0, at) + rest)).toThrow(/is damaged/);
      }),
    );
  });
});
