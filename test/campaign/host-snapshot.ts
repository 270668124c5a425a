/** What one end of the tunnel looks like at a moment, as its host says. */

export interface HostSnapshot {
  /** Every file of interfaces.d, hidden ones too, with its sha256. */
  readonly files: ReadonlyMap<string, string>;
  /** What lies in /run/vxfleet, and what is on its way into a record under /var/lib/vxfleet. */
  readonly leftFiles: readonly string[];
  /** The tunnel's link in the kernel; undefined when there is none. */
  readonly link: { readonly vni: number; readonly dstport: number } | undefined;
  readonly rules: readonly string[];
  /** Command lines that a quiet host does not have. */
  readonly processes: readonly string[];
  /** Did the peer answer a ping over the tunnel? */
  readonly answers: boolean;
  /** What the host printed, for the evidence. */
  readonly text: string;
}

/**
 * For `sh -c`, with the interface and the peer's address as $1 and $2. The ping first: what follows is then not older than its answer.
 * A quiet host has its init, sshd, and the pings of the bystanders.
 */
export const SNAPSHOT_SCRIPT = String.raw`
ping -6 -n -q -c 1 -W 1 "$2" >/dev/null 2>&1 && echo answers
cd /etc/network/interfaces.d
for file in .[!.]* *; do [ ! -e "$file" ] || [ "$file" = .campaign-ballast ] || echo "file $file $(sha256sum <"$file" | cut -c 1-64)"; done
{ find /run/vxfleet -mindepth 1; find /var/lib/vxfleet -name '.[!c]*'; } 2>/dev/null | sed 's/^/left /'
ip -d -o link show dev "$1" 2>/dev/null | sed 's/^/link /'
ip -6 rule | sed 's/^/rule /'
ps -ww -e -o pid=,ppid=,args= | awk -v me=$$ '$1 != me && $2 != me { print "process", $0 }'
`;

/** Not ours: the host's init, sshd and its sessions' own processes, the pings of the bystanders. */
const QUIET = [
  /^(?:\/bin\/)?bash \/run\/lab-init /,
  /^sleep 1$/,
  /^sshd: /,
  /^\/usr\/sbin\/sshd /,
  /^ping -6 -n -i 0\.01 /,
];

export function parseSnapshot(text: string): HostSnapshot {
  const lines = text.trim().split('\n');
  const valuesOf = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const [, vni, dstport] = /vxlan id (\d+) .*dstport (\d+)/.exec(valuesOf('link')[0] ?? '') ?? [];
  return {
    files: new Map(valuesOf('file').map((value) => value.split(' ') as [string, string])),
    leftFiles: valuesOf('left'),
    link: vni === undefined ? undefined : { vni: Number(vni), dstport: Number(dstport) },
    rules: valuesOf('rule'),
    processes: valuesOf('process').filter((line) => {
      const command = line.trim().split(/\s+/).slice(2).join(' ');
      return !QUIET.some((pattern) => pattern.test(command));
    }),
    answers: lines.includes('answers'),
    text,
  };
}
