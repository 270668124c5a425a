import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SshTarget } from '../../src/inventory/inventory.js';
import type { EffectiveTarget } from '../../src/ssh/effective-target.js';
import type { ConnectionOptions } from '../../src/ssh/merge-target.js';
import { SshConfig, type SshConfigOptions } from '../../src/ssh/ssh-config.js';
import { TargetResolver } from '../../src/ssh/target-resolver.js';
import { makeHome } from './ssh-test-server.js';

const target = (host: string, more: Partial<SshTarget> = {}): SshTarget => ({
  host,
  port: undefined,
  user: undefined,
  isOfInventory: true,
  identityFile: undefined,
  proxyJump: undefined,
  ...more,
});

interface Settings {
  /** Text of ~/.ssh/config. */
  readonly config?: string;
  readonly options?: Partial<ConnectionOptions>;
  readonly openssh?: Partial<SshConfigOptions>;
}

/** A resolver with a home of its own, beside the system's ssh_config. */
function makeResolver({ config = '', options = {}, openssh = {} }: Settings) {
  const home = makeHome({ config });
  const resolver = new TargetResolver(
    { home, environment: { SSH_AUTH_SOCK: '/run/agent' }, ...options },
    new SshConfig({ home, ...openssh }),
  );
  onTestFinished(() => resolver.close());
  return { home, resolver };
}

const { username } = userInfo();
const hasSsh = spawnSync('ssh', ['-V']).error === undefined;

