import { describe, expect, it } from 'vitest';
import { FAULTS } from '../campaign/faults/all-faults.js';
import { planCases } from '../campaign/plan-cases.js';
import { runCampaign } from '../campaign/run-campaign.js';
import { labAvailability } from './harness.js';

const unavailable = await labAvailability();
/** Printed with a failure; any other number is as good. */
const SEED = Number(process.env['CAMPAIGN_SEED'] ?? 1);
const RUNS = 40;

describe.skipIf(unavailable !== undefined)(`the fault campaign, in short ${unavailable ?? ''}`, () => {
  const cases = planCases(FAULTS, RUNS, SEED);

  it('breaks the contract nowhere', { timeout: 480_000 }, async () => {
    const results = await runCampaign({
      cases,
      labs: 6,
      images: ['machine'],
      windowSeconds: 12,
      onResult: () => undefined,
    });
    const violations = results.filter(({ verdict }) => verdict === 'violation');
    // As text: of objects in an array a failed expectation shows the first line.
    const told = violations.map(
      ({ plan, violations: texts }) => `seed ${SEED}, case ${plan.index}, ${plan.fault.name}: ${texts.join('; ')}`,
    );
    expect(told.join('\n')).toBe('');
  });
});
