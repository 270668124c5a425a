import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canMatter } from '../../src/ssh/openssh-config.js';
import { makeHome } from './ssh-test-server.js';

/** The stock file of Debian 12, without its comments. */
const DEBIAN = `Include /etc/none.d/*.conf

Host *
#   ForwardAgent no
    SendEnv LANG LC_*
    HashKnownHosts yes
    GSSAPIAuthentication yes
`;

function mattersText(text: string): boolean {
  const home = makeHome({ config: text });
  return canMatter({ kind: 'usual', paths: [join(home, '.ssh/config'), join(home, 'none')] });
}

describe('whether ssh_config can matter', () => {
  it.each(['', '# Port 2222\n', DEBIAN, 'Match all\n ControlPath ~/x\n', 'hashknownhosts=yes'])(
    'not with %j',
    (text) => {
      expect(mattersText(text)).toBe(false);
    },
  );

  it.each([
    'Port 2222',
    'Host *\n\tIdentityFile ~/x',
    'user=admin',
    '"User" admin',
    'Include ~/other',
    'Include relative',
    'Include /etc/*/x.conf',
    'Include /etc/a.conf /etc/b.conf',
    'Whatever comes',
    DEBIAN.replace('Host *', 'Host *\n ProxyJump gate'),
  ])('with %j', (text) => {
    expect(mattersText(text)).toBe(true);
  });

  it('as an included file does', () => {
    const home = makeHome();
    mkdirSync(join(home, 'conf.d'));
    const config = join(home, '.ssh/config');
    writeFileSync(config, `Include ${home}/conf.d/*.conf\n`);
    writeFileSync(join(home, 'conf.d/ignored'), 'Port 2222\n');
    writeFileSync(join(home, 'conf.d/one.conf'), 'SendEnv LANG\n');
    expect(canMatter({ kind: 'usual', paths: [config] })).toBe(false);
    writeFileSync(join(home, 'conf.d/two.conf'), 'Port 2222\n');
    expect(canMatter({ kind: 'usual', paths: [config] })).toBe(true);
  });

  it('when files include each other without end', () => {
    const home = makeHome();
    const config = join(home, '.ssh/config');
    writeFileSync(config, `Include ${config}\n`);
    expect(canMatter({ kind: 'usual', paths: [config] })).toBe(true);
  });
});
