import { describe, expect, it } from 'vitest';
import { isBefore, positionOf, readInterfaces } from '../../../src/host/interfaces/read-interfaces.js';
import { INTERFACES_CASES } from './interfaces-cases.js';

const VXLAN01 = '/etc/network/interfaces.d/vxlan01';
const read = (files: Readonly<Record<string, string>>, knowsSourceDirectory = true) =>
  readInterfaces(new Map(Object.entries(files)), { knowsSourceDirectory });

describe("ifupdown's files", () => {
  it.each(INTERFACES_CASES)('are read as ifupdown reads them: $what', ({ files, starts }) => {
    const all = { ...files, [VXLAN01]: 'auto vxlan01\niface vxlan01 inet6 manual\n' };
    const config = read(all);
    expect(config.starts.filter(({ kind }) => kind === 'auto').map((start) => start.interface)).toEqual(starts);
    // A file that is not there yet has its place all the same.
    const place = positionOf(read(files), VXLAN01);
    expect(place !== undefined).toBe(starts.includes('vxlan01'));
    for (const start of config.starts.filter(({ kind, interface: name }) => kind === 'auto' && name !== 'vxlan01')) {
      if (place !== undefined) {
        expect(isBefore(start.position, place)).toBe(starts.indexOf(start.interface) < starts.indexOf('vxlan01'));
      }
    }
  });

  it('give a stanza with its place and its options', () => {
    const text =
      '# bond\n\niface bond0 inet static\n  address 192.0.2.1/24 \n\tbond-slaves eth0 \\\n   eth1\n  # no\n  mtu 9000\n';
    const [stanza] = read({ '/etc/network/interfaces': text }).stanzas;
    expect(stanza).toMatchObject({
      interface: 'bond0',
      family: 'inet',
      method: 'static',
      file: '/etc/network/interfaces',
      line: 3,
      options: [
        ['address', '192.0.2.1/24'],
        ['bond-slaves', 'eth0    eth1'],
        ['mtu', '9000'],
      ],
    });
  });

  it('give a stanza twice that is read by two names, and once by one', () => {
    const text = (path: string) => `source /etc/network/interfaces.d/*\nsource ${path}\n`;
    const count = (path: string) =>
      read({ '/etc/network/interfaces': text(path), [VXLAN01]: 'iface vxlan01 inet6 manual\n' }).stanzas.length;
    expect(count('interfaces.d/*')).toBe(1);
    expect(count('/etc/network/./interfaces.d/*')).toBe(2);
  });

  it('of ifupdown2 know no source-directory', () => {
    expect(positionOf(read({ '/etc/network/interfaces': 'source-directory interfaces.d\n' }, false), VXLAN01)).toBe(
      undefined,
    );
  });
});
