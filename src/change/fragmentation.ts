/** Are the tunnel's own packets sent in pieces? Then it works, but slowly, and no more where somebody on the way drops fragments. */
import { check, MINIMUM_MTU } from '../verify/plan-checks.js';
import { mtus, type Pair } from './tunnel.js';

const SECONDS = 1;

/**
 * Looks for the largest packet that arrives whole, by what the hosts count. A packet that forbids to be cut would be quicker, but the kernel would
 * learn the path's MTU from its loss, and the tunnel's full size would fail for ten minutes.
 * @returns a sentence for people; undefined when the pieces were not ours. Rejects with lost, timeout or host
 */
export async function findFragmentation(tunnel: Pair): Promise<string | undefined> {
  const { hubAddress, spokeAddress80, spoke: name } = tunnel.plan;
  const isWhole = async (bytes: number): Promise<boolean> => {
    const planned = [
      check('hub', hubAddress, spokeAddress80, '/80', bytes),
      check('spoke', spokeAddress80, hubAddress, '/80', bytes),
    ];
    const [hub, spoke] = await Promise.all([tunnel.hub.probe(planned, SECONDS), tunnel.spoke.probe(planned, SECONDS)]);
    // What the host itself will not send any more, because it has learnt the path's MTU meanwhile, has no answer.
    return hub.fragments + spoke.fragments === 0 && [...hub.checks, ...spoke.checks].every(({ ok }) => ok);
  };
  const full = Math.min(mtus(tunnel).hub, mtus(tunnel).spoke);
  let [whole, cut] = [MINIMUM_MTU, full];
  if (!(await isWhole(whole)) || (await isWhole(cut))) return undefined;
  while (cut - whole > 1) {
    const middle = Math.floor((whole + cut) / 2);
    if (await isWhole(middle)) whole = middle;
    else cut = middle;
  }
  return (await isWhole(whole))
    ? `${name}: the tunnel's packets of ${full} bytes are sent in pieces, as the underlay carries less; set vxlan.mtu: ${whole} for ${name}`
    : undefined;
}
