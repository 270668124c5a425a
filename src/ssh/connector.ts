/** Connections over ssh2 that are logged in. */
import { awaitBanner, bannerTimeoutMs } from './await-banner.js';
import { describeRoute } from './describe-target.js';
import { dial } from './dial.js';
import { placeOf, type EffectiveTarget } from './effective-target.js';
import { handshake } from './handshake.js';
import { HostKeyCheck } from './host-key-check.js';
import { forward, JumpHosts } from './jump-hosts.js';
import type { Connection, Link } from './link.js';
import { Login } from './login.js';
import { runProxyCommand } from './proxy-command.js';
import type { SshRun } from './ssh-run.js';

export class Connector {
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
