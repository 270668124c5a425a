/** Time over the number of spokes, as an SVG that reads on light and on dark. Both axes are logarithmic. Pure. */

export interface Series {
  readonly name: string;
  /** Spokes and seconds. */
  readonly points: readonly (readonly [number, number])[];
  readonly isDashed: boolean;
}

const SIZE = { width: 760, height: 430 };
/** Inside of it is the plot. The names of the lines stand to the right of their last points. */
const EDGE = { left: 62, right: 190, top: 44, bottom: 48 };
/** A name needs as much room above the next, in px. */
const NAME_HEIGHT = 15;
/** Distinct for colour-blind eyes too, and of a middle lightness: seen on white and on black. */
const COLORS: Readonly<Record<string, string>> = { vxfleet: '#2f81f7', ansible: '#d9622b', floor: '#7d8590' };
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export function plotText(title: string, series: readonly Series[]): string {
  const drawn = series.filter(({ points }) => points.length > 0);
  const all = drawn.flatMap(({ points }) => points);
  const sizes = [...new Set(all.map(([spokes]) => spokes))].sort((a, b) => a - b);
  const lowest = Math.max(
    0,
    SECONDS.findLastIndex((tick) => all.every(([, value]) => value >= tick)),
  );
  const highest = SECONDS.findIndex((tick) => all.every(([, value]) => value <= tick));
  const ticks = SECONDS.slice(lowest, (highest < 0 ? SECONDS.length : highest) + 1);
  const x = scale([sizes[0] ?? 1, sizes.at(-1) ?? 2], [EDGE.left, SIZE.width - EDGE.right]);
  const y = scale([ticks[0] ?? 1, ticks.at(-1) ?? 2], [SIZE.height - EDGE.bottom, EDGE.top]);
  const parts = [
    ...ticks.map((tick) => horizontalLine(y(tick), `${tick} s`)),
    ...sizes.map((size) => text(x(size), SIZE.height - EDGE.bottom + 20, String(size), 'middle')),
    text((EDGE.left + SIZE.width - EDGE.right) / 2, SIZE.height - 8, 'spokes', 'middle'),
    `<text x="${EDGE.left}" y="24" class="title">${title}</text>`,
    ...drawn.map((line) => drawSeries(line, x, y)),
    ...namesOf(drawn, x, y),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${title}">
<style>
  text { font: 13px system-ui, sans-serif; fill: #57606a; }
  .title { font-weight: 600; font-size: 15px; }
  .grid { stroke: #8c959f; stroke-opacity: 0.35; }
  @media (prefers-color-scheme: dark) { text { fill: #adb5bd; } }
</style>
${parts.join('\n')}
</svg>
`;
}

type Scale = (value: number) => number;

const scale =
  ([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale =>
  (value) =>
    from === to ? (start + end) / 2 : start + (Math.log(value / from) / Math.log(to / from)) * (end - start);

const px = (value: number): string => value.toFixed(1);

const text = (x: number, y: number, content: string, anchor: string): string =>
  `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${content}</text>`;

const horizontalLine = (y: number, name: string): string =>
  `<line class="grid" x1="${EDGE.left}" x2="${SIZE.width - EDGE.right}" y1="${px(y)}" y2="${px(y)}"/>${text(EDGE.left - 8, y + 4, name, 'end')}`;

const colorOf = (name: string): string => COLORS[name.split(',')[0] ?? ''] ?? '#888888';

function drawSeries({ name, points, isDashed }: Series, x: Scale, y: Scale): string {
  const color = colorOf(name);
  const at = points.map(([spokes, value]) => `${px(x(spokes))},${px(y(value))}`);
  const dots = points.map(
    ([spokes, value]) => `<circle cx="${px(x(spokes))}" cy="${px(y(value))}" r="3.5" fill="${color}"/>`,
  );
  const dash = isDashed ? ' stroke-dasharray="6 4"' : '';
  return `<polyline points="${at.join(' ')}" fill="none" stroke="${color}" stroke-width="2.5"${dash}/>${dots.join('')}`;
}

/** From the top down; one that would stand on another gives way. */
function namesOf(series: readonly Series[], x: Scale, y: Scale): string[] {
  let above = 0;
  return series
    .map(({ name, points }) => ({ name, last: points.at(-1) ?? ([1, 1] as const) }))
    .sort((a, b) => y(a.last[1]) - y(b.last[1]))
    .map(({ name, last }) => {
      above = Math.max(y(last[1]) + 4, above + NAME_HEIGHT);
      return `<text x="${px(x(last[0]) + 10)}" y="${px(above)}" style="fill: ${colorOf(name)}">${name}</text>`;
    });
}
