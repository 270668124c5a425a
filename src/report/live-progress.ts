/** What the live view knows of a run: pure state fed by events, read by whoever draws. */
import type { CommandName, RunEvent, Step, TunnelStatus } from '../events.js';
import { STATUSES, statusWord } from './status-text.js';

export class LiveProgress {
  private command: CommandName = 'deploy';
  private total = 0;
  private done = 0;
  private hub = 'connecting';
  private readonly counts = new Map<TunnelStatus, number>();
  /** In the order in which they started: what takes long stays on top. */
  private readonly inFlight = new Map<
    string,
    { readonly interface: string; readonly step: Step; readonly sinceMs: number }
  >();

  /** @param nowMs of any clock that `inFlightLines` is asked by too */
  apply(event: RunEvent, nowMs: number): void {
    if (event.event === 'start') {
      this.command = event.command;
      this.total = event.total;
    } else if (event.event === 'hub') {
      this.hub = event.message === '' ? event.step : `${event.step}  ${event.message}`;
    } else if (event.event === 'step') {
      this.inFlight.set(event.spoke, { interface: event.interface, step: event.step, sinceMs: nowMs });
    } else if (event.event === 'tunnel') {
      this.inFlight.delete(event.spoke);
      this.done++;
      this.counts.set(event.status, (this.counts.get(event.status) ?? 0) + 1);
    }
  }

  hubLine(): string {
    return `hub  ${this.hub}`;
  }

  /** `12/255 tunnels · 3 changed · 1 failed` */
  tunnelsLine(): string {
    const words = STATUSES.flatMap((status) => {
      const count = this.counts.get(status);
      return count === undefined ? [] : [`${count} ${statusWord(status, this.command)}`];
    });
    return [`${this.done}/${this.total} tunnels`, ...words].join(' · ');
  }

  /** With the seconds that a step has taken once it is slow. */
  inFlightLines(nowMs: number): string[] {
    const nameWidth = Math.max(0, ...[...this.inFlight.keys()].map(({ length }) => length));
    return [...this.inFlight].map(
      ([spoke, { interface: iface, step, sinceMs }]) =>
        `${spoke.padEnd(nameWidth)}  ${iface.padEnd(8)}  ${step}${elapsed(nowMs - sinceMs)}`,
    );
  }
}

/** A step that takes longer than this makes a person wonder. */
const SLOW_MS = 2000;

const elapsed = (ms: number): string => (ms < SLOW_MS ? '' : `  ${Math.floor(ms / 1000)} s`);
