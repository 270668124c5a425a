import { describe, expect, it } from 'vitest';
import { type HostFacts, parseFacts } from '../../src/host/host-facts.js';

const factsOf = (values: Record<string, string>): HostFacts =>
  parseFacts({ ok: true, reason: '', text: '', values: new Map(Object.entries(values)) }, { ways: [], network: [] });

describe('what a host says of itself', () => {
  it('is read into facts', () => {
    const facts = factsOf({
      uid: '0',
      ssh: '192.0.2.9 52100 192.0.2.1 22',
      ifupdown: 'ifup version 0.8.41',
      missing: '',
      'interfaces:1': '/etc/network/interfaces\nsource interfaces.d/*\n',
      writable_etc: 'yes',
      writable_run: 'yes',
      'sysctl:net.ipv6.conf.all.forwarding': '1',
      'sysctl:kernel.random.boot_id': 'b',
      sockets: 'local_address 0100007F:12B5 local_address 00000000000000000000000000000000:0035 ',
      hardware: 'eth0 eth1 ',
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
      canWriteEtc: true,
      canWriteRun: true,
      bootId: 'b',
      udpPorts: new Set([4789, 53]),
      hardware: new Set(['eth0', 'eth1']),
      forwards: true,
      sshServerAddress: '192.0.2.1',
      sshDevice: 'eth0',
      configured: ['lo', 'vxlan0a'],
    });
    expect([...facts.files]).toEqual([['vxlan0a', 'auto vxlan0a\n']]);
    expect(facts.interfaces.starts.map((start) => `${start.file} ${start.interface}`)).toEqual([
      '/etc/network/interfaces.d/vxlan0a vxlan0a',
    ]);
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
    expect(factsOf({ uid: '1000', ssh: '', missing: 'ip sync' })).toMatchObject({
      uid: 1000,
      ifupdown: undefined,
      missingPrograms: ['ip', 'sync'],
      canWriteEtc: false,
      canWriteRun: false,
      bootId: '',
      forwards: false,
      sshServerAddress: undefined,
      sshDevice: undefined,
    });
  });

  it.each([
    [{ forwarding_files: '/etc/sysctl.d/forwarding.conf ' }, true],
    [
      {
        'interfaces:1':
          '/etc/network/interfaces\niface eth0 inet6 auto\n  up sysctl -w net.ipv6.conf.all.forwarding=1\n',
      },
      true,
    ],
    [
      { 'interfaces:1': '/etc/network/interfaces\niface eth0 inet6 auto\n  up sysctl -w net.ipv4.ip_forward=1\n' },
      false,
    ],
    [{}, false],
  ])('knows whether a hub forwards after a boot: %o', (values, expected) => {
    expect(factsOf(values).forwardsAtBoot).toBe(expected);
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
