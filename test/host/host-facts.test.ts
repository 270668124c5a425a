import { describe, expect, it } from 'vitest';
import { type HostFacts, parseFacts } from '../../src/host/host-facts.js';

const factsOf = (values: Record<string, string>): HostFacts =>
  parseFacts({ ok: true, reason: '', text: '', values: new Map(Object.entries(values)) }, []);

describe('what a host says of itself', () => {
  it('is read into facts', () => {
    const facts = factsOf({
      uid: '0',
      ssh: '192.0.2.9 52100 192.0.2.1 22',
      ifupdown: 'ifup version 0.8.41',
      missing: '',
      sources: 'yes',
      writable_etc: 'yes',
      writable_run: 'yes',
      device_mtu: '1500',
      forwarding: '1',
      ifstate: 'lo=lo\nvxlan0a=vxlan0a\n',
      'file:vxlan0a': 'auto vxlan0a\n',
      'trial:vxlan0b': 'doubt\nrun-z\n-3\nguard\nalice@bastion\n198.18.0.9\n2026-11-23T12:00:00Z\ndeploy tokyo\n',
      links:
        '[]\n[{"type":"unicast","dst":"192.0.2.9","dev":"eth0","prefsrc":"192.0.2.1","flags":[],"uid":0,"cache":[]}]\n',
      network: '',
    });
    expect(facts).toMatchObject({
      uid: 0,
      ifupdown: 'ifup version 0.8.41',
      missingPrograms: [],
      sourcesInterfacesD: true,
      canWriteEtc: true,
      canWriteRun: true,
      deviceMtu: 1500,
      forwards: true,
      sshServerAddress: '192.0.2.1',
      sshDevice: 'eth0',
      configured: ['lo', 'vxlan0a'],
    });
    expect([...facts.files]).toEqual([['vxlan0a', 'auto vxlan0a\n']]);
    expect(facts.trials.get('vxlan0b')).toEqual({
      state: 'doubt',
      run: 'run-z',
      secondsLeft: -3,
      holder: 'guard',
      operator: 'alice@bastion',
      from: '198.18.0.9',
      since: '2026-11-23T12:00:00Z',
      command: 'deploy tokyo',
    });
    expect(facts.links.size).toBe(0);
    expect(facts.network).toEqual({ routes: [], rules: [] });
  });

  it('is the worst where it said nothing', () => {
    expect(factsOf({ uid: '1000', ssh: '', missing: 'ping flock ' })).toMatchObject({
      uid: 1000,
      ifupdown: undefined,
      missingPrograms: ['ping', 'flock'],
      sourcesInterfacesD: false,
      canWriteEtc: false,
      canWriteRun: false,
      deviceMtu: undefined,
      forwards: false,
      sshServerAddress: undefined,
      sshDevice: undefined,
    });
  });

  it('takes stanzas with file and line, and passes over what is none', () => {
    const stanzas =
      '/etc/network/interfaces:12:iface vxlan0a inet6 static\n/etc/network/interfaces.d/vxlan0b:3:  iface\tvxlan0b inet6 manual\n' +
      'grep: /etc/network/interfaces.d/*: No such file or directory\n/etc/network/interfaces.d/a:b:1:iface vxlan0c inet6 static\n';
    expect(factsOf({ stanzas }).stanzas).toEqual([
      { file: '/etc/network/interfaces', line: 12, interface: 'vxlan0a' },
      { file: '/etc/network/interfaces.d/vxlan0b', line: 3, interface: 'vxlan0b' },
      { file: '/etc/network/interfaces.d/a:b', line: 1, interface: 'vxlan0c' },
    ]);
  });

  it('finds the stanzas in the files that are sent whole', () => {
    const text = '# by hand\nauto vxlan0b\niface vxlan0b inet6 static\n  address ::1\n';
    expect(factsOf({ 'file:vxlan0a': text }).stanzas).toEqual([
      { file: '/etc/network/interfaces.d/vxlan0a', line: 3, interface: 'vxlan0b' },
    ]);
  });

  it('knows of which files it has not all', () => {
    expect(factsOf({ binary: 'vxlan0a vxlan0b ' }).binaryFiles).toEqual(['vxlan0a', 'vxlan0b']);
  });

  it('is a protocol error when ip answered no JSON', () => {
    expect(() => factsOf({ links: 'Cannot open netlink socket: Address family not supported' })).toThrow(
      expect.objectContaining({ code: 'protocol' }),
    );
  });
});
