/** Transport over ssh2: one connection and one exec a host. */
import { toVxfleetError } from '../errors.js';
import { startProgram } from './channel-session.js';
import { describeRoute } from './describe-target.js';
import { pathTo, placeOf, type EffectiveTarget } from './effective-target.js';
import { handshake } from './handshake.js';
import { HostKeyCheck } from './host-key-check.js';
import { JumpHosts } from './jump-hosts.js';
import { awaitBanner, bannerTimeoutMs, dial, forward, runProxyCommand, type Connection, type Link } from './link.js';
import type { LoginMethod } from './login-plan.js';
import { Login } from './login.js';
import type { SshRun } from './ssh-run.js';
import type { RunTransport } from './transport.js';

export function createSsh2Transport(run: SshRun): RunTransport {
  const connector = new Connector(run);

  return {
    async prepare(hosts) {
      const targets = await Promise.all(hosts.map(({ target }) => run.resolver.resolve(target).catch(onlyUsage)));
      // One after the other: a person answers one question at a time.
      for (const target of targets) {
        for (const hop of target === undefined ? [] : pathTo(target)) await openKeys(run, hop);
      }
    },

    async open(host, inventoryTarget, command) {
      const target = await run.resolver.resolve(inventoryTarget);
      run.tell(host, target);
      return await run.retry(host, async () =>
        startProgram(await connector.connectOnce(host, target), host, target, command, run.readyTimeoutMs),
      );
    },

    async close() {
      await connector.close();
      await run.resolver.close();
    },
  };
}

/** What is wrong with one host alone is told when that host is opened. */
function onlyUsage(thrown: unknown): undefined {
  if (toVxfleetError(thrown).code === 'usage') throw thrown;
}

/** Asks for the passphrases of the keys that are meant for this host; of the default keys only if the first needs one. */
async function openKeys(run: SshRun, target: EffectiveTarget): Promise<void> {
  // What is wrong with the keys is told by the login that needs them.
  const plan = await run.planLogin(target.alias, target).catch(() => undefined);
  const methods: readonly LoginMethod[] = plan?.methods ?? [];
  const isSaid = target.origins.identity_file !== 'default';
  for (const method of isSaid ? methods : methods.slice(0, 1)) await method.prepare();
}

class Connector {
  readonly #run: SshRun;
  /** One shared connection to each, over which the hosts behind it are reached. */
  readonly #jumpHosts = new JumpHosts<Connection>(async (name, jump, onLost) => {
    const connection = await this.#run.retry(name, () => this.connectOnce(name, jump));
    connection.client.once('close', onLost);
    return connection;
  });

  constructor(run: SshRun) {
    this.#run = run;
  }

  /** One attempt. @param name for messages. Rejects with connect, host-key, auth or protocol. */
  async connectOnce(name: string, target: EffectiveTarget): Promise<Connection> {
    const run = this.#run;
    const login = new Login(await run.planLogin(name, target));
    if (!(await login.prepareFirst())) throw login.refusal(name, target);
    return await run.atPlace(target, async () => {
      const link = await this.#openLink(name, target);
      const hasSpoken = await awaitBanner(link.stream, name, target, bannerTimeoutMs(target, run.leastBannerMs));
      const check = new HostKeyCheck(name, target, run.knownHostsOf(target), run.listeners);
      const options = { check, hasSpoken, readyTimeoutMs: run.readyTimeoutMs, onTrace: run.listeners.onTrace };
      // A dead host has not come as far as here: it never holds one of these places.
      const client = await run.handshake(() => handshake(link, name, target, login, options));
      return { client, link };
    });
  }

  /** Hangs up on the jump hosts. */
  async close(): Promise<void> {
    await this.#jumpHosts.close(({ client, link }) => {
      client.end();
      link.stream.destroy();
    });
  }

  async #openLink(name: string, target: EffectiveTarget): Promise<Link> {
    const started = performance.now();
    const link = await this.#dial(name, target);
    const tookMs = Math.round(performance.now() - started);
    this.#run.listeners.onTrace(`${name}: connect: ${placeOf(target)}${describeRoute(target)} (${tookMs} ms)`);
    return link;
  }

  async #dial(name: string, target: EffectiveTarget): Promise<Link> {
    const { route } = target;
    switch (route.kind) {
      case 'direct':
        return await dial(name, target);
      case 'jump':
        return await forward(name, await this.#jumpHosts.reach(route.through), route.through, target);
      case 'command':
        return runProxyCommand(route.command);
    }
  }
}
