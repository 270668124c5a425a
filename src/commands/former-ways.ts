/** `--ssh NAME=[USER@]HOST[:PORT]`: how a spoke is reached that has left the inventory. */
import { InvalidArgumentError } from 'commander';
import { VxfleetError } from '../errors.js';
import type { Inventory, SshTarget } from '../inventory/inventory.js';
import { readJumpHop } from '../inventory/read-jump-hop.js';
import type { FormerWays } from '../jobs/former-spokes.js';

/** As it was said. */
export interface FormerWay extends Pick<SshTarget, 'host' | 'port' | 'user'> {
  readonly spoke: string;
}

/** Of a spoke whose name the hub's file does not say, the interface stands for it. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** @param others those that were said before */
export function parseFormerWay(text: string, others: readonly FormerWay[] = []): readonly FormerWay[] {
  const at = text.indexOf('=');
  const spoke = text.slice(0, Math.max(at, 0));
  if (!NAME.test(spoke)) throw new InvalidArgumentError('It takes NAME=[USER@]HOST[:PORT].');
  const reading = readJumpHop(text.slice(at + 1));
  if ('wrong' in reading) throw new InvalidArgumentError(`It takes NAME=[USER@]HOST[:PORT], and ${reading.wrong}.`);
  if (reading.value === 'hub') throw new InvalidArgumentError('A spoke is another host than the hub.');
  if (others.some((one) => one.spoke === spoke)) throw new InvalidArgumentError(`${spoke} was said before.`);
  return [...others, { spoke, ...reading.value }];
}

/** What is not said follows from the inventory's `defaults.ssh`, then from ssh_config. Throws usage for a spoke of the inventory. */
export function readFormerWays(ways: readonly FormerWay[], { spokes, spokeSsh }: Inventory): FormerWays {
  return new Map(
    ways.map(({ spoke, host, port, user }) => {
      if (spokes.some(({ name }) => name === spoke)) {
        throw new VxfleetError('usage', `--ssh is for spokes that have left the inventory, and ${spoke} is in it`, {
          hint: `Set spokes.${spoke}.ssh there.`,
        });
      }
      const said = { host, port: port ?? spokeSsh.port, user: user ?? spokeSsh.user };
      return [spoke, { ...spokeSsh, ...said, isOfInventory: false }];
    }),
  );
}
