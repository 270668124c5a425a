/** Transport over ssh2: one connection and one exec a host. */
import { toVxfleetError } from '../errors.js';
import { startProgram } from './channel-session.js';
import { Connector, READY_TIMEOUT_MS, type ConnectorOptions } from './connector.js';
import type { EffectiveTarget } from './effective-target.js';
import type { LoginMethod } from './login-method.js';
import type { TargetResolver } from './target-resolver.js';
import { TargetTeller } from './target-teller.js';
import type { RunTransport } from './transport.js';

export interface Ssh2TransportOptions extends ConnectorOptions {
  /** Says what each target's settings are. */
  readonly resolver: TargetResolver;
}

export function createSsh2Transport(options: Ssh2TransportOptions): RunTransport {
  const { resolver, readyTimeoutMs = READY_TIMEOUT_MS } = options;
  const connector = new Connector(options);
  const teller = new TargetTeller(options);

  return {
    async prepare(hosts) {
      const targets = await Promise.all(hosts.map(({ target }) => resolver.resolve(target).catch(onlyUsage)));
      // One after the other: a person answers one question at a time.
      for (const target of targets) {
        for (const hop of target === undefined ? [] : hopsOf(target)) await openKeys(connector, hop);
      }
    },

    async open(host, inventoryTarget, command) {
      const target = await resolver.resolve(inventoryTarget);
      teller.tell(host, target);
      return await connector.retry(host, async () =>
        startProgram(await connector.connectOnce(host, target), host, target, command, readyTimeoutMs),
      );
    },

    async close() {
      await connector.close();
      await resolver.close();
    },
  };
}

/** What is wrong with one host alone is told when that host is opened. */
function onlyUsage(thrown: unknown): undefined {
  if (toVxfleetError(thrown).code === 'usage') throw thrown;
}

/** The target and every host on its way. */
const hopsOf = (target: EffectiveTarget): EffectiveTarget[] =>
  target.route.kind === 'jump' ? [...hopsOf(target.route.through), target] : [target];

/** Asks for the passphrases of the keys that are meant for this host; of the default keys only if the first needs one. */
async function openKeys(connector: Connector, target: EffectiveTarget): Promise<void> {
  // What is wrong with the keys is told by the login that needs them.
  const plan = await connector.planLogin(target.alias, target).catch(() => undefined);
  const methods: readonly LoginMethod[] = plan?.methods ?? [];
  const isSaid = target.origins.identity_file !== 'default';
  for (const method of isSaid ? methods : methods.slice(0, 1)) await method.prepare();
}
