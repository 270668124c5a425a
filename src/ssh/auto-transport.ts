/** Chooses a transport for each host: ssh2, and OpenSSH for what ssh2 cannot do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toVxfleetError, type VxfleetError } from '../errors.js';
import type { SshTarget } from '../inventory/inventory.js';
import { hostKeyPlace, pathTo, type EffectiveTarget } from './effective-target.js';
import { hostKeyAlgorithms } from './known-hosts.js';
import { localUser } from './local-user.js';
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

/** For a trace: what the target, or a jump host on its way, needs OpenSSH for; undefined = nothing. */
async function opensshNeed(run: SshRun, target: EffectiveTarget): Promise<string | undefined> {
  for (const hop of pathTo(target).toReversed()) {
    const need =
      findAlgorithms(hop) ??
      findCertificate(hop) ??
      (await findKey(run, hop)) ??
      findAuthority(run, hop) ??
      (await findTicket(run, hop));
    if (need !== undefined) return need;
  }
  return undefined;
}

function findAlgorithms({ hostKeyAlgorithms: allowed }: EffectiveTarget): string | undefined {
  const isNone = allowed !== undefined && hostKeyAlgorithms([], '', 22, allowed).length === 0;
  return isNone ? `HostKeyAlgorithms ${allowed.join(',')}` : undefined;
}

/** ssh takes `KEY-cert.pub` for a certificate of KEY without being told. */
function findCertificate({ certificateFiles, identityFiles }: EffectiveTarget): string | undefined {
  const paths = [...certificateFiles, ...identityFiles.map((path) => `${path}-cert.pub`)];
  const path = paths.find((it) => existsSync(it));
  return path && `the certificate ${path}`;
}

async function findKey(run: SshRun, target: EffectiveTarget): Promise<string | undefined> {
  for (const path of target.identityFiles) {
    const file = await run.keyRing.read(path);
    const half = file.kind === 'absent' ? await run.keyRing.read(`${path}.pub`) : file;
    if (half.kind === 'bad' && half.unsupported !== undefined) return `the key ${path} of type ${half.unsupported}`;
  }
  if (target.identitiesOnly) return undefined;
  const [type] = (await run.agentOf(target)).unsupported;
  return type && `the agent's key of type ${type}`;
}

/** A host that is known by the key of an authority, and by none of its own. */
function findAuthority(run: SshRun, target: EffectiveTarget): string | undefined {
  const { host, port } = hostKeyPlace(target);
  const entries = entriesOf(run, target, host, port);
  const authority = entries.find(({ marker }) => marker === 'cert-authority');
  if (authority === undefined || entries.some(({ marker }) => marker === null)) return undefined;
  return `the @cert-authority of ${authority.file}:${authority.line}`;
}

/** A file that cannot be read is told by whoever needs it. */
function entriesOf(run: SshRun, target: EffectiveTarget, host: string, port: number) {
  try {
    return run.knownHostsOf(target).entriesOf(host, port);
  } catch {
    return [];
  }
}

/** Without any key to try, a ticket of Kerberos's. */
async function findTicket(run: SshRun, target: EffectiveTarget): Promise<string | undefined> {
  const { uid } = localUser();
  const cache = process.env['KRB5CCNAME'] ?? join('/tmp', `krb5cc_${uid}`);
  const hasTicket = process.env['KRB5CCNAME'] !== undefined || existsSync(cache);
  if (!target.allowsGssapi || !hasTicket) return undefined;
  const plan = await run.planLogin(target.alias, target).catch(() => undefined);
  return plan === undefined ? `the Kerberos ticket in ${cache}` : undefined;
}
