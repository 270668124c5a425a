import { expect, test } from 'vitest';
import { makePlan } from '../../src/plan/make-plan.js';
import { loadTemplates } from '../../src/render/load-templates.js';
import { renderTunnel } from '../../src/render/render-tunnel.js';
import { inventory, spoke } from './fleet.js';

/** Twice the target of 3 s: other tests run beside this one. What it guards against is a cost that grows with the square. */
const LIMIT_MS = 6000;

test('plans and renders the 65,535 spokes of a /32 in seconds', { timeout: 60_000 }, () => {
  const spokes = Array.from({ length: 65_535 }, (_, index) =>
    spoke(`s${index + 1}`, index + 1, { mode: index % 2 ? 'policy' : 'gateway', mtu: index % 3 ? undefined : 1400 }),
  );
  const templates = loadTemplates(undefined);
  const start = performance.now();
  const plan = makePlan(inventory('2001:db8::/32', spokes));
  const planned = performance.now();
  let bytes = 0;
  for (const tunnel of plan.tunnels)
    bytes += renderTunnel(tunnel, 'hub', templates).length + renderTunnel(tunnel, 'spoke', templates).length;
  if (process.env['VXFLEET_MEASURE']) {
    console.log({
      planMs: planned - start,
      renderMs: performance.now() - planned,
      bytes,
      rss: process.memoryUsage().rss / 2 ** 20,
    });
  }
  expect(bytes).toBeGreaterThan(65_535 * 1000);
  expect(performance.now() - start).toBeLessThan(LIMIT_MS);
});
