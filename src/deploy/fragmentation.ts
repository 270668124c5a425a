/** Are the tunnel's own packets cut into pieces on their way? Then it works, but slowly, and stops where fragments are dropped. */
import { ENDS } from '../plan/plan.js';
import { VXLAN_OVERHEAD } from '../verify/expect-end.js';
import { mtus, type Tunnel } from './tunnel.js';

/**
 * Asks both ways for a packet of full size that must not be cut. What is not answered (a filter) says nothing.
 * @returns a sentence for people, or undefined. Rejects with lost or timeout
 */
export async function findFragmentation(tunnel: Tunnel): Promise<string | undefined> {
  const bytes = Math.min(mtus(tunnel).hub, mtus(tunnel).spoke) + VXLAN_OVERHEAD;
  const most = await Promise.all(ENDS.map((end) => tunnel[end].askPathMtu(bytes)));
  const path = Math.min(...most.map((mtu) => mtu ?? bytes));
  if (path >= bytes) return undefined;
  const { spoke } = tunnel.plan;
  return `${spoke}: the underlay carries ${path} bytes and the tunnel's packets have up to ${bytes}: they are sent in pieces; set vxlan.mtu: ${path - VXLAN_OVERHEAD} for ${spoke}`;
}