describe.skipIf(!hasSsh)('with ssh_config', () => {
  it('takes what an alias stands for, through patterns, Match and Include', async () => {
    const { home, resolver } = makeResolver({
      config: `
Include more
Host tokyo*
  HostName %h.example.net
  Port 2222
  IdentityFile ~/.ssh/fleet
  IdentityFile /keys/%n_%r
  UserKnownHostsFile ~/.ssh/known_%h /etc/fleet/known
  HostKeyAlias tokyo-key
  StrictHostKeyChecking accept-new
  ConnectTimeout 3
  ServerAliveInterval 7
  ServerAliveCountMax 2
  HostKeyAlgorithms ssh-ed25519
Match host tokyo.example.net exec "true"
  IdentitiesOnly yes
  IdentityAgent ~/agent.sock
`,
    });
    writeFileSync(join(home, 'more'), '');
    const effective = await resolver.resolve(target('tokyo', { user: 'admin' }));
    expect(effective).toMatchObject({
      alias: 'tokyo',
      host: 'tokyo.example.net',
      port: 2222,
      user: 'admin',
      route: { kind: 'direct' },
      identityFiles: [join(home, '.ssh/fleet'), '/keys/tokyo_admin'],
      identitiesOnly: true,
      agentSocket: join(home, 'agent.sock'),
      userKnownHostsFiles: [join(home, '.ssh/known_tokyo.example.net'), '/etc/fleet/known'],
      globalKnownHostsFiles: ['/etc/ssh/ssh_known_hosts'],
      hostKeyAlias: 'tokyo-key',
      strictHostKeyChecking: 'accept-new',
      hostKeyAlgorithms: ['ssh-ed25519'],
      connectTimeoutMs: 3000,
      keepaliveIntervalMs: 7000,
      keepaliveCountMax: 2,
    });
    expect(effective.origins).toMatchObject({
      host: 'ssh_config',
      port: 'ssh_config',
      user: 'inventory',
      identity_file: 'ssh_config',
      proxy_jump: 'default',
      global_known_hosts_file: 'default',
      connect_timeout: 'ssh_config',
    });
  });

  it('lets the inventory win, and the command line over both', async () => {
    const { resolver } = makeResolver({
      config: `Host *
  Port 2222
  User somebody
  IdentityFile /keys/config
  ProxyJump gate
  ConnectTimeout 3
  UserKnownHostsFile /known/config
  StrictHostKeyChecking yes
`,
      options: { connectTimeoutMs: 4000, knownHosts: '/known/option', acceptNew: true },
    });
    const said = { port: 22, user: 'root', identityFile: '/keys/inventory', proxyJump: [] };
    const effective = await resolver.resolve(target('tokyo', said));
    expect(effective).toMatchObject({
      port: 22,
      user: 'root',
      identityFiles: ['/keys/inventory'],
      identitiesOnly: true,
      route: { kind: 'direct' },
      connectTimeoutMs: 4000,
      userKnownHostsFiles: ['/known/option'],
      strictHostKeyChecking: 'accept-new',
    });
    const { origins } = effective;
    expect([origins.port, origins.user, origins.identity_file, origins.proxy_jump]).toEqual(
      Array<string>(4).fill('inventory'),
    );
    expect([origins.connect_timeout, origins.user_known_hosts_file, origins.strict_host_key_checking]).toEqual(
      Array<string>(3).fill('option'),
    );
  });

  it('asks with the login name and port of the inventory, for Match and tokens', async () => {
    const { resolver } = makeResolver({ config: 'Match user admin\n  IdentityFile /keys/%r_%p\n' });
    const effective = await resolver.resolve(target('tokyo', { user: 'admin', port: 2222 }));
    expect(effective.identityFiles).toEqual(['/keys/admin_2222']);
    expect((await resolver.resolve(target('tokyo'))).origins.identity_file).toBe('default');
  });

  it("tells a User that is the operator's own name from none", async () => {
    const { resolver } = makeResolver({ config: `Host mine\n  User ${username}\nHost *\n  Port 2222\n` });
    expect((await resolver.resolve(target('mine'))).user).toBe(username);
    expect((await resolver.resolve(target('other'))).user).toBe('root');
  });

  it('has no agent with IdentityAgent none, and the one of a variable', async () => {
    const { resolver } = makeResolver({
      config:
        'Host none\n  IdentityAgent none\nHost var\n  IdentityAgent $MY_AGENT\nHost sock\n  IdentityAgent SSH_AUTH_SOCK\n',
      options: { environment: { SSH_AUTH_SOCK: '/run/agent', MY_AGENT: '/run/mine' } },
    });
    const socketOf = async (host: string) => (await resolver.resolve(target(host))).agentSocket;
    expect(await Promise.all(['none', 'var', 'sock', 'other'].map(socketOf))).toEqual([
      undefined,
      '/run/mine',
      '/run/agent',
      '/run/agent',
    ]);
  });

  it.each([
    ['yes', 'yes'],
    ['no', 'no'],
    ['off', 'no'],
    ['accept-new', 'accept-new'],
    ['ask', 'ask'],
  ])('reads StrictHostKeyChecking %s as %s', async (text, strictHostKeyChecking) => {
    const { resolver } = makeResolver({ config: `Host *\n  Port 2222\n  StrictHostKeyChecking ${text}\n` });
    expect(await resolver.resolve(target('tokyo'))).toMatchObject({ strictHostKeyChecking });
  });

  it('reads -F in place of the usual files, also where others may write it', async () => {
    const { home, resolver: usual } = makeResolver({ config: 'Host *\n  Port 1\n' });
    const configFile = join(home, 'given [x]*');
    writeFileSync(configFile, 'Host *\n  Port 2');
    chmodSync(configFile, 0o666);
    const { resolver } = makeResolver({ openssh: { configFile } });
    expect((await usual.resolve(target('tokyo'))).port).toBe(1);
    expect((await resolver.resolve(target('tokyo'))).port).toBe(2);
    const { resolver: none } = makeResolver({ config: 'Host *\n  Port 1\n', openssh: { configFile: 'none' } });
    expect((await none.resolve(target('tokyo'))).port).toBe(22);
  });

  it('refuses a -F that is not there, and a file with a mistake, by its name', async () => {
    const { home, resolver: missing } = makeResolver({ openssh: { configFile: '/nowhere/config' } });
    await expect(missing.resolve(target('tokyo'))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('cannot read the ssh_config /nowhere/config') as string,
    });
    const configFile = join(home, 'wrong');
    writeFileSync(configFile, '\nProxyHop gate\n');
    const { resolver } = makeResolver({ openssh: { configFile } });
    await expect(resolver.resolve(target('tokyo'))).rejects.toMatchObject({
      code: 'usage',
      message: `ssh -G tokyo refuses the ssh_config: ${configFile}: line 2: Bad configuration option: proxyhop`,
    });
  });

  it('asks once a host, and not at all when no line matters', async () => {
    const home = makeHome();
    const count = join(home, 'count');
    const program = join(home, 'ssh');
    writeFileSync(program, `#!/bin/sh\necho x >>'${count}'\nexec ssh "$@"\n`, { mode: 0o755 });
    const config = 'Host a b\n  ProxyJump gate\n';
    const { resolver } = makeResolver({ config, openssh: { program } });
    await Promise.all(['a', 'b', 'a', 'b'].map((host) => resolver.resolve(target(host))));
    // a, b, gate, and what ssh says without any file.
    expect(readFileSync(count, 'utf8')).toBe('x\n'.repeat(4));
    const { resolver: idle } = makeResolver({ config: '# Port 2222\n', openssh: { program } });
    await idle.resolve(target('a'));
    expect(readFileSync(count, 'utf8')).toBe('x\n'.repeat(4));
  });

  it('gives up on an ssh that does not answer', async () => {
    const { resolver } = makeResolver({
      config: 'Match exec "sleep 5"\n  Port 2222\n',
      openssh: { timeoutMs: 300 },
    });
    await expect(resolver.resolve(target('tokyo'))).rejects.toMatchObject({ code: 'timeout' });
  });

  it('says that ssh starts for no uid without a name', async () => {
    const program = join(makeHome(), 'ssh');
    writeFileSync(program, '#!/bin/sh\necho "No user exists for uid 12345" >&2\nexit 255\n', { mode: 0o755 });
    const { resolver } = makeResolver({ config: 'Port 2222\n', openssh: { program } });
    await expect(resolver.resolve(target('tokyo'))).rejects.toMatchObject({
      code: 'usage',
      message: `${program} cannot be asked what the ssh_config says: No user exists for uid 12345`,
      hint: expect.stringContaining('/etc/passwd') as string,
    });
  });

  it('leaves nothing on the disk, even while it runs', async () => {
    const { home, resolver } = makeResolver({ config: 'Port 2222\n' });
    // Other tests' files come and go in the machine's own.
    vi.stubEnv('TMPDIR', home);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await resolver.resolve(target('tokyo'))).port).toBe(2222);
    expect(readdirSync(home)).toEqual(['.ssh']);
  });

  it('finds what the system includes beside its own file, as ssh does', async () => {
    const system = makeHome();
    writeFileSync(join(system, 'ssh_config'), 'Include fleet.conf "more/*.conf"\n');
    writeFileSync(join(system, 'fleet.conf'), 'Host tokyo\n  Port 2222\n');
    mkdirSync(join(system, 'more'));
    writeFileSync(join(system, 'more/users.conf'), 'Host tokyo\n  User admin\n');
    const { resolver } = makeResolver({ openssh: { systemDirectory: system } });
    expect(await resolver.resolve(target('tokyo'))).toMatchObject({ port: 2222, user: 'admin' });
  });

  it('refuses a FIFO in place of a file, and waits for nobody', async () => {
    const { home, resolver } = makeResolver({ config: '' });
    const fifo = join(home, '.ssh/config');
    rmSync(fifo);
    execFileSync('mkfifo', [fifo]);
    await expect(resolver.resolve(target('tokyo'))).rejects.toMatchObject({
      code: 'usage',
      message: `cannot read the ssh_config ${fifo}: ${fifo} is not a regular file`,
    });
    const { resolver: given } = makeResolver({ openssh: { configFile: fifo } });
    await expect(given.resolve(target('tokyo'))).rejects.toMatchObject({ code: 'usage' });
  });

  it('understands files as ssh does', async () => {
    const config = 'Host a b\n  HostName c\n  User x\nHost !b *\n  Port 7\n';
    const { home, resolver } = makeResolver({ config });
    for (const alias of ['a', 'b', 'd']) {
      const text = execFileSync('ssh', ['-T', '-G', '-F', join(home, '.ssh/config'), alias], { encoding: 'utf8' });
      const { host, port } = await resolver.resolve(target(alias));
      expect(text).toContain(`hostname ${host}\nport ${port}\n`);
    }
  });
});

