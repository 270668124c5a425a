import type { EndDiff } from '../diff/fold-diffs.js';
import { tunnelPlaceholders } from '../diff/tunnel-placeholders.js';
import { unifiedDiff } from '../diff/unified-diff.js';
import type { Assessment, Tunnel } from './tunnel.js';

/** How an end would change: its file, or what of the kernel its file does not explain. */
export function describeChange(tunnel: Tunnel, { end, drift, sameFile }: Assessment): EndDiff {
  const { plan } = tunnel;
  const host = end === 'hub' ? 'hub' : plan.spoke;
  const path = `/etc/network/interfaces.d/${plan.interface}`;
  const { current, desired } = tunnel[end];
  const text = sameFile
    ? ''
    : unifiedDiff(current, desired, { oldLabel: `${host}:${path}`, newLabel: `${host}:${path} (desired)` });
  return {
    spoke: plan.spoke,
    id: plan.id,
    end,
    text,
    // With another file the kernel is another by nature; only what the file does not explain is drift.
    drift: sameFile ? drift.map(({ message }) => message) : [],
    placeholders: tunnelPlaceholders(plan),
  };
}
