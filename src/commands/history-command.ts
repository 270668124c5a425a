import type { Command } from 'commander';
import { gatherHistory, type UnreadHost } from '../deploy/gather-history.js';
import type { Emit } from '../events.js';
import { matchEnds } from '../history/match-ends.js';
import { formatHistory, historyToJson } from '../report/format-history.js';
import { widthOf } from '../report/output-stream.js';
import { addConnectionOptions, type HostOptions } from './common-options.js';
import type { Finish } from './finish.js';
import { examples, LIMIT_HELP } from './help-text.js';
import { loadFleet } from './load-fleet.js';
import { openReporter, useColorOnBoth } from './open-reporter.js';
import { withTransport } from './open-transport.js';
import { thisRun } from './run-identity.js';

export function addHistoryCommand(program: Command, finish: Finish): void {
  const command = program
    .command('history')
    .description(
      'Show the runs that changed each tunnel: when, who, what, outcome. The hosts keep it; changes nothing.',
    );
  addConnectionOptions(command.argument('[limit...]', LIMIT_HELP))
    .addHelpText('after', examples('vxfleet history', 'vxfleet history tokyo --output json'))
    .action((limits: string[], options: HostOptions) => finish(showHistory(limits, options)));
}

/** Nothing is tried, so the window only says how long a host waits for a controller that fell silent, in seconds. */
const WINDOW_SECONDS = 60;

async function showHistory(limits: readonly string[], options: HostOptions): Promise<number> {
  const fleet = await loadFleet(options, limits);
  // Plain in every mode: what is told on the way goes to stderr, and stdout has the history alone.
  const reporter = await openReporter(options, 'plain');
  const { emit } = reporter;
  try {
    const session = { identity: thisRun(), windowSeconds: WINDOW_SECONDS, writes: false };
    const { hosts, unread } = await withTransport(options, fleet, emit, async ({ transport, becomePasswordOf }) =>
      gatherHistory(
        { fleet: fleet.plan, transport, session: { ...session, becomePasswordOf }, forks: options.forks },
        fleet,
      ),
    );
    const warnings = hosts.flatMap((host) => host.warnings);
    for (const message of [...warnings, ...unread.map(describeUnread)]) warn(emit, message);

    const changes = matchEnds(hosts);
    const text =
      options.output === 'json'
        ? historyToJson(changes, {
            warnings,
            unread: unread.map(({ host, error: { code, message } }) => ({ host, code, message })),
          })
        : formatHistory(changes, { color: useColorOnBoth(options), width: widthOf(process.stdout) });
    process.stdout.write(text);
    return unread.length === 0 ? 0 : 1;
  } finally {
    await reporter.finish();
  }
}

const describeUnread = ({ host, error }: UnreadHost): string =>
  `what ${host} keeps is missing here: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`;

const warn = (emit: Emit, message: string): void => emit({ event: 'notice', level: 'warning', message });
