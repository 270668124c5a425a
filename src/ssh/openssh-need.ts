/** What of a host's settings ssh2 cannot do, as far as it is known before it is tried. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hostKeyPlace, pathTo, type EffectiveTarget } from './effective-target.js';
import { hostKeyAlgorithms } from './known-hosts.js';
import { localUser } from './local-user.js';
import type { SshRun } from './ssh-run.js';

/** For a trace: what the target, or a jump host on its way, needs OpenSSH for; undefined = nothing. */
export async function opensshNeed(run: SshRun, target: EffectiveTarget): Promise<string | undefined> {
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
