import type { Outcome } from './record.js';

const TEXTS: Readonly<Record<Outcome, string>> = {
  confirmed: 'confirmed',
  found: 'found there',
  reverted: 'reverted',
  window: 'reverted by the host (window over)',
  session: 'reverted by the host (session ended)',
  peer: 'reverted by the host (other end stayed old)',
};

/** How a change of one end ended, for a person. */
export const outcomeText = (outcome: Outcome): string => TEXTS[outcome];
