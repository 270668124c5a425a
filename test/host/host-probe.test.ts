/** Packets and questions to the kernel, on a throwaway host whose peer answers as a file says. */
import { describe, expect, it } from 'vitest';
import { useProgramHost } from './program-host.js';

const QUESTIONS = ['one', 'two', 'three'].map((key) => `${key} 2001:db8::1 2001:db8::${key.length} 1450\n`).join('');

describe('a probe', { timeout: 120_000 }, () => {
  const { host, open, call, install, log } = useProgramHost();
  const probe = async (seconds: number, payload: string) => {
    const session = await open('run-a', 60, false);
    const { values } = await call(session, 'probe', ['vxlan01', String(seconds), 'diagnose'], payload);
    await session.close();
    return values;
  };
  const answers = (...lines: string[]): void => {
    host.run(`printf '# old|2001:db8::%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >/var/lib/answers`);
  };

  it('that is answered asks each question once, and looks no further', async () => {
    install();
    answers('3', '5');
    const values = await probe(10, QUESTIONS);
    expect(values.get('pings')?.split('\n')).toEqual([
      expect.stringMatching(/^one 0 [\d.]+$/),
      expect.stringMatching(/^two 0 [\d.]+$/),
      expect.stringMatching(/^three 0 [\d.]+$/),
    ]);
    expect(Number(values.get('answered_at'))).toBeGreaterThan(0);
    expect(values.has('neighbours')).toBe(false);
    expect(log().filter((line) => line.startsWith('ping'))).toHaveLength(3);
  });

  it('says what did not answer until the time was over, and what the layers below have', async () => {
    install();
    answers('3');
    const values = await probe(2, QUESTIONS);
    expect(values.get('pings')?.split('\n').sort()).toEqual([
      expect.stringMatching(/^one 0 /),
      expect.stringMatching(/^three 1 no answer$/),
      expect.stringMatching(/^two 0 /),
    ]);
    expect(values.has('neighbours')).toBe(true);
  });

  // A hub that forwards asks for the other end while that is down; the kernel would ask again only a second later.
  it('of a change does not wait for a neighbour that was asked for in vain, where it is to ask anew', async () => {
    install();
    answers('3', '5');
    const seen = async (writes: boolean, ...depth: string[]): Promise<string> => {
      host.run('ip link set vxlan01 up; ip -6 neigh replace 2001:db8::77 dev vxlan01 nud failed');
      const session = await open('run-a', 60, writes);
      await call(session, 'probe', ['vxlan01', '2', ...depth], QUESTIONS);
      await session.close();
      return host.run('ip -6 neigh show nud failed dev vxlan01');
    };
    expect(await seen(true, 'anew')).not.toContain('2001:db8::77');
    expect(await seen(true, 'diagnose')).not.toContain('2001:db8::77');
    // Between two sites it is not asked for, and who only looks changes nothing.
    expect(await seen(true)).toContain('2001:db8::77');
    expect(await seen(false, 'anew')).toContain('2001:db8::77');
  });

  it('hears an answer that comes late', async () => {
    install();
    answers('3');
    host.run("(sleep 2; echo '# old|2001:db8::5' >>/var/lib/answers) >/dev/null 2>&1 &");
    const values = await probe(10, QUESTIONS);
    expect(values.get('pings')).toMatch(/^three 0 [\d.]+$/m);
  });

  // The address may be there a moment later.
  it('asks again after an error', async () => {
    install();
    answers('3', '5|unreachable');
    host.run("(sleep 2; printf '# old|2001:db8::3\\n# old|2001:db8::5\\n' >/var/lib/answers) >/dev/null 2>&1 &");
    const values = await probe(10, QUESTIONS);
    expect(values.get('pings')).toMatch(/^three 0 [\d.]+$/m);
  });
});
