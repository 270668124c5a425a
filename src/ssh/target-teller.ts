import { describeRoute } from './describe-target.js';
import { placeOf, type EffectiveTarget } from './effective-target.js';
import type { Listeners } from './host-key-check.js';

/** Tells how hosts are reached: each in a trace, and once that a setting is not honoured. */
export class TargetTeller {
  readonly #listeners: Partial<Listeners>;
  #isLaxnessTold = false;

  constructor(listeners: { readonly [Name in keyof Listeners]?: Listeners[Name] | undefined }) {
    const { onNotice = () => {}, onTrace = () => {} } = listeners;
    this.#listeners = { onNotice, onTrace };
  }

  tell(host: string, target: EffectiveTarget): void {
    const { onNotice, onTrace } = this.#listeners;
    onTrace?.(`${host}: resolve: ${target.alias} is ${target.user}@${placeOf(target)}${describeRoute(target)}`);
    if (target.strictHostKeyChecking !== 'no' || this.#isLaxnessTold) return;
    this.#isLaxnessTold = true;
    onNotice?.(
      'StrictHostKeyChecking no of ssh_config is taken for accept-new: new host keys are recorded, changed ones refused',
    );
  }
}
