/** What the hosts of the sample fleet (test/verify/fleet-plan.ts) say when all is well. */
import type { End } from '../../src/plan/plan.js';
import { expectEnd } from '../../src/verify/expect-end.js';
import { kernelAnswer } from '../verify/kernel-answer.js';
import { samplePlan } from '../verify/fleet-plan.js';

const { tunnel } = samplePlan();

export const fileOf = (end: End): string =>
  `# Managed by vxfleet: tunnel vxlan0a, ${end} end, spoke osaka. Edits are overwritten; see the inventory.\nauto vxlan0a\niface vxlan0a inet6 manual\n` +
  `  pre-up exec ip link add vxlan0a address 02:76:78:00:0a:01 type vxlan id 0x0a local 198.51.100.1 remote 10.0.0.10 dev enp1s0f0\n  post-up exec ip -6 addr add 2001:db8:ae00:0:a::1/80 dev vxlan0a\n`;

/** All that a sound host says to `inspect`. */
export function soundAnswer(end: End): Record<string, string> {
  const { links, network } = kernelAnswer(expectEnd(tunnel, end, 1500));
  const name = end === 'hub' ? 'enp1s0f0' : 'eth0';
  const [local, remote] = end === 'hub' ? ['198.51.100.1', '10.0.0.10'] : ['10.0.0.10', '198.51.100.1'];
  const device = {
    ...{ ifindex: 2, ifname: name, flags: ['UP'], mtu: 1500, altnames: ['enp2'] },
    address: end === 'hub' ? '52:54:00:00:00:02' : '52:54:00:00:00:03',
    addr_info: [{ family: 'inet', local, prefixlen: 8, scope: 'global' }],
  };
  const way = JSON.stringify([{ dst: remote, from: local, dev: name, metrics: [{ mtu: 1500 }], flags: [] }]);
  return {
    uid: '0',
    ssh: '192.0.2.9 52100 192.0.2.1 22',
    missing: '',
    capabilities: '000001ffffffffff',
    cpus: '0-3,6',
    ifupdown: 'ifup version 0.8.41',
    writable_etc: 'yes',
    writable_run: 'yes',
    writable_var: 'yes',
    'interfaces:1':
      '/etc/network/interfaces\nsource /etc/network/interfaces.d/*\nauto eth0\niface eth0 inet static\n  mtu 1500\n',
    'file:vxlan0a': fileOf(end),
    'edited:vxlan0a': 'before-20261123T120000-abc123.1',
    'trial:vxlan0b': 'doubt\nrun-z\n-3\nguard\nalice@bastion\n198.18.0.9\n2026-11-23T12:00:00Z\ndeploy tokyo\n',
    'sysctl:net.ipv6.conf.all.forwarding': '1',
    'sysctl:kernel.random.boot_id': end,
    'sysctl:net.ipv6.conf.all.disable_ipv6': '0',
    'sysctl:net.ipv6.conf.default.disable_ipv6': '0',
    'sysctl:net.ipv6.icmp.echo_ignore_all': '0',
    networkd: '[Network]\nManageForeignRoutes=yes\n',
    sockets: 'local_address 0100007F:12B5',
    hardware: `${name} `,
    forwarding_files: '/etc/sysctl.d/forwarding.conf',
    binary: '',
    unreadable: '',
    fixed: '',
    ifstate: 'lo=lo\nvxlan0a=vxlan0a\n',
    links: `${JSON.stringify([device, ...(JSON.parse(links) as unknown[])])}\n${`${way}\n`.repeat(3)}`,
    network,
  };
}
