/** Transport over ssh2: one connection and one exec a host. */
import { toVxfleetError } from '../errors.js';
import { startProgram } from './channel-session.js';
import { Connector } from './connector.js';
import { pathTo, type EffectiveTarget } from './effective-target.js';
import type { LoginMethod } from './login-method.js';
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
