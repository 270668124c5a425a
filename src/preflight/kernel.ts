/** Can the host's kernel carry the tunnel? */
import { refuse, type Rule } from './scene.js';

export const hasIpv6: Rule = ({ facts: { sysctls } }) =>
  sysctls.has('net.ipv6.conf.all.disable_ipv6')
    ? undefined
    : refuse(
        'implementation',
        'the kernel of this host has no IPv6',
        'Is ipv6.disable=1 on its command line (cat /proc/cmdline), or the module ipv6 kept from loading? Remove that and reboot.',
      );

/** A new link has what `default` says: an old one may have IPv6 all the same. */
export const allowsIpv6: Rule = ({ facts: { sysctls } }) => {
  const names = ['default', 'all'].map((name) => `net.ipv6.conf.${name}.disable_ipv6`);
  const [first = ''] = names;
  const off = names.filter((name) => sysctls.get(name) === '1');
  return sysctls.get(first) !== '1'
    ? undefined
    : refuse(
        'addresses',
        `IPv6 is off for new links: ${off.map((name) => `${name} = 1`).join(', ')}`,
        `sysctl -w ${first}=0 there, and take it out of /etc/sysctl.conf and /etc/sysctl.d (grep -r disable_ipv6 /etc/sysctl*).`,
      );
};

export const answersEcho: Rule = ({ facts: { sysctls } }) =>
  sysctls.get('net.ipv6.icmp.echo_ignore_all') === '1'
    ? refuse(
        'peer',
        'the host answers no ping: net.ipv6.icmp.echo_ignore_all = 1',
        'Pings are the proof of a tunnel: sysctl -w net.ipv6.icmp.echo_ignore_all=0 there, and in /etc/sysctl.d.',
      )
    : undefined;

export const forwards: Rule = ({ facts, end }) =>
  end === 'spoke' || facts.forwards
    ? undefined
    : refuse(
        'forwarding',
        'the hub does not forward IPv6',
        'sysctl -w net.ipv6.conf.all.forwarding=1, and put it into /etc/sysctl.d; an uplink that learns its default by RA needs accept_ra=2 first.',
      );

export const knowsVxlan: Rule = ({ facts: { vxlanAnswer = '' } }) =>
  /unknown device type|operation not supported/i.test(vxlanAnswer)
    ? refuse(
        'implementation',
        `the kernel of this host makes no VXLAN: ${vxlanAnswer.trim()}`,
        'Was its kernel package replaced? Reboot into the installed kernel. Else: modprobe vxlan there (in a container: on its host) says why.',
      )
    : undefined;

export const hasFreeVni: Rule = ({ facts, tunnel }) => {
  const other = [...facts.links.values()].find(
    (link) => link.name !== tunnel.interface && link.vni === tunnel.vni && link.dstport === tunnel.dstport,
  );
  return other === undefined
    ? undefined
    : refuse(
        'params',
        `${other.name} already has VNI ${tunnel.vni} on port ${tunnel.dstport}; the kernel allows one`,
        `Give the spoke another vxlan.vni, or remove ${other.name}.`,
      );
};

/** All plain VXLANs of a port share one socket; nobody else can have the port. */
export const hasFreePort: Rule = ({ facts, tunnel }) => {
  const port = tunnel.dstport;
  const cure = `Give the tunnel another vxlan.dstport, or free the port`;
  const sharers = [...facts.devices.values()].filter(({ vxlan }) => vxlan?.port === port);
  const odd = sharers.find(({ name, vxlan }) => name !== tunnel.interface && vxlan?.extras.length !== 0);
  if (odd !== undefined) {
    const kind = odd.vxlan?.extras.join(', ') ?? '';
    return refuse(
      'params',
      `${odd.name} has UDP port ${port} for a VXLAN of another kind (${kind})`,
      `${cure}: the kernel gives it to VXLANs of one kind only (ip -d link show dev ${odd.name}).`,
    );
  }
  return sharers.length === 0 && facts.udpPorts.has(port)
    ? refuse(
        'params',
        `UDP port ${port} is taken on this host, and not by a VXLAN that can be seen here`,
        `${cure}. \`ss -ulnp 'sport = :${port}'\` shows the process; without one it is a tunnel in another network namespace, as Docker Swarm makes them.`,
      )
    : undefined;
};
