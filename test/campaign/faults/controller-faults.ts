/** Faults of the machine that vxfleet runs on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DisturbedDeploy } from '../disturbed-deploy.js';
import type { Fault } from '../fault.js';

export const controllerFaults = (): Fault[] => [
  { name: 'SIGKILL of the controller', inject: async ({ controller }) => controller.signal('SIGKILL') },
  stoppedController,
  twoControllers(),
];

/** Long enough that the hosts must have come to an end without it; then it wakes and finds its world gone. */
const stoppedController: Fault = {
  name: 'controller stopped past the window',
  inject: async ({ controller }) => controller.signal('SIGSTOP'),
  follow: async ({ controller, site, demandState }) => {
    await sleep((site.windowSeconds + 10) * 1000);
    await demandState();
    controller.signal('SIGCONT');
  },
};

/** A second controller with another wish for the same tunnel; it may come to its end while the first still waits. */
function twoControllers(): Fault {
  const seconds = new WeakMap<DisturbedDeploy, DisturbedDeploy>();
  return {
    name: 'two controllers at once',
    anyGeneration: true,
    inject: async ({ site, controller, old, target, random }) => {
      const others = site.peace.generations.filter(({ name }) => name !== old.name && name !== target.name);
      const second = await site.startDeploy(await site.inventoryOf(random.pick(others)));
      seconds.set(controller, second);
      await Promise.race([second.ended, sleep(random.below(4000))]);
    },
    follow: async ({ controller }) => void (await seconds.get(controller)?.ended),
  };
}
