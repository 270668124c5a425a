/** A host on which everything is as a deploy needs it, and nothing is there yet. */
import type { Device } from '../../src/host/device.js';
import type { HostFacts } from '../../src/host/host-facts.js';
import { readInterfaces } from '../../src/host/interfaces/read-interfaces.js';

export const STOCK_INTERFACES = 'source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n';

export const device = (name: string, changes: Partial<Device> = {}): Device => ({
  name,
  altnames: [],
  kind: undefined,
  mtu: 1500,
  mac: '52:54:00:00:00:01',
  master: undefined,
  isFromOutside: false,
  ipv4: [],
  ipv6: [],
  vxlan: undefined,
  ...changes,
});

export const devicesOf = (...devices: readonly Device[]): HostFacts['devices'] =>
  new Map(devices.map((one) => [one.name, one]));

/** What ifupdown reads, by path. */
export const interfacesOf = (files: Readonly<Record<string, string>>): HostFacts['interfaces'] =>
  readInterfaces(new Map(Object.entries(files)), { knowsSourceDirectory: true });

/** Either end's of the sample plan (test/verify/fleet-plan.ts), so that both ends are fit. */
export const DEVICES = devicesOf(
  device('lo', { ipv4: [] }),
  device('enp1s0f0', { mac: '52:54:00:00:00:02', ipv4: [{ address: '198.51.100.1', length: 24 }] }),
  device('eth0', { mac: '52:54:00:00:00:03', ipv4: [{ address: '10.0.0.10', length: 8 }] }),
);

export const SYSCTLS = new Map([
  ['net.ipv6.conf.all.disable_ipv6', '0'],
  ['net.ipv6.conf.default.disable_ipv6', '0'],
  ['net.ipv6.conf.all.forwarding', '1'],
  ['net.ipv6.icmp.echo_ignore_all', '0'],
]);

export const healthyFacts = (changes: Partial<HostFacts> = {}): HostFacts => ({
  uid: 0,
  ifupdown: 'ifup version 0.8.41',
  missingPrograms: [],
  ipFault: undefined,
  canChangeNetwork: true,
  canOpenRawSockets: true,
  interfaces: interfacesOf({ '/etc/network/interfaces': STOCK_INTERFACES }),
  unsentFile: undefined,
  canWriteEtc: true,
  canWriteRun: true,
  canWriteVar: true,
  cpus: 2,
  devices: DEVICES,
  hardware: new Set(['enp1s0f0', 'eth0']),
  ways: [],
  udpPorts: new Set(),
  sysctls: SYSCTLS,
  bootId: '',
  vxlanAnswer: undefined,
  networkd: undefined,
  forwards: true,
  forwardsAtBoot: true,
  sshServerAddress: '198.51.100.1',
  sshDevice: 'eth0',
  files: new Map(),
  binaryFiles: [],
  unreadableFiles: [],
  fixedFiles: [],
  edited: new Map(),
  configured: [],
  hasDeadRuns: false,
  trials: new Map(),
  links: new Map(),
  network: {
    routes: [],
    rules: [
      { priority: 0, from: 'all', table: '255', suppressPrefixLength: undefined, hasMore: false, text: '' },
      { priority: 32766, from: 'all', table: '254', suppressPrefixLength: undefined, hasMore: false, text: '' },
    ],
  },
  ...changes,
});
