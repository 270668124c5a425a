/** A host's own files, written into its upper layer before it starts for the first time. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { disksDirectory } from './lab-paths.js';
import type { LabHost } from './lab-state.js';
import { generateOpensshKey } from './openssh-keys.js';

/**
 * Makes the host's disk.
 * @param authorizedKey public key that may log in as root
 * @returns the host's public key
 */
export async function makeHostDisk(lab: string, { name, role }: LabHost, authorizedKey: string): Promise<string> {
  const disk = `${disksDirectory(lab)}/${name}`;
  const directories = ['work', 'root', 'upper/etc/ssh', 'upper/etc/sysctl.d'];
  await Promise.all(directories.map((directory) => mkdir(`${disk}/${directory}`, { recursive: true })));
  // 0700: sshd takes no key from under a directory that others may write to.
  await mkdir(`${disk}/upper/root/.ssh`, { recursive: true, mode: 0o700 });
  // Whatever our umask: a host's /etc is everybody's to read.
  await Promise.all(
    ['', '/etc', '/etc/ssh', '/etc/sysctl.d'].map((directory) => chmod(`${disk}/upper${directory}`, 0o755)),
  );
  const hostKey = generateOpensshKey(`root@${name}`);
  const files: readonly (readonly [string, string, number])[] = [
    ['etc/hostname', `${name}\n`, 0o644],
    ['etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost ip6-localhost ip6-loopback\n`, 0o644],
    ['etc/ssh/ssh_host_ed25519_key', hostKey.privateKey, 0o600],
    ['etc/ssh/ssh_host_ed25519_key.pub', `${hostKey.publicKey} root@${name}\n`, 0o644],
    ...(role === 'hub' ? [FORWARDING] : []),
    ['root/.ssh/authorized_keys', `${authorizedKey}\n`, 0o600],
  ];
  for (const [file, text, mode] of files) {
    await writeFile(`${disk}/upper/${file}`, text, { mode });
    await chmod(`${disk}/upper/${file}`, mode);
  }
  return hostKey.publicKey;
}

/** What a hub needs. */
const FORWARDING = ['etc/sysctl.d/forwarding.conf', 'net.ipv6.conf.all.forwarding = 1\n', 0o644] as const;
