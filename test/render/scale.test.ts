import { Liquid } from 'liquidjs';
import { expect, test, vi } from 'vitest';
import { makePlan } from '../../src/plan/make-plan.js';
import { loadTemplates } from '../../src/render/load-templates.js';
import { renderTunnel } from '../../src/render/render-tunnel.js';
import { inventory, spoke } from './fleet.js';

// How long it takes is for the benchmark to say: Liquid itself takes most of a minute, and a cost that grew with the square would not end in time.
test('plans the 65,535 spokes of a /32, and renders each shape of theirs once', { timeout: 60_000 }, () => {
  const spokes = Array.from({ length: 65_535 }, (_, index) =>
    spoke(`s${index + 1}`, index + 1, { mode: index % 2 ? 'policy' : 'gateway', mtu: index % 3 ? undefined : 1400 }),
  );
  const templates = loadTemplates(undefined).ifupdown;
  const liquid = vi.spyOn(Liquid.prototype, 'renderSync');
  let bytes = 0;
  for (const tunnel of makePlan(inventory('2001:db8::/32', spokes)).tunnels)
    bytes += renderTunnel(tunnel, 'hub', templates).length + renderTunnel(tunnel, 'spoke', templates).length;
  expect(bytes).toBeGreaterThan(65_535 * 1000);
  // The hub's end and the spoke's in two modes.
  expect(liquid).toHaveBeenCalledTimes(3);
  liquid.mockRestore();
});
