import type { Command } from 'commander';
import { gatherHistory, type FleetHistory, type UnreadHost } from '../jobs/gather-history.js';
import type { Emit } from '../events.js';
import { changesOfLast, wantedHistory, wasCalled } from '../history/choose-changes.js';
import { matchEnds } from '../history/match-ends.js';
import { unknownLimit } from '../plan/select-tunnels.js';
import { formatHistory, historyToJson } from '../report/format-history.js';
import { widthOf } from '../report/output-stream.js';
import { addConnectionOptions, GROUPS, parseCount, type HostOptions } from './common-options.js';
import type { Finish } from './finish.js';
import { examples } from './help-text.js';
import { loadFleet } from './load-fleet.js';
import { openReporter, useColorOnBoth } from './open-reporter.js';
import { withTransport } from './open-transport.js';
import { thisRun } from './run-identity.js';

interface HistoryOptions extends HostOptions {
  readonly last?: number;
}

/** Also of tunnels that have left the inventory. */
const LIMIT_HELP =
  'a spoke or a glob of names (tok*), as it is called now or was then, an interface (vxlan0a), an id, a tag (@kansai), or with ! all but these; none: all that the hosts keep';

export function addHistoryCommand(program: Command, finish: Finish): void {
  const command = program
    .command('history')
    .description(
      'Show the runs that changed each tunnel: when, who, what, outcome. The hosts keep it; changes nothing.',
    )
    .argument('[limit...]', LIMIT_HELP)
    .optionsGroup(GROUPS.what)
    .option('--last <n>', 'only the newest n runs', parseCount(1));
  addConnectionOptions(command)
    .addHelpText(
      'after',
      examples('vxfleet history --last 10', 'vxfleet history tokyo', 'vxfleet history --output json'),
    )
    .action((limits: string[], options: HistoryOptions) => finish(showHistory(limits, options)));
}

/** Nothing is tried, so the window only says how long a host waits for a controller that fell silent, in seconds. */
const WINDOW_SECONDS = 60;

async function showHistory(limits: readonly string[], options: HistoryOptions): Promise<number> {
  const fleet = await loadFleet(options, []);
  const { selections, former, isWanted } = wantedHistory(fleet.plan, limits);
  // Plain in every mode: what is told on the way goes to stderr, and stdout has the history alone.
  const reporter = await openReporter(options, 'plain');
  const { emit } = reporter;
  try {
    const tunnels = selections.flatMap((selection) => (selection.ends === 'hub' ? [] : selection.tunnels));
    const session = { identity: thisRun(), windowSeconds: WINDOW_SECONDS, writes: false };
    const gathered = await withTransport(
      options,
      { ...fleet, tunnels },
      emit,
      async ({ transport, becomePasswordOf }) =>
        Promise.all(
          selections.map((selection) =>
            gatherHistory(
              { fleet: fleet.plan, transport, session: { ...session, becomePasswordOf }, forks: options.forks },
              selection,
            ),
          ),
        ),
    );
    const { hosts, unread } = join(gathered);
    const warnings = [...new Set(hosts.flatMap((host) => host.warnings))];
    for (const message of [...warnings, ...unread.map(describeUnread)]) warn(emit, message);

    const all = matchEnds(hosts).filter(isWanted);
    const mistake = former.find((word) => !all.some((change) => wasCalled(change, word)));
    if (mistake !== undefined && unread.length === 0) throw unknownLimit(fleet.plan, mistake);
    const changes = options.last === undefined ? all : changesOfLast(all, options.last);
    const text =
      options.output === 'json'
        ? historyToJson(changes, {
            warnings,
            unread: unread.map(({ host, error: { code, message } }) => ({ host, code, message })),
          })
        : formatHistory(changes, {
            color: useColorOnBoth(options),
            width: widthOf(process.stdout),
            read: hosts.map(({ host }) => host),
          });
    process.stdout.write(text);
    return unread.length === 0 ? 0 : 1;
  } finally {
    await reporter.finish();
  }
}

/** The hub may have been asked twice. */
function join(gathered: readonly FleetHistory[]): FleetHistory {
  const unread = gathered.flatMap((history) => history.unread);
  return {
    hosts: gathered.flatMap((history) => history.hosts),
    unread: unread.filter(({ host }, index) => unread.findIndex((one) => one.host === host) === index),
  };
}

const describeUnread = ({ host, error }: UnreadHost): string =>
  `what ${host} keeps is missing here: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`;

const warn = (emit: Emit, message: string): void => emit({ event: 'notice', level: 'warning', message });
