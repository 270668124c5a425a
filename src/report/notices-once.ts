import type { Emit } from '../events.js';

/** Passes everything on but a notice that has been told word for word: what is true of the hub comes with each of its tunnels. */
export function noticesOnce(emit: Emit): Emit {
  const told = new Set<string>();
  return (event) => {
    if (event.event === 'notice' && told.has(event.message)) return;
    if (event.event === 'notice') told.add(event.message);
    emit(event);
  };
}
