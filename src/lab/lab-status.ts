/** `vxfleet lab status`: what of a lab is there. Changes nothing. */
import { findCutPorts } from './lab-cable.js';
import { checkRoot } from './check-machine.js';
import { checkLabName, hostNamespace, inventoryFile, isNamespaceOf } from './lab-paths.js';
import { readLabState, type LabImage } from './lab-state.js';
import { findProcesses, isInit, listNamespaces } from './namespace-processes.js';

export interface HostStatus {
  readonly name: string;
  /** Underlay address. */
  readonly address: string;
  readonly isRunning: boolean;
  /** Whether its cable is pulled. */
  readonly isCut: boolean;
  readonly image: LabImage;
}

export interface LabStatus {
  readonly name: string;
  /** `remains`: a start or an end that was not finished; `lab up` and `lab down` both remove it. */
  readonly phase: 'up' | 'down' | 'remains';
  readonly inventoryPath: string;
  /** The hub first; empty unless up. */
  readonly hosts: readonly HostStatus[];
}

/** @throws VxfleetError lab when not root */
export async function labStatus(name: string): Promise<LabStatus> {
  checkRoot();
  const lab = checkLabName(name);
  const state = await readLabState(lab);
  const inventoryPath = state?.inventory ?? inventoryFile(lab);
  const namespaces = listNamespaces().filter((namespace) => isNamespaceOf(lab, namespace));
  if (state?.phase !== 'up')
    return {
      name,
      phase: state === undefined && namespaces.length === 0 ? 'down' : 'remains',
      inventoryPath,
      hosts: [],
    };
  const cut = await findCutPorts(lab);
  const processes = findProcesses(namespaces);
  const hosts = state.hosts.map(({ name: host, address, bridgePort, image }) => ({
    name: host,
    address,
    isRunning: processes.get(hostNamespace(lab, host))?.some(isInit) ?? false,
    isCut: cut.has(bridgePort),
    image,
  }));
  return { name, phase: 'up', inventoryPath, hosts };
}
