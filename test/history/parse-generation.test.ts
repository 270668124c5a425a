import { describe, expect, it } from 'vitest';
import type { VxfleetError } from '../../src/errors.js';
import { contentDigest } from '../../src/history/generation-text.js';
import { parseGeneration } from '../../src/history/parse-generation.js';
import type { KeptPlan, TunnelPlan } from '../../src/plan/plan.js';
import { samplePlan } from '../verify/fleet-plan.js';
import { storedFile } from './sample-records.js';
import { underlay } from '../render/fleet.js';

const kept = (plan: TunnelPlan): KeptPlan => {
  const { ssh: _, ...rest } = plan;
  return rest;
};

const planOf = (plan: TunnelPlan | null, interfaceName = 'vxlan0a') => {
  const { name, content } = storedFile(1, 'confirmed', { plan });
  return parseGeneration('hub', interfaceName, name, content).plan;
};

describe('parseGeneration', () => {
  it('has the plan that the file was rendered from', () => {
    const { tunnel } = samplePlan({ mtu: 1400, tags: ['kansai'], mode: 'policy' });
    expect(planOf(tunnel)).toEqual(kept(tunnel));
    const withDefaults = samplePlan().tunnel;
    expect(planOf(withDefaults)).toEqual(kept(withDefaults));
  });

  it('keeps nothing of the way to the host, and takes none from a record that says one', () => {
    const { tunnel } = samplePlan();
    expect(storedFile(1, 'confirmed', { plan: tunnel }).content).not.toMatch(/ssh|identity/);
    const { content } = storedFile(1, 'confirmed', { plan: tunnel });
    const way = { host: '203.0.113.66', identityFile: '/dev/zero', proxyJump: [{ host: 'gate' }] };
    const forged = content.replace(/^plan \{/m, `plan {"ssh":${JSON.stringify(way)},`);
    const name = `000001.confirmed.${contentDigest(forged)}`;
    expect(parseGeneration('hub', 'vxlan0a', name, forged).plan).toEqual(kept(tunnel));
  });

  it('has no plan where vxfleet rendered nothing', () => {
    expect(planOf(null)).toBeNull();
  });

  it.each<[string, Partial<TunnelPlan>]>([
    ['another interface', { interface: 'vxlan0b' }],
    ['an id that is not the interface’s', { id: 11 }],
    ['a line break in a word', { spoke: 'osaka\n9 confirm 0 vxlan01' }],
    ['a blank in a word', { spokeMac: '02:76:78:00:0a:02 x' }],
    ['an address that is none', { hubAddress: '::1 dev eth0' }],
    ['a prefix that is none', { prefix48: 'default' }],
    ['a device with a metacharacter', { hubUnderlay: underlay('198.51.100.1', 'eth0;reboot') }],
    ['a name that a program would take for an option', { spoke: '-oProxyCommand' }],
    ['a device that one would', { spokeUnderlay: underlay('198.51.100.2', '--help') }],
    ['a tag that one would', { tags: ['-x'] }],
    ['a number that one would', { metric: -1 }],
    ['a number that is text', { vni: '1' as unknown as number }],
  ])('takes no plan with %s', (_, changes) => {
    expect(planOf({ ...samplePlan().tunnel, ...changes })).toBeNull();
  });

  it('refuses a record in which text follows "file absent", also when its digest is right', () => {
    const { content } = storedFile(1, 'confirmed', {}, null);
    const forged = `${content}auto vxlan01\n`;
    const name = `000001.confirmed.${contentDigest(forged)}`;
    expect(() => parseGeneration('tokyo', 'vxlan01', name, forged)).toThrow(/is damaged/);
  });

  it('refuses a record under the name of another outcome, and says where it stands', () => {
    const { name, content } = storedFile(1, 'reverted');
    const renamed = name.replace('reverted', 'confirmed');
    try {
      parseGeneration('tokyo', 'vxlan01', renamed, content);
      expect.unreachable();
    } catch (error) {
      const { code, host, message, hint } = error as VxfleetError;
      expect({ code, host }).toEqual({ code: 'refused', host: 'tokyo' });
      expect(message).toBe(`tokyo: /var/lib/vxfleet/vxlan01/${renamed} is damaged, so its file cannot be put back`);
      expect(hint).toContain('vxfleet history');
    }
  });
});
