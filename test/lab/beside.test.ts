/** What else has a say on a host, as docs/hosts.md and docs/ssh.md tell of it. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recap, RunEvent } from '../../src/events.js';
import { beginDeployed, labAvailability, startLab, until, type Outcome, type TestLab } from './harness.js';
import { runOnTerminal } from './terminal.js';

const unavailable = await labAvailability();
const HOSTS_DOC = fileURLToPath(new URL('../../docs/hosts.md', import.meta.url));

describe.skipIf(unavailable !== undefined)('beside vxfleet', () => {
  let lab: TestLab;
  let original: string;

  const run = async (...argv: string[]) => {
    const { code, stdout } = await lab.run([...argv, '--output', 'json']);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RunEvent);
    const warnings = events.flatMap((event) =>
      event.event === 'notice' && event.level === 'warning' ? [event.message] : [],
    );
    return { code, warnings, tunnels: (events.at(-1) as Recap).tunnels };
  };
  const sh = async (host: string, script: string): Promise<Outcome> => lab.exec(host, ['sh', '-euc', script]);

  beforeAll(async () => {
    lab = await startLab('beside', { spokes: 2 });
    original = (await readFile(lab.inventoryPath, 'utf8')).replace(/\n {4}id: 2\b/, '$&\n    mode: policy');
  });
  beforeEach(async () => {
    await sh('hub', 'nft flush ruleset');
    await beginDeployed(lab, original);
  });
  afterAll(async () => {
    await lab?.down();
  });

  describe('an sshd that wants more than the key', () => {
    const PASSWORD = 'correct-horse-battery';
    const askFor = async (methods: string): Promise<void> => {
      const settings = `PermitRootLogin yes\\nPasswordAuthentication yes\\nKbdInteractiveAuthentication yes\\nAuthenticationMethods ${methods}`;
      const { code } = await sh(
        'tokyo',
        `echo 'root:${PASSWORD}' | chpasswd; cp -n /etc/ssh/sshd_config /root/sshd_config
         { printf '${settings}\\n'; cat /root/sshd_config; } >/etc/ssh/sshd_config; kill -HUP "$(cat /run/sshd.pid)"`,
      );
      expect(code).toBe(0);
    };
    afterEach(async () => {
      await sh('tokyo', 'cp /root/sshd_config /etc/ssh/sshd_config; kill -HUP "$(cat /run/sshd.pid)"');
    });

    it('is refused before anything is touched, and not for want of a key', async () => {
      await askFor('publickey,keyboard-interactive');
      let tokyo;
      await until('sshd has its new settings', async () => {
        tokyo = (await run('deploy', 'tokyo', '--force')).tunnels[0];
        return tokyo?.status === 'unreachable';
      });
      expect(tokyo).toMatchObject({
        ends: { hub: 'untouched' },
        error: {
          code: 'auth',
          end: 'spoke',
          layer: 'ssh',
          message: expect.stringContaining('took the key and wants a second factor: keyboard-interactive') as string,
          hint: expect.stringContaining('AuthenticationMethods publickey') as string,
        },
      });
      expect(JSON.stringify(tokyo)).not.toContain('ssh-copy-id');
    });

    it('takes the password after the key with --ask-pass', async () => {
      await askFor('publickey,password');
      const { code, shown } = await runOnTerminal(
        lab.name,
        ['deploy', 'tokyo', '--force', '--transport', 'ssh2', '--ask-pass', '--output', 'plain'],
        { question: 'SSH password: ', answer: PASSWORD, env: { TERM: 'dumb' } },
      );
      expect(code, shown).toBe(0);
      expect(shown).not.toContain(PASSWORD);
    });
  });

  describe('systemd-networkd', () => {
    /** The settings of docs/hosts.md. */
    const documented = async (): Promise<string> =>
      /# \/etc\/systemd\/networkd\.conf\.d\/vxfleet\.conf.*\n([^]*?)\n\n/.exec(
        await readFile(HOSTS_DOC, 'utf8'),
      )?.[1] ?? '';
    const DROP_IN = '/etc/systemd/networkd.conf.d/vxfleet.conf';
    /** A link of networkd's own, and the daemon, on a bus of its own. Fails where the image has none. */
    const start = `[ -x /lib/systemd/systemd-networkd ] && command -v dbus-daemon networkctl
      ip link show own || ip link add own type veth peer name own-peer
      printf '[Match]\\nName=own\\n[Network]\\nLinkLocalAddressing=no\\nConfigureWithoutCarrier=yes\\n' >/etc/systemd/network/own.network
      rm -rf /run/systemd/netif; install -d -o systemd-network -g systemd-network /run/systemd/netif
      mkdir -p /run/dbus; [ -e /run/dbus/system_bus_socket ] || dbus-daemon --system --nopidfile --fork
      setsid /lib/systemd/systemd-networkd </dev/null >/run/networkd.log 2>&1 & echo $! >/run/networkd.pid`;
    const stop = 'kill "$(cat /run/networkd.pid)"; rm -rf /run/systemd/netif';
    /** Has it configure its link anew, which it does after it has answered. */
    const reconfigure = async (): Promise<void> => {
      await until('networkd is there', async () => (await sh('osaka', 'networkctl status own')).code === 0);
      const configured = "grep -c 'own: Configuring' /run/networkd.log || true";
      const before = (await sh('osaka', configured)).stdout;
      await sh('osaka', 'networkctl reconfigure own');
      await until('its link is configured anew', async () => (await sh('osaka', configured)).stdout !== before);
    };

    it('that runs is warned of before a change, until its settings leave rules and routes alone', async () => {
      await sh('osaka', 'mkdir -p /run/systemd/netif; echo >/run/systemd/netif/state');
      const { warnings } = await run('deploy', '--force');
      expect(warnings).toEqual([
        expect.stringMatching(/systemd-networkd runs on osaka, and would remove rules and routes/),
      ]);
      await sh(
        'osaka',
        `mkdir -p ${DROP_IN.slice(0, DROP_IN.lastIndexOf('/'))}; printf '%s\\n' '${await documented()}' >${DROP_IN}`,
      );
      expect((await run('deploy', '--force')).warnings).toEqual([]);
      await sh('osaka', `rm -r ${DROP_IN} /run/systemd/netif`);
    });

    it('takes a tunnel’s rules away, and with those settings does not', async ({ skip }) => {
      if ((await sh('osaka', start)).code !== 0) skip('no systemd-networkd here');
      await reconfigure();
      await until('the rules have gone', async () => (await run('verify', 'osaka')).code === 1);
      await sh('osaka', stop);
      await sh(
        'osaka',
        `mkdir -p ${DROP_IN.slice(0, DROP_IN.lastIndexOf('/'))}; printf '%s\\n' '${await documented()}' >${DROP_IN}`,
      );
      expect((await sh('osaka', start)).code).toBe(0);
      expect(await run('deploy', 'osaka')).toMatchObject({ code: 0, warnings: [] });
      await reconfigure();
      expect((await run('verify', 'osaka')).code).toBe(0);
      await sh('osaka', `${stop}; rm ${DROP_IN}; ip link del own`);
    });
  });

  it('Docker’s firewall lets no site reach another, until its own chain accepts the tunnels', async () => {
    // What Docker 27 makes with ip6tables.
    const docker = `table ip6 filter {
      chain DOCKER-USER { }
      chain FORWARD { type filter hook forward priority 0; policy drop; jump DOCKER-USER; }
    }`;
    await sh('hub', `nft -f - <<'RULES'\n${docker}\nRULES`);
    const [failed] = (await run('verify', 'tokyo')).tunnels;
    expect(failed).toMatchObject({ status: 'failed', error: { end: 'hub', layer: 'forwarding' } });
    await sh('hub', 'nft insert rule ip6 filter DOCKER-USER iifname "vxlan*" accept');
    await sh('hub', 'nft insert rule ip6 filter DOCKER-USER oifname "vxlan*" accept');
    expect((await run('verify', 'tokyo')).code).toBe(0);
  });
});
