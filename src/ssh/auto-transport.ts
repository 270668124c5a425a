/** Chooses a transport for each host: ssh2, and OpenSSH for what ssh2 cannot do. */
import { toVxfleetError, type VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { opensshNeed } from './openssh-need.js';
import type { SshRun } from './ssh-run.js';
import type { RunTransport, Session } from './transport.js';

/** @param hasOpenSsh whether this machine has an `ssh` program */
export function createAutoTransport(
  run: SshRun,
  ssh2: RunTransport,
  openssh: RunTransport,
  hasOpenSsh: () => boolean,
): RunTransport {
  const { onNotice, onTrace } = run.listeners;
  /** What a handshake has shown is asked of no host twice. */
  const shown = new Map<string, string>();
  const keyOf = (target: SshTarget): string => JSON.stringify(target);
  let isThere: boolean | undefined;
  /** What ssh2 cannot do there; undefined = nothing, or there is no other. */
  const needOf = async (target: SshTarget): Promise<string | undefined> => {
    const need = shown.get(keyOf(target)) ?? (await opensshNeed(run, await run.resolver.resolve(target)));
    return need !== undefined && (isThere ??= hasOpenSsh()) ? need : undefined;
  };

  return {
    async prepare(hosts) {
      // What is wrong with one host alone is told when that host is opened.
      const needs = await Promise.all(hosts.map(({ target }) => needOf(target).catch(() => undefined)));
      await ssh2.prepare(hosts.filter((_host, index) => needs[index] === undefined));
    },

    async open(host, target, command) {
      const need = await needOf(target);
      if (need !== undefined) {
        onTrace(`${host}: transport: openssh, for ${need}`);
        return await openssh.open(host, target, command);
      }
      return await ssh2.open(host, target, command).catch((thrown: unknown): Promise<Session> => {
        const error = toVxfleetError(thrown);
        const reason = incompatibility(error);
        if (reason === undefined || !(isThere ??= hasOpenSsh())) throw error;
        shown.set(keyOf(target), reason);
        onNotice(`${host}: goes over openssh, because ssh2 and the host have nothing in common: ${reason}`);
        return openssh.open(host, target, command);
      });
    },

    async close() {
      await ssh2.close();
      await openssh.close();
    },
  };
}

/** ssh2's words for a negotiation without a result, also of a jump host, whose error is the cause of that of the host behind it. */
function incompatibility(error: VxfleetError): string | undefined {
  if (error.code !== 'protocol') return undefined;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    const reason = /no matching .*/.exec(cause.message)?.[0];
    if (reason !== undefined) return reason;
  }
  return undefined;
}
