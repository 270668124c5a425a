/** Is the underlay device there, and large enough? */
import { resolveMtu, VXLAN_OVERHEAD } from '../verify/expect-end.js';
import { entryName, hostName, refuse, underlays, type Rule } from './scene.js';

export const hasDevice: Rule = (scene) => {
  const { device, hotplug } = underlays(scene).near;
  const absence = hotplug
    ? 'The tunnel works again when it is there; a change waits for it. If it has another name: correct'
    : 'Correct';
  return scene.facts.devices.has(device)
    ? undefined
    : refuse(
        'underlay',
        `there is no device ${device}`,
        `${absence} ${entryName(scene)}.underlay.device; \`ip -br link\` on the host lists what there is.`,
      );
};

export const mtuFits: Rule = (scene) => {
  const { tunnel, facts } = scene;
  const { device } = underlays(scene).near;
  const deviceMtu = facts.devices.get(device)?.mtu;
  if (deviceMtu === undefined) return undefined;
  const most = deviceMtu - VXLAN_OVERHEAD;
  if (tunnel.mtu !== undefined && tunnel.mtu > most) {
    return refuse(
      'params',
      `mtu ${tunnel.mtu} does not fit ${device} (MTU ${deviceMtu})`,
      `At most ${most}: the underlay needs ${VXLAN_OVERHEAD} bytes.`,
    );
  }
  return most < 1280
    ? refuse(
        'params',
        `${device} has MTU ${deviceMtu}: too small for IPv6 in a tunnel`,
        'IPv6 needs 1280 bytes and the underlay 50 more.',
      )
    : undefined;
};

/** A route, or what the kernel has learnt of the path, may take less than the device. */
export const mtuFitsWay: Rule = (scene) => {
  const { tunnel, facts } = scene;
  const { near, far } = underlays(scene);
  const deviceMtu = facts.devices.get(near.device)?.mtu;
  const most = Math.min(
    ...facts.ways.flatMap(({ remote, local, mtu }) =>
      remote === far.address && local === near.local && mtu !== undefined ? [mtu] : [],
    ),
  );
  const needed = deviceMtu === undefined ? 0 : resolveMtu(tunnel, deviceMtu) + VXLAN_OVERHEAD;
  return needed <= most
    ? undefined
    : refuse(
        'params',
        `the way from ${hostName(scene)} to ${far.address} takes packets of ${most} bytes, and the tunnel's have up to ${needed}`,
        `Set vxlan.mtu: ${most - VXLAN_OVERHEAD} for ${tunnel.spoke}; \`ip route get ${far.address} from ${near.local}\` shows it (what the kernel has learnt of a path it forgets after ten minutes).`,
      );
};
