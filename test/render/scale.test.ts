import { expect, test } from 'vitest';
import { makePlan } from '../../src/plan/make-plan.js';
import { loadTemplates } from '../../src/render/load-templates.js';
import { renderTunnel } from '../../src/render/render-tunnel.js';
import { inventory, spoke } from './fleet.js';

// How long it takes is for the benchmark to say; a cost that grew with the square would not end in time.
test('plans and renders the 65,535 spokes of a /32', { timeout: 120_000 }, () => {
  const spokes = Array.from({ length: 65_535 }, (_, index) =>
    spoke(`s${index + 1}`, index + 1, { mode: index % 2 ? 'policy' : 'gateway', mtu: index % 3 ? undefined : 1400 }),
  );
  const templates = loadTemplates(undefined);
  const plan = makePlan(inventory('2001:db8::/32', spokes));
  let bytes = 0;
  for (const tunnel of plan.tunnels)
    bytes += renderTunnel(tunnel, 'hub', templates).length + renderTunnel(tunnel, 'spoke', templates).length;
  expect(bytes).toBeGreaterThan(65_535 * 1000);
});
