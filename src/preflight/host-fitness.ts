/** What a host must have and allow for vxfleet to work there at all: each with what is missing and the way to it. Pure. */
import { ifupdownOf, INTERFACES_D } from '../host/host-facts.js';
import { RAW_SOCKET_HINT } from '../verify/judge-probe.js';
import { hasIpv6 } from './kernel.js';
import { refuse, type Rule } from './scene.js';

export const isRoot: Rule = ({ facts }) =>
  facts.uid === 0
    ? undefined
    : refuse(
        'ssh',
        `the login is not root (uid ${facts.uid})`,
        "Links and /etc/network are root's: set ssh.become to true (sudo; docs/ssh.md), or ssh.user to root.",
      );

export const hasPrograms: Rule = ({ facts: { missingPrograms } }) => {
  if (missingPrograms.length === 0) return undefined;
  return missingPrograms.includes('/sys')
    ? refuse('implementation', '/sys is not mounted on the host', 'mount -t sysfs sysfs /sys there.')
    : refuse(
        'implementation',
        `not found on the host: ${missingPrograms.join(', ')}`,
        'apt-get install iproute2 ifupdown coreutils (all are on a stock Debian server); ip has to be where ifup looks, in a bin or sbin of /, /usr or /usr/local.',
      );
};

/** iproute2 5.10 is Debian 11's, the oldest that is tested: -j came with 4.18, -N later. */
export const answersFromIp: Rule = ({ facts: { ipFault } }) =>
  ipFault === undefined
    ? undefined
    : refuse(
        'implementation',
        `ip does not answer what vxfleet asks: ${ipFault}`,
        'iproute2 5.10 (Debian 11) or newer is needed, not the ip of BusyBox: apt-get install iproute2; type -a ip shows whether another one comes first.',
      );

export const mayChangeNetwork: Rule = ({ facts: { canChangeNetwork } }) =>
  canChangeNetwork
    ? undefined
    : refuse(
        'implementation',
        'root may not change the network (no CAP_NET_ADMIN)',
        'A container without it, or a service manager that has taken it from sshd: grep CapEff /proc/self/status.',
      );

export const maySendPackets: Rule = ({ facts: { canOpenRawSockets } }) =>
  canOpenRawSockets
    ? undefined
    : refuse('implementation', 'root may not send packets of its own (no CAP_NET_RAW)', RAW_SOCKET_HINT);

/** nft answers with a word of its own, or sh of the host says that there is none. */
export const canFilter: Rule = ({ facts: { network }, tunnel, removes }) => {
  const fault = network.filter?.fault ?? '';
  if (!tunnel.filter || removes || fault === '') return undefined;
  const leaveOpen =
    'or set filter: off in the inventory, which leaves the tunnels open to whoever reaches their UDP port';
  return fault.startsWith('nft: ')
    ? refuse('filter', 'nft is not installed, and the filter is on', `apt-get install nftables there, ${leaveOpen}.`)
    : refuse(
        'filter',
        `nft cannot be used on the host: ${fault}`,
        `Does its kernel have nf_tables (modprobe nf_tables; a container's host must load it)? Load it, ${leaveOpen}.`,
      );
};

export const canRead: Rule = ({ facts: { unreadableFiles }, tunnel }) => {
  const path = unreadableFiles.find((file) => !file.startsWith(INTERFACES_D) || file.endsWith(`/${tunnel.interface}`));
  return path === undefined
    ? undefined
    : refuse(
        'file',
        `${path} cannot be opened, though we are root`,
        'A security module (AppArmor, SELinux) over what sshd starts, or a disk error: cat it there, and look at dmesg.',
      );
};

export const hasKnownIfupdown: Rule = ({ facts }) => {
  const { ifupdown } = facts;
  if (ifupdown === undefined) {
    return refuse(
      'implementation',
      'ifup is not installed',
      'apt-get install ifupdown: it must bring up the tunnels at boot, and need not have the uplink. On a cloud image, which cloud-init and netplan configure, read docs/hosts.md first.',
    );
  }
  if (ifupdownOf(facts) !== undefined) return undefined;
  return refuse(
    'implementation',
    `this ifup is neither ifupdown nor a packaged ifupdown2: ${ifupdown.slice(0, 80)}`,
    `${ifupdown.startsWith('ifupdown-ng') ? 'with ifupdown-ng a reboot in mid-trial would come up on a mixture of old and new (docs/ifupdown.md); ' : ''}apt-get install ifupdown replaces it.`,
  );
};

export const canWrite: Rule = ({ facts: { canWriteEtc, canWriteRun, canWriteVar } }) => {
  const path = !canWriteEtc ? INTERFACES_D : !canWriteRun ? '/run' : !canWriteVar ? '/var/lib/vxfleet' : undefined;
  return path === undefined
    ? undefined
    : refuse(
        'file',
        `${path} is not writable`,
        `Is it there, and is its file system mounted read-write? (findmnt -T ${path})`,
      );
};

/** A confirm renames the new file onto the old one. */
export const canReplaceFile: Rule = ({ facts: { fixedFiles }, tunnel }) => {
  const path = fixedFiles.find((file) => file.endsWith(`/${tunnel.interface}`));
  return path === undefined
    ? undefined
    : refuse(
        'file',
        `${path} cannot be replaced`,
        `Is it immutable (lsattr -d ${path}; chattr -i takes that away), mounted there (findmnt ${path}), or of another kind?`,
      );
};

/** Why nothing that this host says of a tunnel would be true, or undefined: for whoever only looks. */
export const blindnessOf: Rule = (scene) => {
  const { facts } = scene;
  const missingPrograms = facts.missingPrograms.filter((name) => ['ip', '/sys'].includes(name));
  return (
    hasPrograms({ ...scene, facts: { ...facts, missingPrograms } }) ??
    hasIpv6(scene) ??
    answersFromIp(scene) ??
    maySendPackets(scene)
  );
};
