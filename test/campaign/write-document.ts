/** docs/campaign.md, written by `npm run campaign -- --write`. */
import { writeFile } from 'node:fs/promises';
import { arch, cpus, release, totalmem } from 'node:os';
import type { CaseResult } from './case.js';
import { summaryTable } from './summary-table.js';

const DOCUMENT = new URL('../../docs/campaign.md', import.meta.url);

export async function writeDocument(results: readonly CaseResult[], windowSeconds: number): Promise<void> {
  await writeFile(DOCUMENT, documentText(results, windowSeconds));
}

/** The releases that the labs' hosts ran; `machine` is the one below. */
const byImage = (results: readonly CaseResult[]): string =>
  [...new Set(results.map(({ image }) => image))]
    .toSorted()
    .map((image) => `${results.filter((result) => result.image === image).length} on ${image}`)
    .join(', ');

const documentText = (results: readonly CaseResult[], windowSeconds: number): string => `# The fault campaign

\`npm run campaign\` writes this page (\`-- --write\`). On real hosts of a lab, a tunnel is changed to a state that cannot talk to the old one (another VNI, another
UDP port, both), and at a known message of [the protocol](protocol.md), or a random moment, something is made to go wrong. After each run
it is demanded that:

- within the window and 10 s both ends have the same whole file, old or new, the kernel runs it, and the tunnel answers from both ends;
- the other tunnels, pinged every 10 ms, have lost no packet;
- no trial, staged file, process or rule is left on either host, and every file of interfaces.d is one that belongs there;
- what vxfleet reported is what is so;
- the next \`deploy\` ends with 0, both ends are then on the new state, and \`verify\` agrees.

What is excused, and why:

- **A cut that outlasts the window**: the hosts' time is 35 s from the moment when the line is back, because a hub in doubt asks at most every 30 s.
- **A reboot or a cut of the hub**: the other tunnels lose packets too.
- **A reboot of the hub**: it forgets a trial, so between the two confirms it comes up on the old file while the spoke is on the new one. The next
  deploy must put that right; such runs are counted as *repaired*.
- **A reboot of either end, a read-only /etc**: the hidden staged file, which nothing reads, may lie there until the next deploy.
- **A full disk or a read-only /etc on the hub**: between its promise and its confirm the hub cannot refuse any more. The tunnel must work, on the new
  end; the file may be missing until the disk can be written again and 10 s; *repaired*.
- **SIGKILL of program and guard**: nobody is left on that host, so all is left to the next deploy; *repaired*.

*Missed* are runs whose change was over before its random point came.

${results.length} runs (${byImage(results)}) with a window of ${windowSeconds} s, on ${cpus().length} cores (${arch()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}:

${summaryTable(results)}
`;
