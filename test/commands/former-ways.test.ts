import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { VxfleetError } from '../../src/errors.js';
import { parseFormerWay, readFormerWays } from '../../src/commands/former-ways.js';
import { formerSite, requireWays } from '../../src/jobs/former-spokes.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { inventory, spoke } from '../render/fleet.js';

const fleet = inventory('2001:db8:ae00::/40', [spoke('tokyo', 1)]);
const ways = (...texts: readonly string[]) =>
  readFormerWays(
    texts.reduce<ReturnType<typeof parseFormerWay>>((others, text) => parseFormerWay(text, others), []),
    { ...fleet, spokeSsh: { ...fleet.spokeSsh, user: 'admin', port: 2222, become: true, identityFile: '/keys/fleet' } },
  );

describe('--ssh', () => {
  it('says how a former spoke is reached, and what it leaves open follows from defaults.ssh', () => {
    const { osaka, nara } = Object.fromEntries(ways('osaka=203.0.113.2', 'nara=root@[2001:db8::3]:22'));
    expect(osaka).toMatchObject({ host: '203.0.113.2', port: 2222, user: 'admin', become: true });
    expect(nara).toMatchObject({ host: '2001:db8::3', port: 22, user: 'root', identityFile: '/keys/fleet' });
  });

  it('lets no password go there', () => {
    expect(ways('osaka=203.0.113.2').get('osaka')?.isOfInventory).toBe(false);
  });

  it.each(['osaka', '=host', 'osaka=', 'osaka=hub', '-o=host', 'osaka=-oProxyCommand=x', 'osaka=-u@host', 'osaka=a,b'])(
    'does not take %s',
    (text) => {
      expect(() => parseFormerWay(text)).toThrow(InvalidArgumentError);
    },
  );

  it('is said once for each spoke, and of none that the inventory names', () => {
    expect(() => ways('osaka=a', 'osaka=b')).toThrow(InvalidArgumentError);
    expect(() => ways('tokyo=a')).toThrow(VxfleetError);
  });

  it('is asked for by name, with the address that the hub knew', () => {
    const [osaka] = makePlan(inventory(fleet.prefix, [spoke('osaka', 2)])).tunnels;
    if (osaka === undefined) throw new Error('it is planned');
    const { ssh: _, ...kept } = osaka;
    expect(requireWays([formerSite({ tunnels: [], formerWays: ways('osaka=gate.example') }, kept)])).toMatchObject([
      { spoke: 'osaka', ssh: { host: 'gate.example' } },
    ]);
    // Under another id, or another name, the inventory has it.
    for (const changes of [{ id: 5 }, { id: 5, name: 'nara' }]) {
      const tunnels = makePlan(inventory(fleet.prefix, [{ ...spoke('osaka', 2), ...changes }])).tunnels;
      const found = formerSite({ tunnels, formerWays: new Map() }, kept);
      expect(found.ssh).toBe(tunnels[0]?.ssh);
    }
    try {
      requireWays([formerSite({ tunnels: [], formerWays: new Map() }, kept)]);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'usage',
        hint: 'Say it with --ssh osaka=HOST (its underlay address was 10.0.0.2).',
      });
    }
  });
});
