import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/events.js';
import { makeRecap } from '../../src/report/recap.js';
import { createReporter, type OutputMode } from '../../src/report/reporter.js';
import { changedTunnel, revertedTunnel } from './sample-results.js';

const tokyo = changedTunnel(1, { spoke: 'tokyo' });
const osaka = revertedTunnel(10, { spoke: 'osaka' });
const recap = makeRecap('r1', 'deploy', [tokyo, osaka], 1234, { interrupted: false, exitCodeOnDifference: false });
const events: RunEvent[] = [
  { event: 'start', run: 'r1', command: 'deploy', total: 2 },
  { event: 'notice', level: 'warning', message: 'host key of osaka is new\x1b[2J' },
  { event: 'hub', step: 'inspect', message: '2 tunnels' },
  { event: 'trace', message: 'hub: connected' },
  { event: 'step', spoke: 'tokyo', interface: 'vxlan01', step: 'trial' },
  {
    event: 'diff',
    spokes: ['tokyo', 'osaka'],
    ids: [1, 10],
    end: 'spoke',
    text: '--- a\n+++ b\n@@ -1,1 +1,1 @@\n-x\r\n+x\n',
    drift: ['the MTU is 1400'],
  },
  { event: 'tunnel', ...tokyo },
  { event: 'tunnel', ...osaka },
  recap,
];

class Sink {
  text = '';
  write(text: string, written?: () => void): void {
    this.text += text;
    written?.();
  }
}

async function report(mode: OutputMode, verbose = false) {
  const io = { stdout: new Sink(), stderr: new Sink(), color: false, verbose };
  const reporter = await createReporter(mode, io);
  for (const event of events) reporter.emit(event);
  reporter.emit({ event: 'notice', level: 'info', message: 'late' });
  await reporter.finish();
  return { stdout: io.stdout.text, stderr: io.stderr.text };
}

describe('plain', () => {
  it('writes a line an event to stderr, and data to stdout', async () => {
    const { stdout, stderr } = await report('plain');
    expect(stderr).toMatchInlineSnapshot(`
      "deploy of 2 tunnels, run r1
      warning: host key of osaka is new
      hub      -        inspect  2 tunnels
      tokyo    vxlan01  trial
      tokyo    vxlan01  changed  down 84 ms
      osaka    vxlan0a  reverted  down 2.3 s
        failed  /48, at osaka (verify)
        why     the /48 does not answer from the hub
        check   no answer: /48 from hub, 2001:db8:ae00:0:1::1 to 2001:db8:ae0a::1, 1450 bytes
        next    look at the routes of the /48 on the spoke:
                ip -6 route show table all
      notice: late
      "
    `);
    expect(stdout).toMatchInlineSnapshot(`
      "# vxlan01, vxlan0a (2 tunnels, shown for tokyo) at the spoke
      --- a
      +++ b
      @@ -1,1 +1,1 @@
      -x␍
      +x
      drift: the MTU is 1400

      tokyo  vxlan01  changed   down 84 ms, 1 check answered
      osaka  vxlan0a  reverted  put back, and the old state answers, down 2.3 s

      osaka (vxlan0a) reverted: put back, and the old state answers
        failed  /48, at osaka (verify)
        why     the /48 does not answer from the hub
        check   no answer: /48 from hub, 2001:db8:ae00:0:1::1 to 2001:db8:ae0a::1, 1450 bytes
        next    look at the routes of the /48 on the spoke:
                ip -6 route show table all

      2 tunnels: 1 changed, 1 reverted (1.2 s)
      "
    `);
  });

  it('is what auto means without a terminal', async () => {
    expect(await report('auto')).toEqual(await report('plain'));
  });

  it('shows traces when verbose', async () => {
    expect((await report('plain', true)).stderr).toContain('trace: hub: connected\n');
  });
});

describe('json', () => {
  it('writes one object a line, the only recap last, and nothing to stderr', async () => {
    const { stdout, stderr } = await report('json');
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RunEvent);
    expect(objects.map(({ event }) => event)).toEqual([
      'start',
      'notice',
      'hub',
      'step',
      'diff',
      'tunnel',
      'tunnel',
      'recap',
    ]);
    expect(objects.at(-1)).toEqual(recap);
    expect(stderr).toBe('');
  });

  it('has snake_case keys, event first, and null where there is nothing', async () => {
    const { stdout } = await report('json', true);
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^\{"event":"/);
    const keys = [...stdout.matchAll(/"([^"]+)":/g)].map(([, key]) => key);
    expect(keys.filter((key) => !/^[a-z_]+$/.test(key ?? ''))).toEqual([]);
    expect(stdout).toContain('"error":null');
  });
});
