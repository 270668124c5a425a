/** A stranger on the lab's underlay: a namespace of its own on the bridge, and what it, or a host that has gone bad, sends. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { bridgeNamespace } from '../../src/lab/lab-paths.js';

const run = promisify(execFile);

/** Of the rogue; no host's, and in the lab's 198.18.0.0/15. */
const ROGUE_ADDRESS = '198.19.200.1';

/** VXLAN packets as anybody can make them: a UDP datagram of the host's own. */
export interface Injection {
  /** Underlay address of the host that they are for. */
  readonly to: string;
  readonly vnis: readonly number[];
  /** Packets for each VNI. */
  readonly count?: number;
  /** Where the Ethernet frame within goes. */
  readonly mac: string;
  /** Addresses of the IPv6 packet within. */
  readonly source: string;
  readonly target: string;
  /** UDP port of the sender's; one that the tunnels use by default. */
  readonly port?: number;
}

/** Waits a little now and then, or the receiver's queue would drop packets, and nobody could say who did. */
const SEND = String.raw`
  use strict; use Socket;
  my ($to, $vnis, $count, $mac, $source, $target, $port) = @ARGV;
  sub packed { my ($head, $tail) = map { [split /:/] } split /::/, $_[0], 2; my @w = @$head;
    push @w, (0) x (8 - @w - @{$tail // []}), @{$tail // []} if defined $tail; pack 'n8', map { hex } @w }
  my $udp = pack 'n n n n a8', 4000, 9, 16, 0, 'injected';
  my $ip = pack('N n C C', 6 << 28, length $udp, 17, 64) . packed($source) . packed($target) . $udp;
  my $frame = pack('H12 H12 n', $mac =~ s/://gr, '027678ffffff', 0x86dd) . $ip;
  socket my $socket, PF_INET, SOCK_DGRAM, 0 or die $!;
  bind $socket, sockaddr_in($port, INADDR_ANY) or die $!;
  my $sent = 0;
  for my $vni (split /,/, $vnis) {
    for (1 .. $count) {
      send $socket, pack('N N', 0x08000000, $vni << 8) . $frame, 0, sockaddr_in(4789, inet_aton($to)) or die $!;
      select undef, undef, undef, 0.01 if ++$sent % 20 == 0;
    }
  }
`;

/** The command that sends it, on whatever host. */
export const injection = ({ to, vnis, count = 1, mac, source, target, port = 40_000 }: Injection): string[] => [
  ...['perl', '-e', SEND, to, vnis.join(','), String(count), mac, source, target, String(port)],
];

export interface Rogue {
  exec(argv: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

/** Puts it on the bridge of a lab. */
export async function addRogue(lab: string): Promise<Rogue> {
  const name = `${bridgeNamespace(lab)}.rogue`;
  const bridge = bridgeNamespace(lab);
  await run('ip', ['netns', 'del', name]).catch(() => undefined);
  await run('ip', ['netns', 'add', name]);
  const lines = [
    ['-n', bridge, 'link', 'add', 'rogue', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name],
    ['-n', bridge, 'link', 'set', 'dev', 'rogue', 'master', 'br0', 'up'],
    ['-n', name, 'addr', 'add', `${ROGUE_ADDRESS}/15`, 'dev', 'eth0'],
    ['-n', name, 'link', 'set', 'dev', 'eth0', 'up'],
  ];
  for (const line of lines) await run('ip', line);
  return {
    exec: async (argv) => {
      await run('ip', ['netns', 'exec', name, ...argv]);
    },
    remove: async () => {
      await run('ip', ['netns', 'del', name]);
    },
  };
}
