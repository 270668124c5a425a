import { createReporter, type OutputMode } from '../report/reporter.js';
import type { Reporter } from '../report/reporter-io.js';
import { useColor, type CommonOptions } from './common-options.js';

/** Is anything coloured? One answer for both streams: escape codes belong into no file and no pipe. */
export const useColorOnBoth = (options: CommonOptions): boolean =>
  useColor(options, process.stdout) && useColor(options, process.stderr);

export const openReporter = async (options: CommonOptions, mode: OutputMode): Promise<Reporter> =>
  await createReporter(mode, {
    stdout: process.stdout,
    stderr: process.stderr,
    term: process.env['TERM'],
    color: useColorOnBoth(options),
    verbose: options.verbose === true,
  });
