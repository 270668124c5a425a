/** Does a reboot bring up what is proven? `ifup -a` goes in the order in which ifupdown reads the files. */
import { INTERFACES_D, type HostFacts } from '../host/host-facts.js';
import { INTERFACES, isBefore, positionOf, type Stanza, type Start } from '../host/interfaces/read-interfaces.js';
import { VXLAN_OVERHEAD } from '../verify/expect-end.js';
import { entryName, refuse, underlays, type Rule, type Scene } from './scene.js';

export const readsInterfacesD: Rule = ({ tunnel, facts: { interfaces, unsentFile } }) => {
  if (unsentFile !== undefined) {
    return refuse(
      'implementation',
      `${INTERFACES} and what it reads are more than 1 MB (${unsentFile} and on): vxfleet does not know whether ${tunnel.interface} is among them`,
      'Move what is no stanza out of the directories that it reads.',
    );
  }
  return positionOf(interfaces, `${INTERFACES_D}/${tunnel.interface}`) !== undefined
    ? undefined
    : refuse(
        'implementation',
        `${INTERFACES} does not read ${INTERFACES_D}/${tunnel.interface}`,
        `Add the line "source ${INTERFACES_D}/*" to it, as Debian ships it; without it the tunnel would not survive a reboot.`,
      );
};

/** The link needs its device when it is made: whoever else makes that one must have done so before. */
export const comesAfterItsDevice: Rule = (scene) => {
  const { device, hotplug } = underlays(scene).near;
  const { facts } = scene;
  if (hotplug || isThereAtBoot(facts, device)) return undefined;
  const start = startOf(facts, device, 'auto');
  const cure = hotplugCure(scene);
  if (start === undefined) {
    return refuse(
      'underlay',
      `nothing that ifupdown reads brings up ${device}: after a reboot ${scene.tunnel.interface} could be made before it, and would fail`,
      `${cure} Or make ${device} by a stanza that comes before.`,
    );
  }
  if (!isBefore(start.position, ownPosition(scene))) {
    return refuse(
      'underlay',
      `${start.file} line ${start.line} makes ${device} after ifupdown has read ${INTERFACES_D}/${scene.tunnel.interface}: after a reboot the tunnel would have no device`,
      `${moveCure(start)} ${cure}`,
    );
  }
  return stanzasOf(facts, device).some(makesDevice)
    ? undefined
    : refuse(
        'underlay',
        `the stanza of ${device} (${start.file} line ${start.line}) does not make it: after a reboot it may come after ${scene.tunnel.interface}`,
        `${cure} Or let the stanza make it, as with "pre-up ip link add ${device} …".`,
      );
};

/** A VXLAN that is larger than its device allows is not made; before it is configured a device has 1500. */
export const fitsAtBoot: Rule = (scene) => {
  const { facts, tunnel } = scene;
  const { device, hotplug } = underlays(scene).near;
  const mtu = tunnel.mtu ?? (facts.devices.get(device)?.mtu ?? 0) - VXLAN_OVERHEAD;
  if (hotplug || mtu + VXLAN_OVERHEAD <= DEFAULT_MTU || facts.devices.get(device)?.isFromOutside === true)
    return undefined;
  const setter = stanzasOf(facts, device).find(setsMtu);
  const start = startOf(facts, device, 'auto');
  if (setter !== undefined && start !== undefined && isBefore(start.position, ownPosition(scene))) return undefined;
  const found =
    setter === undefined
      ? `nothing that ifupdown reads sets the MTU of ${device}`
      : `${setter.file} line ${setter.line} sets the MTU of ${device}, and not before ${tunnel.interface} is made`;
  return refuse(
    'params',
    `${found}: after a reboot ${device} may still have ${DEFAULT_MTU}, and ${tunnel.interface} needs ${mtu + VXLAN_OVERHEAD}`,
    `Set vxlan.mtu: ${DEFAULT_MTU - VXLAN_OVERHEAD} for ${tunnel.spoke}. ${start === undefined ? '' : `${moveCure(start)} `}${hotplugCure(scene)}`,
  );
};

const DEFAULT_MTU = 1500;

/** Hardware, and what another namespace has put here (a container's veth), is there before ifup is. */
const isThereAtBoot = ({ hardware, devices }: HostFacts, device: string): boolean =>
  hardware.has(device) || devices.get(device)?.isFromOutside === true || device === 'lo';

const startOf = ({ interfaces }: HostFacts, device: string, kind: string): Start | undefined =>
  interfaces.starts.find((start) => start.interface === device && start.kind === kind);

const stanzasOf = ({ interfaces }: HostFacts, device: string): Stanza[] =>
  interfaces.stanzas.filter((stanza) => stanza.interface === device);

const ownPosition = ({ facts, tunnel }: Scene) =>
  positionOf(facts.interfaces, `${INTERFACES_D}/${tunnel.interface}`) ?? [];

/** Options of any device; one that is none of these belongs to what makes a bridge, bond, VLAN and so on. */
const COMMON_OPTIONS =
  /^(?:address|netmask|broadcast|network|gateway|metric|pointopoint|hwaddress|mtu|scope|dns-.*|accept_ra|autoconf|privext|dad-.*|preferred-lifetime|request_prefix|ll-.*|hostname|leasehours|leasetime|vendor|client|up|post-up|down|pre-down|post-down|description|inherits)$/;

function makesDevice({ interface: name, method, options }: Stanza): boolean {
  // pppd makes it when the other end has answered, and ifup does not wait for that.
  if (method === 'ppp' || method === 'wvdial') return false;
  if (method === 'tunnel' || /\.\d+$|^vlan\d+$/.test(name)) return true;
  return options.some(([option]) => !COMMON_OPTIONS.test(option));
}

const setsMtu = ({ method, options }: Stanza): boolean =>
  method === 'dhcp' || options.some(([name, value]) => name === 'mtu' || /\bmtu\b/.test(value));

const moveCure = ({ file, interface: device }: Start): string =>
  file === INTERFACES
    ? `Move the line "source ${INTERFACES_D}/*" below the stanza of ${device}.`
    : `Rename ${file} so that it sorts before vxlan*.`;

const hotplugCure = (scene: Scene): string =>
  `Set ${entryName(scene)}.underlay.hotplug: true, which makes the tunnel without its device.`;
