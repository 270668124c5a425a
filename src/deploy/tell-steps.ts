import type { Emit, Step } from '../events.js';
import type { TunnelPlan } from '../plan/plan.js';

/** Tells each step of a tunnel as an event. */
export const tellSteps =
  (emit: Emit, { spoke, interface: name }: Pick<TunnelPlan, 'spoke' | 'interface'>) =>
  (step: Step): void =>
    emit({ event: 'step', spoke, interface: name, step });
