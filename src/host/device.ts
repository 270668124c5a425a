/** The links of a host, of every kind, and their addresses, as `ip -d -j addr show` tells them. Pure. */
import { asDevice, asIpv4, asIpv6, asJson, asList, asNumber, asText, jsonEntries } from '../verify/ip-json.js';

export interface DeviceAddress {
  readonly address: string;
  readonly length: number;
}

export interface Device {
  readonly name: string;
  /** Other names by which the kernel knows it. */
  readonly altnames: readonly string[];
  /** `vxlan`, `bridge`, `veth`, `tun` and so on; undefined for hardware. */
  readonly kind: string | undefined;
  /** Bytes. */
  readonly mtu: number;
  readonly mac: string;
  /** The bridge or bond that it is part of. */
  readonly master: string | undefined;
  /** Its other half, or what it stands on, is in another network namespace: whoever made that one made this one. */
  readonly isFromOutside: boolean;
  readonly ipv4: readonly DeviceAddress[];
  /** Of global scope, unique local ones too. */
  readonly ipv6: readonly DeviceAddress[];
  /** UDP port and receiving side of a VXLAN; undefined for others. */
  readonly vxlan: VxlanSocket | undefined;
}

/** VXLANs share a socket only when all of this is equal. */
export interface VxlanSocket {
  readonly port: number;
  /** What it receives beyond plain VXLAN over IPv4: `external`, `gbp`, `gpe` and the like. */
  readonly extras: readonly string[];
}

/** By name. */
export function parseDevices(text: string): ReadonlyMap<string, Device> {
  const devices = jsonEntries(text).flatMap((entry): Device[] => {
    const name = asDevice(entry['ifname']);
    if (name === undefined) return [];
    const info = asJson(entry['linkinfo']);
    const kind = asText(info['info_kind']);
    return [
      {
        name,
        altnames: asList(entry['altnames']).flatMap((altname) => asText(altname) ?? []),
        kind,
        mtu: asNumber(entry['mtu']) ?? 0,
        mac: asText(entry['address']) ?? '',
        master: asDevice(entry['master']),
        isFromOutside: entry['link_netnsid'] !== undefined,
        ipv4: addressesOf(entry['addr_info'], 'inet', asIpv4),
        ipv6: addressesOf(entry['addr_info'], 'inet6', asIpv6),
        vxlan: kind === 'vxlan' ? socketOf(asJson(info['info_data'])) : undefined,
      },
    ];
  });
  return new Map(devices.map((device) => [device.name, device]));
}

const addressesOf = (
  list: unknown,
  family: string,
  asAddress: (value: unknown) => string | undefined,
): DeviceAddress[] =>
  asList(list)
    .map(asJson)
    .filter((entry) => entry['family'] === family && entry['scope'] !== 'link' && entry['scope'] !== 'host')
    .flatMap((entry) => {
      const address = asAddress(entry['local']);
      return address === undefined ? [] : [{ address, length: asNumber(entry['prefixlen']) ?? 0 }];
    });

/** Flags of the receiving side (VXLAN_F_RCV_FLAGS of the kernel), as `ip -j` names them. */
const RECEIVING = ['external', 'gbp', 'gpe', 'remcsum_rx', 'udp_zero_csum6_rx'];

const socketOf = (info: Readonly<Record<string, unknown>>): VxlanSocket => ({
  port: asNumber(info['port']) ?? 0,
  extras: RECEIVING.filter((name) => info[name] === true),
});
