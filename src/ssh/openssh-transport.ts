/** Transport over the system's `ssh`: one process a host, for what ssh2 cannot do (docs/ssh.md, "The second transport"). */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { toVxfleetError, VxfleetError } from '../errors.js';
import { describeRoute } from './describe-target.js';
import { pathTo, placeOf, takesNewKeys, type EffectiveTarget } from './effective-target.js';
import { HostKeyCheck } from './host-key-check.js';
import type { KeyFile } from './key-file.js';
import { parseKnownHosts } from './known-hosts.js';
import { JumpHosts } from './jump-hosts.js';
import { opensshArgv } from './openssh-argv.js';
import { explainFailure, type KeysToTry } from './openssh-failure.js';
import { OpenSshProgress } from './openssh-progress.js';
import { OpenSshSession } from './openssh-session.js';
import type { OpenSshProgram, SshConfig } from './ssh-config.js';
import type { SshRun } from './ssh-run.js';
import type { RunTransport, Session } from './transport.js';
import { writeUnlinked, type UnlinkedFile } from './local-machine.js';

const ENCRYPTED = 'it is encrypted, and over openssh only an agent can open it';

export function createOpenSshTransport(run: SshRun, config: SshConfig): RunTransport {
  const openWithRetries = async (host: string, target: EffectiveTarget, command?: string): Promise<Session> => {
    // A file that cannot be read might hold a revocation; ssh would pass over it.
    run.knownHostsOf(target).entries();
    await checkIdentity(run, host, target);
    const ssh = await config.openSsh();
    const start = (): Promise<Session> => openOnce(run, ssh, host, target, command);
    return await run.retry(host, () =>
      run.atPlace(pathTo(target)[0] ?? target, async () => {
        const { started } = await run.handshake(() => whileBusy(start));
        return await started;
      }),
    );
  };
  // ssh goes through them by itself, with a login of its own for each host: what every one would fail at, and be counted for, is tried once.
  const jumpHosts = new JumpHosts<void>(async (name, jump) => (await openWithRetries(name, jump)).destroy());

  return {
    // Nobody can be asked over this transport.
    async prepare() {},

    async open(host, inventoryTarget, command) {
      const target = await run.resolver.resolve(inventoryTarget);
      run.tell(host, target);
      for (const jump of pathTo(target).slice(0, -1)) await jumpHosts.reach(jump);
      return await openWithRetries(host, target, command);
    },

    // Every session is a process of its own, with nothing between them.
    async close() {
      await run.resolver.close();
    },
  };
}

/** A process that waits for longer than this for its host uses no CPU meanwhile, and must not hold up the others. */
const BUSY_MS = 1000;

/** Wrapped: who waits for this does not wait for what was started. */
async function whileBusy<T>(start: () => Promise<T>): Promise<{ readonly started: Promise<T> }> {
  const started = start();
  await Promise.race([started.catch(() => undefined), sleep(BUSY_MS, undefined, { ref: false })]);
  return { started };
}

async function openOnce(
  run: SshRun,
  ssh: OpenSshProgram,
  host: string,
  target: EffectiveTarget,
  command: string | undefined,
): Promise<Session> {
  const started = performance.now();
  const path = pathTo(target);
  const newKeys = path.map((hop) => (takesNewKeys(hop) ? writeUnlinked('') : undefined));
  const nonce = randomBytes(16).toString('hex');
  const progress = new OpenSshProgress(nonce);
  const evidence = {
    progress,
    tellsKeys: ssh.tellsKeys,
    knownHostsOf: (hop: EffectiveTarget) => run.knownHostsOf(hop),
    keysOf: (hop: EffectiveTarget) => keysOf(run, hop),
  };
  try {
    const session = await OpenSshSession.start(host, {
      path,
      argv: opensshArgv(target, command, { ...ssh, nonce, newKeysPaths: newKeys.map((file) => file?.path) }),
      progress,
      tellsKeys: ssh.tellsKeys,
      readyTimeoutMs: run.readyTimeoutMs,
      explain: () => explainFailure(host, path, evidence),
    });
    const tookMs = Math.round(performance.now() - started);
    const where = `${placeOf(target)}${describeRoute(target)}`;
    run.listeners.onTrace(`${host}: connect: ${where} over openssh, ${target.user} is in (${tookMs} ms)`);
    try {
      newKeys.forEach((file, level) => file && recordNewKeys(run, host, path[level] as EffectiveTarget, file));
    } catch (thrown) {
      session.destroy();
      throw toVxfleetError(thrown);
    }
    return session;
  } finally {
    for (const file of newKeys) file?.close();
  }
}

/** Has keys that ssh took for new judged and recorded as over ssh2. Throws `host-key`. */
function recordNewKeys(run: SshRun, host: string, target: EffectiveTarget, file: UnlinkedFile): void {
  for (const { key } of parseKnownHosts(file.read(), file.path).entries) {
    const check = new HostKeyCheck(host, target, run.knownHostsOf(target), run.listeners);
    if (!check.isTrusted(key)) throw check.refusal ?? new VxfleetError('internal', 'a host key without a verdict');
    check.recordNewKey();
  }
}

/** Rejects with `auth` when the key that the inventory names cannot be used: that is a mistake to correct. */
async function checkIdentity(run: SshRun, name: string, target: EffectiveTarget): Promise<void> {
  const [path] = target.identityFiles;
  if (target.origins.identity_file !== 'inventory' || path === undefined) return;
  const file = await run.keyRing.read(path);
  const refuse = (reason: string, hint: string): never => {
    throw new VxfleetError('auth', `cannot use the identity_file ${path}: ${reason}`, { host: name, hint });
  };
  if (file.kind === 'absent') refuse('there is no such file', 'correct ssh.identity_file in the inventory');
  if (file.kind === 'bad' && file.unsupported === undefined) refuse(file.reason, file.hint);
  if (await isLocked(run, target, file)) refuse(ENCRYPTED, `ssh-add ${path}`);
}

/** ssh passes over a key that it cannot open without a word. */
async function keysOf(run: SshRun, target: EffectiveTarget): Promise<KeysToTry> {
  const labels = [...target.certificateFiles];
  const notes: string[] = [];
  for (const path of target.identityFiles) {
    const file = await run.keyRing.read(path);
    if (await isLocked(run, target, file)) notes.push(`${path}: ${ENCRYPTED}`);
    else if (file.kind !== 'absent') labels.push(path);
  }
  const { keys, unsupported } = await run.agentOf(target);
  if (!target.identitiesOnly && keys.length + unsupported.length > 0) labels.push('the keys of the agent');
  return { labels, notes };
}

async function isLocked(run: SshRun, target: EffectiveTarget, file: KeyFile): Promise<boolean> {
  if (file.kind !== 'locked') return false;
  const { keys } = await run.agentOf(target);
  const { publicKey } = file;
  return publicKey === undefined || !keys.some(({ key }) => key.getPublicSSH().equals(publicKey));
}