describe.skipIf(!hasSsh)('the way to a host', () => {
  const wayOf = ({ route }: EffectiveTarget): string[] => {
    if (route.kind === 'direct') return [];
    if (route.kind === 'command') return [route.command];
    const { user, host, port } = route.through;
    return [...wayOf(route.through), `${user}@${host}:${port}`];
  };

  it('leads through every hop of ProxyJump, each with its own settings', async () => {
    const { resolver } = makeResolver({
      config: `
Host inner
  ProxyJump me@gate:2200,middle
Host gate
  HostName gate.example.net
  User other
Host middle
  Port 2201
  User you
`,
    });
    const effective = await resolver.resolve(target('inner'));
    expect(wayOf(effective)).toEqual(['me@gate.example.net:2200', 'you@middle:2201']);
    expect(effective.route).toMatchObject({ kind: 'jump', through: { isOfInventory: false } });
  });

  it('follows the ProxyJump of a jump host', async () => {
    const { resolver } = makeResolver({ config: 'Host inner\n  ProxyJump middle\nHost middle\n  ProxyJump gate\n' });
    expect(wayOf(await resolver.resolve(target('inner')))).toEqual([`${username}@gate:22`, `${username}@middle:22`]);
  });

  it("leaves the login name on a jump host to ssh's own default, and that on the hub to vxfleet's", async () => {
    const home = makeHome();
    const [program, log] = [join(home, 'ssh'), join(home, 'log')];
    const note = `[ "$4" = none ] || echo "$6 $(grep -c '^User root' "$4")" >>'${log}'`;
    writeFileSync(program, `#!/bin/sh\n${note}\nexec ssh "$@"\n`, { mode: 0o755 });
    const { resolver } = makeResolver({ config: 'Host hub\n  ProxyJump gate\n', openssh: { program } });
    const effective = await resolver.resolve(target('spoke', { proxyJump: [target('hub')] }));
    expect(wayOf(effective)).toEqual([`${username}@gate:22`, 'root@hub:22']);
    expect(readFileSync(log, 'utf8')).toBe('spoke 1\nhub 1\ngate 0\n');
  });

  it('is refused as ssh refuses it when a jump host is to be reached through itself', async () => {
    const { resolver } = makeResolver({ config: 'Host *\n  ProxyJump gate\n' });
    await expect(resolver.resolve(target('inner'))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('jumphost loop via gate') as string,
    });
  });

  it('is refused when it leads in a circle', async () => {
    const { resolver } = makeResolver({ config: 'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n' });
    await expect(resolver.resolve(target('a'))).rejects.toMatchObject({
      code: 'usage',
      message: 'ProxyJump leads in a circle: a → b → a',
    });
  });

  it("takes the inventory's jump hosts in place of ssh_config's", async () => {
    const { resolver } = makeResolver({
      config: 'Host spoke\n  ProxyJump gate\n  ProxyCommand nc %h %p\nHost hub\n  HostName 192.0.2.1\n',
    });
    const hub = target('hub', { user: 'admin' });
    const effective = await resolver.resolve(target('spoke', { proxyJump: [hub] }));
    expect(wayOf(effective)).toEqual(['admin@192.0.2.1:22']);
    expect(effective.route).toMatchObject({ through: { isOfInventory: true } });
    expect(wayOf(await resolver.resolve(target('spoke', { proxyJump: [] })))).toEqual([]);
  });

  it('may be a command, its tokens expanded', async () => {
    const { resolver } = makeResolver({
      config: "Host tokyo\n  HostName 192.0.2.7\n  ProxyCommand relay '%n' %h %p %r\n",
    });
    expect(wayOf(await resolver.resolve(target('tokyo')))).toEqual(["relay 'tokyo' 192.0.2.7 22 root"]);
  });
});

describe('without an ssh program', () => {
  it('uses the inventory alone', async () => {
    const { home, resolver } = makeResolver({ config: 'Port 2222\n', openssh: { program: '/nowhere/ssh' } });
    const effective = await resolver.resolve(target('tokyo', { port: 2200 }));
    expect(effective).toMatchObject({ host: 'tokyo', port: 2200, user: 'root', agentSocket: '/run/agent' });
    expect(effective.userKnownHostsFiles).toEqual([join(home, '.ssh/known_hosts')]);
    expect(effective.origins).toMatchObject({ host: 'inventory', port: 'inventory', user: 'default' });
    expect(existsSync('/nowhere/ssh')).toBe(false);
  });

  it('refuses -F', async () => {
    const home = makeHome({ config: 'Port 2222\n' });
    const openssh = { program: '/nowhere/ssh', configFile: join(home, '.ssh/config') };
    const { resolver } = makeResolver({ openssh });
    await expect(resolver.resolve(target('tokyo'))).rejects.toMatchObject({ code: 'usage' });
  });
});
