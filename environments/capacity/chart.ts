/** Line charts as SVG text, two side by side. */

export interface Series {
  readonly colour: Colour;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly xMax: number;
  readonly yMax: number;
  readonly xMarks: readonly { readonly x: number; readonly label: string }[];
  /** @default false */
  readonly logarithmic?: boolean;
  readonly series: readonly Series[];
}

export interface Chart {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly legend: readonly { readonly colour: Colour; readonly text: string }[];
}

export const colours = ['#0a7d4f', '#c2410c', '#6d28d9', '#64748b'] as const;
export type Colour = (typeof colours)[number];

const [width, height, left, top, gap] = [420, 260, 64, 66, 84];
const rowHeight = height + 80;

export function chartSvg({ title, panels, legend }: Chart): string {
  const columns = Math.min(2, panels.length);
  const bottom = top + Math.ceil(panels.length / 2) * rowHeight;
  const whole = [left + columns * width + (columns - 1) * gap + 24, bottom + Math.ceil(legend.length / 2) * 20 + 4];
  const legends = legend.map(
    ({ colour, text }, index) =>
      `<g transform="translate(${left + (index % 2) * (width + gap)} ${bottom - 18 + Math.floor(index / 2) * 20})"><rect width="22" height="4" y="-5" fill="${colour}"/><text x="30">${escaped(text)}</text></g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole.join(' ')}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2937">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${left}" y="24" font-size="15" font-weight="600">${escaped(title)}</text>
${panels.map(panelSvg).join('\n')}
${legends.join('\n')}
</svg>
`;
}

function panelSvg({ title, xMax, yMax, xMarks, logarithmic = false, series }: Panel, index: number): string {
  // A figure that is always 0 is a line at the bottom.
  const most = logarithmic ? Math.max(yMax, 10) : yMax || 1;
  const share = (value: number) => (logarithmic ? Math.log10(Math.max(1, value)) / Math.log10(most) : value / most);
  const y = (value: number) => (height * (1 - share(value))).toFixed(1);
  const x = (value: number) => ((value / xMax) * width).toFixed(1);
  const marks = logarithmic ? powers(most) : [0, 0.25, 0.5, 0.75, 1].map((part) => part * most);
  const place = `${left + (index % 2) * (width + gap)} ${top + Math.floor(index / 2) * rowHeight}`;
  return `<g transform="translate(${place})">
<text y="-10" font-weight="600">${escaped(title)}</text>
${marks.map((value) => `<line x2="${width}" y1="${y(value)}" y2="${y(value)}" stroke="#e5e7eb"/><text x="-8" y="${y(value)}" dy="4" text-anchor="end" font-size="11">${figure(value, most)}</text>`).join('')}
${xMarks.map((mark) => `<text x="${x(mark.x)}" y="${height + 16}" text-anchor="middle" font-size="11">${escaped(mark.label)}</text>`).join('')}
<line y1="${height}" y2="${height}" x2="${width}" stroke="#9ca3af"/>
${series.map(({ colour, points }) => `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')}"/>`).join('\n')}
</g>`;
}

const figure = (value: number, most: number) =>
  most < 10 ? `${Number(value.toPrecision(2))}` : Math.round(value).toLocaleString('en-US');
const powers = (most: number) => Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, power) => 10 ** power);
export const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
