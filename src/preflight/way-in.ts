/** Would the change take away the way by which the host is managed? */
import { isInPrefix } from '../plan/is-in-prefix.js';
import { hostName, refuse, type Rule } from './scene.js';

/** SSH through the tunnel is proven by a new connection after the change; an address that goes away cannot be. */
export const isNotManagedOver: Rule = (scene) => {
  const { tunnel, end, facts, removes } = scene;
  const { sshServerAddress: address, sshDevice, devices } = facts;
  if (address === undefined) return undefined;
  const isOnTunnel = devices.get(tunnel.interface)?.ipv6.some((one) => one.address === address) === true;
  if (!isOnTunnel && !(removes && sshDevice === tunnel.interface)) return undefined;
  const kept =
    end === 'hub' ? [tunnel.hubAddress] : [tunnel.spokeAddress80, tunnel.spokeAddress64, tunnel.spokeAddress48];
  if (!removes && kept.includes(address)) return undefined;
  const why = isOnTunnel ? `comes to ${address} on ${tunnel.interface}` : `is answered by ${tunnel.interface}`;
  return refuse(
    'ssh',
    `SSH to ${hostName(scene)} ${why}, which this change takes away`,
    `Set ${end === 'hub' ? 'hub' : `spokes.${tunnel.spoke}`}.ssh.host to an address that stays${
      isInPrefix(address, tunnel.prefix) ? ', such as underlay.address' : ''
    }.`,
  );
};
