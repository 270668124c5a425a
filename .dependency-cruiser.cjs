/**
 * The layers of src/. Data flows one way, and a newcomer who reads the folders in this order follows it:
 *
 *     inventory → plan → render → diff, verify, history → ssh → host → preflight → change → jobs → report → commands → cli → bin
 *
 * A layer imports from itself and from what stands before it. `errors.ts` and `events.ts` are the words that all layers share.
 * test/architecture/layers.test.ts plants bad imports and sees each rule refuse them.
 */
const LAYERS = [
  'inventory',
  'plan',
  'render',
  '(?:diff|verify|history)',
  'ssh',
  'host',
  'preflight',
  'change',
  'jobs',
  'report',
  'commands',
];

const folder = (name) => `^src/${name}/`;
const ENTRY = '^src/(?:cli|bin)\\.ts$';

/** The packages that vxfleet is made of. */
const BUNDLED = ['commander', 'diff', 'ip-address', 'liquidjs', 'listr2', 'p-limit', 'ssh2', 'yaml', 'zod'];

/** A rule a layer: nothing of it may import a later layer. */
const layerRules = LAYERS.map((layer, index) => ({
  name: `layer-${layer.replace(/[^a-z|]/g, '').replaceAll('|', '-')}`,
  comment:
    `${layer} is written without knowing who uses it: imports point down the list of layers. Move what both need to the lower one, ` +
    'or let the higher one hand it in.',
  severity: 'error',
  from: { path: folder(layer) },
  to: { path: [...LAYERS.slice(index + 1).map(folder), ENTRY] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'diff-verify-and-history-are-strangers',
      comment:
        'diff compares files, verify compares what a kernel and its pings say, history reads what hosts keep. Each must stay readable ' +
        'without the others; a change joins them.',
      severity: 'error',
      from: { path: '^src/(diff|verify|history)/' },
      to: { path: '^src/(?:diff|verify|history)/', pathNot: '^src/$1/' },
    },
    {
      name: 'history-knows-the-plan-only',
      comment:
        'What was there before must be readable whatever the inventory says today: a record speaks of the plan of its own time.',
      severity: 'error',
      from: { path: '^src/history/' },
      to: { path: '^src/(?!history/|plan/|(?:errors|text-bytes)\\.ts$)' },
    },
    {
      name: 'shared-words-are-leaves',
      comment:
        'errors.ts, events.ts, printable.ts and text-bytes.ts are imported everywhere, so they import next to nothing: events.ts may name the types of errors and of ' +
        'the plan.',
      severity: 'error',
      from: { path: '^src/(?:errors|events|printable|text-bytes)\\.ts$' },
      to: { path: '^src/', pathNot: '^src/errors\\.ts$|^src/plan/plan\\.ts$' },
    },
    {
      name: 'pure-core',
      comment:
        'Plan, templates, diffs and verdicts are functions of values: tested without a host, a disk or a clock. What reads files is ' +
        'named for it: load-* and inventory/read-source.',
      severity: 'error',
      from: {
        path: '^src/(?:inventory|plan|render|diff|verify|history)/',
        pathNot: ['^src/inventory/(?:load-[^/]*|read-source)\\.ts$', '^src/render/load-templates\\.ts$'],
      },
      to: { path: '^(?:node:)?(?:fs|child_process|worker_threads|http|https|dgram|tls|readline|timers)(?:/|$)' },
    },
    {
      name: 'pure-core-opens-no-sockets',
      comment: 'As pure-core. The inventory may use node:net for isIPv4 and isIPv6, which look at text only.',
      severity: 'error',
      from: { path: '^src/(?:plan|render|diff|verify|history)/' },
      to: { path: '^(?:node:)?net$' },
    },
    {
      name: 'ssh2-in-ssh-only',
      comment:
        'All else sees the Transport interface, so that one folder knows ssh2 and its oddities. The lab may, to make keys.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(?:ssh|lab)/' },
      to: { path: 'node_modules/(?:@types/)?ssh2/' },
    },
    {
      name: 'listr2-in-report-only',
      comment: 'Doing is apart from showing: a run emits events, and only the live view draws them.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/report/' },
      to: { path: 'node_modules/listr2/' },
    },
    {
      name: 'commander-in-the-command-line-only',
      comment: 'Options are parsed once, at the edge; what is below takes plain values.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/commands/|^src/(?:cli|bin)\\.ts$' },
      to: { path: 'node_modules/commander/' },
    },
    {
      name: 'report-knows-events-only',
      comment:
        'The report is a listener: it knows the events (events.ts) and how to show a diff and a history, and neither the run nor the hosts. ' +
        'The other way round is layer-jobs.',
      severity: 'error',
      from: { path: '^src/report/' },
      to: { path: '^src/(?!report/|diff/|history/|(?:events|errors|printable)\\.ts$)' },
    },
    {
      name: 'lab-is-used-by-commands-only',
      comment: 'The lab stands beside the tool: a fleet to try it on. vxfleet must work the same with the folder gone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(?:lab|commands)/' },
      to: { path: '^src/lab/' },
    },
    {
      name: 'lab-stands-alone',
      comment: 'The lab makes hosts out of an inventory and knows nothing of how they get their tunnels.',
      severity: 'error',
      from: { path: '^src/lab/' },
      to: { path: '^src/(?!lab/|inventory/|errors\\.ts$)' },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports and that imports nothing is a leftover.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/bin\\.ts$' },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'Every import leads to a file or a package.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'bundled-packages-only',
      comment:
        'All packages are development dependencies, because dist/bin.js contains what it uses of them (.ci/bundle.mjs). Whatever src/ imports is handed ' +
        'to users: name it in BUNDLED when that is meant. Types are erased.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: 'node_modules/',
        pathNot: `node_modules/(?:${BUNDLED.join('|')})/`,
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
