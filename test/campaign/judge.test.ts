import { describe, expect, it } from 'vitest';
import { parseSnapshot, type HostSnapshot } from './host-snapshot.js';
import { judge, type Allowance, type Peace, type Snapshots } from './judge.js';

const peace: Peace = {
  interface: 'vxlan01',
  generations: [
    { name: 'old', vni: 1, dstport: 4789, digests: { hub: 'hub-old', spoke: 'spoke-old' } },
    { name: 'new', vni: 1, dstport: 4790, digests: { hub: 'hub-new', spoke: 'spoke-new' } },
  ],
  otherFiles: { hub: new Map([['vxlan02', 'two']]), spoke: new Map() },
  rules: { hub: ['0:\tfrom all lookup local'], spoke: ['0:\tfrom all lookup local'] },
};
const either: Allowance = { generations: ['old', 'new'], stagedAt: [] };

/** What a host in order prints. */
const quiet = (host: 'hub' | 'spoke', generation: 'old' | 'new'): string =>
  [
    'answers',
    `file vxlan01 ${host}-${generation}`,
    ...(host === 'hub' ? ['file vxlan02 two'] : []),
    `link 4: vxlan01: <UP> vxlan id 1 remote 198.18.1.1 dstport ${generation === 'old' ? 4789 : 4790} nolearning`,
    'rule 0:\tfrom all lookup local',
    'process       1       0 /bin/bash /run/lab-init eth0 198.18.0.1 22 hub',
    'process      46       1 sshd: /usr/sbin/sshd -D -e -p 22 [listener] 0 of 10-100 startups',
    'process      99       0 ping -6 -n -i 0.01 2001:db8:ae02::1',
  ].join('\n');

/** Both ends, the hub's text changed. */
const withHub = (change: (text: string) => string, generation: 'old' | 'new' = 'old'): Snapshots => ({
  hub: parseSnapshot(change(quiet('hub', generation))),
  spoke: parseSnapshot(quiet('spoke', 'old')),
});
const kindsOf = (snapshots: Snapshots, allowance = either): string[] =>
  judge(peace, snapshots, allowance).map(({ kind }) => kind);

describe('the judge of two hosts', () => {
  it('finds nothing wrong with two ends on the same generation', () => {
    expect(
      judge(
        peace,
        withHub((text) => text),
        either,
      ),
    ).toEqual([]);
  });

  it('finds two ends on different generations, each in order by itself', () => {
    expect(
      judge(
        peace,
        withHub((text) => text, 'new'),
        either,
      ),
    ).toEqual([{ kind: 'state', text: "the hub's file is new, the spoke's old" }]);
  });

  it.each<[string, (text: string) => string, readonly string[]]>([
    ['a file that is cut short', (text) => text.replace('hub-old', 'hub-ol'), ['state', 'state', 'state']],
    ['a kernel that runs another generation than the file', (text) => text.replace('4789', '4790'), ['state']],
    ['a link that is gone', (text) => text.replace(/^link.*$/m, ''), ['tunnel']],
    ['a peer that does not answer', (text) => text.replace('answers', ''), ['tunnel']],
    ["somebody else's file that was touched", (text) => text.replace('two', '2'), ['state']],
    ['a staged file', (text) => `${text}\nfile .vxlan01.vxfleet abc`, ['remains']],
    ['a trial', (text) => `${text}\nleft /run/vxfleet/vxlan01`, ['remains']],
    ['a rule', (text) => `${text}\nrule 20010:\tfrom all lookup 30001`, ['state']],
    ['a process', (text) => `${text}\nprocess 300 1 sleep 1000`, ['remains']],
  ])('finds %s', (_, change, kinds) => {
    expect(kindsOf(withHub(change))).toEqual(kinds);
  });

  it('lets a staged file lie where nobody can take it away', () => {
    const snapshots = withHub((text) => `${text}\nfile .vxlan01.vxfleet abc`);
    expect(kindsOf(snapshots, { ...either, stagedAt: ['hub'] })).toEqual([]);
    expect(kindsOf(snapshots, { ...either, stagedAt: ['spoke'] })).toEqual(['remains']);
  });

  it('takes a host that cannot be asked for one that is not in order', () => {
    const spoke: HostSnapshot = parseSnapshot(quiet('spoke', 'old'));
    expect(kindsOf({ hub: undefined, spoke })).toEqual(['tunnel']);
  });
});
