import type { Emit } from '../events.js';

/** A fleet has a few for each of its tunnels; a host that makes up more of them must not fill a terminal or a log. */
const MOST_NOTICES = 2000;

/** Passes everything on but a notice that has been told word for word: what is true of the hub comes with each of its tunnels. */
export function noticesOnce(emit: Emit): Emit {
  const told = new Set<string>();
  return (event) => {
    if (event.event === 'notice') {
      if (told.has(event.message) || told.size > MOST_NOTICES) return;
      told.add(event.message);
      if (told.size > MOST_NOTICES) {
        emit({
          event: 'notice',
          level: 'warning',
          message: `more than ${MOST_NOTICES} notices: the rest is not shown`,
        });
        return;
      }
    }
    emit(event);
  };
}
