/** The end of a tunnel that is gone with its host, or has been taken away: there is nothing there, and nothing can be done to it. */
import { VxfleetError } from '../errors.js';
import type { HostFacts } from '../host/host-facts.js';
import type { End } from '../plan/plan.js';
import type { EndAccess } from './tunnel-end.js';

/** Stands in for the end that is not there when the other one is taken away alone. @param host `hub` or the spoke's name */
export function absentEnd(end: End, host: string): EndAccess {
  const refuse = async (): Promise<never> => {
    throw new VxfleetError('internal', `${host} is not connected`, { host });
  };
  return {
    end,
    facts: NO_FACTS,
    desired: null,
    current: null,
    hasDesiredFile: true,
    needsNewConnection: false,
    isBehindTunnel: false,
    observe: async () => ({ link: undefined, network: { routes: [], rules: [] }, ways: [] }),
    probe: async () => ({ checks: [], answeredAt: null, fragments: 0, values: new Map() }),
    prepare: refuse,
    takeTurn: refuse,
    trial: refuse,
    extend: refuse,
    stage: refuse,
    promise: refuse,
    isLost: false,
    proveReachable: async () => null,
    confirm: refuse,
    release: async () => undefined,
    revert: refuse,
    settle: refuse,
    note: refuse,
    takeOver: refuse,
  };
}

const NO_FACTS: HostFacts = {
  uid: 0,
  ifupdown: undefined,
  missingPrograms: [],
  ipFault: undefined,
  canChangeNetwork: false,
  interfaces: { starts: [], stanzas: [], sources: [] },
  unsentFile: undefined,
  canWriteEtc: false,
  canWriteRun: false,
  canWriteVar: false,
  cpus: 1,
  devices: new Map(),
  hardware: new Set(),
  ways: [],
  udpPorts: new Set(),
  sysctls: new Map(),
  bootId: '',
  vxlanAnswer: undefined,
  networkd: undefined,
  forwards: false,
  forwardsAtBoot: false,
  sshServerAddress: undefined,
  sshDevice: undefined,
  files: new Map(),
  binaryFiles: [],
  unreadableFiles: [],
  fixedFiles: [],
  edited: new Map(),
  configured: [],
  trials: new Map(),
  links: new Map(),
  network: { routes: [], rules: [] },
};
