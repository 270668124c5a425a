/** Why numbers are missed, as profiles and counts show it: shown on the page with each row that is. Words, kept true by hand. */

const PROCESSES = `Controller and hosts share two cores here, and a deploy takes what their processes take. A bare \`ifup\` of both ends, with its logins, starts
  about 53 processes and threads a tunnel; vxfleet starts three more at the hub and nine at the spoke (\`ifup -n\`, the guard, two syncs, the rest \`ip\`). 18 s against 10 s on
  two cores are 60 ms a tunnel, of which 12 are the controller's; Perl compiles the program in 5 ms, once a host. What the rest is has not been profiled since the program
  on the hosts was made anew.`;

const CONTROLLER = `The start takes 0.2 s, however few hosts there are; the rest is ssh2's key exchange and packets (AES-GCM, a new decipher each), which the bare floor
  has too: its own CPU is about a thirtieth of Ansible's.`;

const OUTAGE = `The kernel needs little; ifdown and ifup of both ends are 50 processes on cores that the pinger and the other tunnels' hosts use as well. With 16 spokes,
  where the pinger takes a tenth of a core, it is met. At 255 a ping goes out every 40 ms, so that an outage looks up to 40 ms longer than it is.`;

const REASONS: readonly (readonly [what: RegExp, why: string])[] = [
  [/^(?:first deploy|verify of|processes started)/, PROCESSES],
  [/^sent to/, `Nearly all of it is the program, which each session brings along.`],
  [
    /^nothing to change: faster/,
    `Connections alone take more than half of the time; the rest is the start of Node.js, of Perl, and two \`ip\` a host.`,
  ],
  [/^controller CPU/, CONTROLLER],
  [
    /^time a tunnel/,
    `The kernel's part of a new link grows with the links there are: on one machine all hosts' tunnels are in one kernel. The floor grows as well.`,
  ],
  [
    /^outage .*all at once/,
    `All tunnels want the same two cores; a tunnel is down while its neighbours connect, prove and confirm. The hub bounces two at a time.`,
  ],
  [/^outage/, OUTAGE],
  [
    /^round trips/,
    `ssh2's login takes nine or ten before a program has said anything (the floor's row of the far spoke): TCP, the banners, key exchange, new keys, the service, the key asked
  and signed, the channel, exec. A change adds one each to prepare and try it, to look at it, to send packets and to confirm it.`,
  ],
  [
    /^one spoke behind/,
    `Ten round trips of 200 ms are 2 s, which the floor's bare \`true\` takes too; before them Node.js starts, and the hub is looked at.`,
  ],
  [
    /^a host that hangs: time/,
    `Two runs of the same differ by as much on this machine: nobody waits for the one that hangs.`,
  ],
  [
    /^plan and render/,
    `A BigInt for each of seven addresses a tunnel, and V8's memory for 130 MB of text, which is freed only when it must be.`,
  ],
];

/** Why this row is missed; undefined where nobody has looked yet. */
export const reasonFor = (what: string): string | undefined => REASONS.find(([pattern]) => pattern.test(what))?.[1];
