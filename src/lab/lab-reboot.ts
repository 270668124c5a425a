/** `vxfleet lab reboot`: power off, power on. The disk stays; processes, /run, /tmp and the kernel's network state do not. */
import { requireHost } from './find-host.js';
import { findCutPorts, labCut, type LabHostOptions } from './lab-cable.js';
import { cableLines } from './lab-network.js';
import { bridgeNamespace, hostNamespace } from './lab-paths.js';
import { killProcesses } from './namespace-processes.js';
import { runBatch } from './run-batch.js';
import { startHost } from './start-host.js';
import { withLabLock } from './lab-lock.js';

/**
 * Restarts a host, also a dead one; returns when its sshd listens. A cable that was cut stays cut.
 * @throws VxfleetError lab
 */
export async function labReboot(options: LabHostOptions): Promise<void> {
  const { name } = options;
  await withLabLock(
    () => undefined,
    async (lock) => {
      const host = await requireHost(name, options.host);
      const namespace = hostNamespace(name, host.name);
      const bridge = bridgeNamespace(name);
      const wasCut = (await findCutPorts(name)).has(host.bridgePort);
      await killProcesses([namespace]);
      // By hand, because the kernel removes a dead namespace's cable when it finds the time, and its name must be free now.
      await runBatch([`link del dev ${host.bridgePort}`], { namespace: bridge, lock, force: true });
      await runBatch([`netns del ${namespace}`], { lock, force: true });
      await runBatch([`netns add ${namespace}`], { lock });
      await runBatch(cableLines(name, host), { namespace: bridge, lock });
      if (wasCut) await labCut(options);
      await startHost(name, host);
    },
  );
}
