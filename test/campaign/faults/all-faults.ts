import type { Fault } from '../fault.js';
import { cableFaults } from './cable-faults.js';
import { clockFaults } from './clock-faults.js';
import { controllerFaults } from './controller-faults.js';
import { diskFaults } from './disk-faults.js';
import { hostFaults } from './host-faults.js';
import { ifupFaults } from './ifup-faults.js';
import { stanzaFaults } from './stanza-faults.js';

/** Every fault, in the order of the table. */
export const FAULTS: readonly Fault[] = [
  ...controllerFaults(),
  ...hostFaults(),
  ...cableFaults(),
  ...diskFaults(),
  ...ifupFaults(),
  ...stanzaFaults(),
  ...clockFaults(),
];
