/** A host on which everything is as a deploy needs it, and nothing is there yet. */
import type { HostFacts } from '../../src/host/host-facts.js';

export const healthyFacts = (changes: Partial<HostFacts> = {}): HostFacts => ({
  uid: 0,
  ifupdown: 'ifup version 0.8.41',
  missingPrograms: [],
  ipFault: undefined,
  canChangeNetwork: true,
  sourcesInterfacesD: true,
  canWriteEtc: true,
  canWriteRun: true,
  canWriteVar: true,
  cpus: 2,
  deviceMtu: 1500,
  forwards: true,
  isDeviceLate: false,
  sshServerAddress: '198.51.100.1',
  sshDevice: 'eth0',
  stanzas: [],
  files: new Map(),
  binaryFiles: [],
  unreadableFiles: [],
  configured: [],
  trials: new Map(),
  links: new Map(),
  network: { routes: [], rules: [] },
  ...changes,
});
