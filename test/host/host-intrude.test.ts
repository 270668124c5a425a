/** Packets that must not pass, and what the other end's filter has counted, on a throwaway host that sends them to itself. */
import { describe, expect, it } from 'vitest';
import { useProgramHost } from './program-host.js';

const FRAME = '02:00:00:00:00:02 02:00:00:00:00:01 2001:db8:bad::1 2001:db8::2';

describe('an intrusion', { timeout: 120_000 }, () => {
  const { host, open, call } = useProgramHost();
  /** A filter that counts one packet more each time it is asked. */
  const count = (): void => {
    host.run(`cat >/usr/local/sbin/nft <<'END'
#!/bin/sh
n=$(($(cat /run/asked 2>/dev/null || echo 0) + 1)); echo $n >/run/asked
printf 'table inet vxfleet {\\n\\tcounter vxlan01_in {\\n\\t\\tpackets %s bytes 40\\n\\t}\\n' $n
printf '\\tcounter peer_10.0.0.1_4789 {\\n\\t\\tpackets 7 bytes 280\\n\\t}\\n}\\n'
END
chmod 755 /usr/local/sbin/nft`);
  };
  const intrude = async (seconds: string, payload: string) => {
    const session = await open('run-a', 60, false);
    const { values } = await call(session, 'intrude', [seconds], payload);
    await session.close();
    return values;
  };

  it('sends frames as the other end would, with what they must not have', async () => {
    host.run(`cat >/run/listen.pl <<'END'
socket S, 2, 2, 0; bind S, pack 'S n a4 x8', 2, 4789, pack 'C4', 127, 0, 0, 1; open my $ready, '>', '/run/listens';
while (defined recv S, my $packet, 2048, 0) { open my $out, '>>', '/run/heard'; print {$out} unpack('H*', $packet), "\\n" }
END
perl /run/listen.pl >/dev/null 2>&1 </dev/null & while [ ! -e /run/listens ]; do sleep 0.01; done`);
    count();
    const values = await intrude('5', `send 127.0.0.1 4789 127.0.0.1 4789 258 2 ${FRAME}\ncount vxlan01_in 2\n`);
    expect(values.has('unsent')).toBe(false);
    const frame = [
      '08000000 00010200',
      '020000000002 020000000001 86dd',
      '60000000 0000 3b40 20010db80bad00000000000000000001 20010db8000000000000000000000002',
    ]
      .join('')
      .replaceAll(' ', '');
    expect(host.run('cat /run/heard').trim().split('\n')).toEqual([frame, frame]);
  });

  it('is over when so many were counted, with the counts of the counters that are there', async () => {
    count();
    const values = await intrude('30', 'count vxlan01_in 3\ncount peer_10.0.0.1_4789 7\n');
    expect(values.get('counters')?.split('\n').toSorted()).toEqual(['peer_10.0.0.1_4789 7', 'vxlan01_in 3']);
    expect(host.run('cat /run/asked').trim()).toBe('3');
  });

  it('is over after its seconds, and looks once when it has none', async () => {
    count();
    expect((await intrude('0.3', 'count vxlan01_in 1000\ncount vxlan02_in 1\n')).get('counters')).toMatch(
      /^vxlan01_in \d$/,
    );
    host.run('rm /run/asked');
    expect((await intrude('0', 'count vxlan01_in 0\n')).get('counters')).toBe('vxlan01_in 1');
    expect(host.run('cat /run/asked').trim()).toBe('1');
  });

  it('says why nothing could be sent, and what is counted all the same', async () => {
    count();
    const values = await intrude('0', `send 198.51.100.9 49152 127.0.0.1 4789 2 2 ${FRAME}\ncount vxlan01_in 0\n`);
    expect(values.get('unsent')).toMatch(/^198\.51\.100\.9 to 127\.0\.0\.1: Cannot assign requested address/);
    expect(values.get('counters')).toBe('vxlan01_in 1');
  });

  it('has no counts where there is no nft', async () => {
    host.run("printf '#!/bin/sh\\nexit 127\\n' >/usr/local/sbin/nft; chmod 755 /usr/local/sbin/nft");
    expect((await intrude('0.1', 'count vxlan01_in 1\n')).get('counters')).toBe('');
  });
});
