import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SshConfig } from '../../src/ssh/ssh-config.js';
import { makeHome, targetOf } from './ssh-test-server.js';

/** The stock file of Debian 12, without its comments. */
const debian = (directory: string): string => `Include ${directory}/ssh_config.d/*.conf

Host *
#   ForwardAgent no
    SendEnv LANG LC_*
    HashKnownHosts yes
    GSSAPIAuthentication yes
`;

interface Files {
  readonly user?: string;
  readonly system?: string;
  readonly dropIns?: Readonly<Record<string, string>>;
}

/** Whether ssh is started: there is none, so that it shows. */
async function isAsked({ user, system, dropIns = {} }: Files): Promise<boolean> {
  const home = makeHome(user === undefined ? {} : { config: user });
  const systemDirectory = join(home, 'etc');
  mkdirSync(join(systemDirectory, 'ssh_config.d'), { recursive: true });
  writeFileSync(join(systemDirectory, 'ssh_config'), system ?? debian(systemDirectory));
  for (const [name, text] of Object.entries(dropIns)) writeFileSync(join(systemDirectory, 'ssh_config.d', name), text);
  let asked = false;
  const config = new SshConfig({
    home,
    systemDirectory,
    program: '/nowhere/ssh',
    onTrace: (trace) => (asked = trace.includes('no ssh program')),
  });
  const target = targetOf(22, { host: 'tokyo' });
  expect(await config.ask(target)).toBeUndefined();
  await config.close();
  return asked;
}

describe('ssh is asked what its files say', () => {
  it.each(['', '# Port 2222\n', 'Match all\n ControlPath ~/x\n', 'hashknownhosts=yes'])('not for %j', async (user) => {
    expect(await isAsked({ user })).toBe(false);
    expect(await isAsked({ system: user })).toBe(false);
  });

  it.each([
    'Port 2222',
    'Host *\n\tIdentityFile ~/x',
    'user=admin',
    '"User" admin',
    'Include ~/other',
    'Include relative',
    'Include /etc/ssh/ssh_config.d/*.conf /etc/b.conf',
    'Whatever comes',
    'Host *\n ProxyJump gate',
  ])('for %j', async (text) => {
    expect(await isAsked({ user: text })).toBe(true);
    expect(await isAsked({ system: text })).toBe(true);
    expect(await isAsked({ dropIns: { 'one.conf': text } })).toBe(true);
  });

  it('not for files that nothing includes', async () => {
    expect(await isAsked({ dropIns: { 'one.txt': 'Port 2222', '.two.conf': 'Port 2222', 'three.conf': '' } })).toBe(
      false,
    );
    expect(await isAsked({ system: '', dropIns: { 'one.conf': 'Port 2222' } })).toBe(false);
  });
});
