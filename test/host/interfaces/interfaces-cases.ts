/** /etc/network as people have it. test/lab holds the same against the real `ifquery --list -a`. */
export interface InterfacesCase {
  readonly what: string;
  /** By path; vxlan01 is put into interfaces.d besides. */
  readonly files: Readonly<Record<string, string>>;
  /** The interfaces that `ifup -a` brings up, in its order. */
  readonly starts: readonly string[];
}

const main = (text: string, others: Readonly<Record<string, string>> = {}): InterfacesCase['files'] => ({
  '/etc/network/interfaces': text,
  ...others,
});
const LO = 'auto lo\niface lo inet loopback\n';
const WAN = { '/etc/network/interfaces.d/wan0.cfg': 'auto wan0\niface wan0 inet manual\n' };

export const INTERFACES_CASES: readonly InterfacesCase[] = [
  { what: "Debian's own", files: main(`source /etc/network/interfaces.d/*\n\n${LO}`), starts: ['vxlan01', 'lo'] },
  { what: 'no newline at the end', files: main(`${LO}source /etc/network/interfaces.d/*`), starts: ['lo', 'vxlan01'] },
  { what: 'CRLF', files: main(`${LO}source /etc/network/interfaces.d/*\r\n`), starts: ['lo', 'vxlan01'] },
  {
    what: 'two patterns',
    files: main(`${LO}source /etc/network/interfaces.d/*.cfg /etc/network/interfaces.d/vxlan*\n`, WAN),
    starts: ['lo', 'wan0', 'vxlan01'],
  },
  {
    what: 'two patterns, the second of which is relative to another directory',
    files: main(`${LO}source interfaces.d/*.cfg interfaces.d/vxlan*\n`, WAN),
    starts: ['lo', 'wan0'],
  },
  { what: 'a dot in the path', files: main(`${LO}source /etc/network/./interfaces.d/*\n`), starts: ['lo', 'vxlan01'] },
  {
    what: 'two dots and two slashes',
    files: main(`source /etc/network/../network//interfaces.d/*\n`),
    starts: ['vxlan01'],
  },
  {
    what: 'a continued line',
    files: main(`${LO}source \\\n  /etc/network/interfaces.d/*\n`),
    starts: ['lo', 'vxlan01'],
  },
  { what: 'a comment that is not continued', files: main(`# so \\\nsource interfaces.d/*\n`), starts: ['vxlan01'] },
  { what: 'a relative pattern', files: main(`source interfaces.d/*\n`), starts: ['vxlan01'] },
  { what: 'a directory', files: main(`  source-directory /etc/network/interfaces.d/\n`, WAN), starts: ['vxlan01'] },
  { what: 'a relative directory', files: main(`source-directory interfaces.d\n`), starts: ['vxlan01'] },
  { what: 'a class of characters', files: main(`source interfaces.d/[u-w]x*[0-9]\n`, WAN), starts: ['vxlan01'] },
  { what: 'a class that is not', files: main(`source interfaces.d/[!v]*\n`, WAN), starts: ['wan0'] },
  { what: 'a pattern for one letter', files: main(`source interfaces.d/vxlan?1\n`), starts: ['vxlan01'] },
  {
    what: 'other names only',
    files: main(`${LO}source /etc/network/interfaces.d/*.cfg\n`, WAN),
    starts: ['lo', 'wan0'],
  },
  { what: 'a comment', files: main(`${LO}# source /etc/network/interfaces.d/*\n`), starts: ['lo'] },
  { what: 'nothing of the kind', files: main(LO), starts: ['lo'] },
  { what: 'quotes around a pattern', files: main(`${LO}source "/etc/network/interfaces.d/*"\n`), starts: ['lo'] },
  {
    what: 'quotes around a name',
    files: main(`${LO}source '/etc/network/interfaces.d/vxlan01'\n`),
    starts: ['lo'],
  },
  { what: 'braces', files: main(`${LO}source /etc/network/interfaces.d/{vxlan01,other}\n`), starts: ['lo'] },
  { what: 'a mark of byte order', files: main(`\ufeffsource /etc/network/interfaces.d/*\n`), starts: [] },
  {
    what: 'a file that reads others',
    files: main('source more/*\n', {
      '/etc/network/more/a': 'source ../interfaces.d/v*\nauto b0\niface b0 inet manual\n',
    }),
    starts: ['vxlan01', 'b0'],
  },
  {
    what: 'the order of names, not of patterns within one',
    files: main('source interfaces.d/*\n', {
      '/etc/network/interfaces.d/B0': 'auto B0\niface B0 inet manual\n',
      '/etc/network/interfaces.d/zz': 'auto zz\niface zz inet manual\n',
      '/etc/network/interfaces.d/.hidden': 'auto no\niface no inet manual\n',
    }),
    starts: ['B0', 'vxlan01', 'zz'],
  },
  {
    what: 'a mistake that ends its file, and no other',
    files: main(`source interfaces.d/*\n${LO}`, {
      '/etc/network/interfaces.d/a': 'auto a0\niface a0 inet manual\niface b0\nauto c0\niface c0 inet manual\n',
    }),
    starts: ['a0', 'vxlan01', 'lo'],
  },
  {
    what: 'several names, a mapping, and options of all kinds',
    files: main(
      `auto b0 b1\nmapping b*\n  script /bin/true\n  map x y\nno-auto-down b0\niface b0 inet manual\n  bridge_ports none\nallow-hotplug h0\niface h0 inet dhcp\niface b1 inet manual\nsource interfaces.d/*\n`,
    ),
    starts: ['b0', 'b1', 'vxlan01'],
  },
];
