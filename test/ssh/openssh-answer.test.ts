import { describe, expect, it } from 'vitest';
import { OpenSshAnswer, splitFiles } from '../../src/ssh/openssh-answer.js';

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
