/** Hosts that lack something: what the host program says of them, before anything is touched. */
import { expect, it } from 'vitest';
import { inspectionPayload, parseFacts, type HostFacts } from '../../src/host/host-facts.js';
import type { HostSession } from '../../src/host/host-session.js';
import { fleetQueries } from '../../src/verify/queries.js';
import { bytesOf } from '../../src/text-bytes.js';
import { describeNamespace } from './namespace.js';
import { useProgramHost } from './program-host.js';

const INSPECTION = { ways: [], network: fleetQueries({ prefix: '2001:db8:ae00::/40', filter: false }) };

describeNamespace('a host', () => {
  const { call, has, host, open, prepare, trials } = useProgramHost();

  const factsIn = async (session: HostSession): Promise<HostFacts> => {
    return parseFacts(await call(session, 'inspect', [], inspectionPayload(INSPECTION)), INSPECTION);
  };
  const facts = async (environment?: string): Promise<HostFacts> => {
    const session = await open('run-a', 60, true, environment);
    const found = await factsIn(session);
    await session.close();
    return found;
  };
  /** A program before all others of its name. */
  const install = (name: string, script: string): void => {
    host.run(`cat >/usr/local/sbin/${name} <<'END'\n#!/bin/bash\n${script}\nEND\nchmod 755 /usr/local/sbin/${name}`);
  };

  it('that has everything lacks nothing', async () => {
    expect(await facts()).toMatchObject({
      missingPrograms: [],
      ipFault: undefined,
      canChangeNetwork: true,
      canWriteVar: true,
      unreadableFiles: [],
    });
  });

  it.each([
    [`echo 'Option "-j" is unknown, try "ip -help".' >&2; exit 255`, /^Option "-j" is unknown.* \(ip utility, .*\)$/],
    ['printf "BusyBox v1.35.0\\n\\nUsage: ip [OPTIONS]\\n" >&2; exit 1', /^BusyBox v1\.35\.0 \(ip utility/],
  ])('whose ip does not know what we ask is told with its words and its version: %s', async (script, fault) => {
    install('ip', `[[ $1 != -V ]] || { echo 'ip utility, iproute2-ss170501'; exit; }\n${script}`);
    expect((await facts()).ipFault).toMatch(fault);
  });

  it('that may not open a raw socket is left as it is', async () => {
    install('env', 'exec setpriv --bounding-set=-net_raw --inh-caps=-net_raw /usr/bin/env "$@"');
    const session = await open();
    expect(await prepare(session, '# new\n')).toMatchObject({
      ok: false,
      reason: 'ping',
      text: 'raw ICMPv6 socket: Operation not permitted',
    });
    const { values } = await call(session, 'probe', ['vxlan01', '1'], 'one ::1 ::1 1280\n');
    expect(values.get('pings')).toBe('one 126 raw ICMPv6 socket: Operation not permitted');
    expect(trials()).toEqual([]);
    await session.close();
  });

  it('that may not open its files is not taken for one that has none', async () => {
    host.run(
      'echo x >/etc/network/interfaces.d/vxlan01; chmod 0 /etc/network/interfaces.d/vxlan01 /etc/network/interfaces',
    );
    const drop = '-dac_override,-dac_read_search,-net_admin';
    install('env', `exec setpriv --bounding-set=${drop} --inh-caps=${drop} /usr/bin/env "$@"`);
    expect(await facts()).toMatchObject({
      canChangeNetwork: false,
      unreadableFiles: ['/etc/network/interfaces', '/etc/network/interfaces.d/vxlan01'],
    });
  });

  it('whose /var is read-only is known before anything is changed', async () => {
    host.run('mount -o remount,ro /var/lib');
    expect(await facts()).toMatchObject({ canWriteVar: false, canWriteEtc: true });
  });

  it('without /proc says so', async () => {
    host.run('mount -t tmpfs tmpfs /proc');
    const without = await open();
    await expect(call(without, 'history')).rejects.toMatchObject({
      code: 'protocol',
      message: "vxfleet's program cannot run on osaka (/proc is not mounted)",
    });
    host.run('umount /proc');
    expect(has('/proc/self')).toBe(true);
  });

  it('hands its environment to nobody', async () => {
    host.run(
      "echo 'echo noise; read -r; exit 3' >/run/env; mkdir /run/lib; echo 'print qq(noise); exit 3' >/run/lib/strict.pm",
    );
    const odd = [
      'TMOUT=1 POSIXLY_CORRECT=1 BASH_ENV=/run/env ENV=/run/env LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de GLOBIGNORE=* CDPATH=/tmp',
      "'BASH_FUNC_ip%%=() { echo no; }' PERL5LIB=/run/lib PERL5OPT=-Mstrict PERL_UNICODE=SAD PERLIO=:utf8",
    ].join(' ');
    host.run("printf '# \\xe9\\n' >/etc/network/interfaces.d/vxlan07");
    const session = await open('run-a', 60, true, `${odd} && set -eu && export SHELLOPTS BASHOPTS`);
    const found = await factsIn(session);
    expect(found.network.rules).toHaveLength(2);
    expect(bytesOf(found.files.get('vxlan07') ?? '')).toEqual(Buffer.from('# \xe9\n', 'latin1'));
    const { values } = await call(session, 'probe', ['vxlan01', '5'], 'one ::1 ::1 1280\n');
    expect(values.get('pings')).toMatch(/^one 0 [\d.]+$/);
    await session.close();
  });
});
