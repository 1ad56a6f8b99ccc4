/** The storm as a picture: who is served when, and what was sent for it. */
import type { Course } from './storm.ts';

const [width, height, left, top, gap] = [420, 260, 64, 56, 84];
const colours = ['#0a7d4f', '#c2410c', '#6d28d9', '#64748b'];

export function picture(courses: readonly Course[], title: string): string {
  const endMs = Math.max(...courses.map(({ servedMs }) => servedMs.at(-1) ?? 0));
  const clients = Math.max(...courses.map(({ servedMs }) => servedMs.length));
  const sent = Math.max(...courses.map(({ sentMs }) => sentMs.length));
  const parts = [
    panel(
      0,
      'Clients served',
      clients,
      endMs,
      false,
      courses.map(({ servedMs }) => servedMs),
    ),
    panel(
      1,
      'Requests sent (logarithmic)',
      sent,
      endMs,
      true,
      courses.map(({ sentMs }) => sentMs),
    ),
    ...courses.map(
      ({ name, sentMs, servedMs }, index) =>
        `<g transform="translate(${left + (index % 2) * (width + gap)} ${top + height + 62 + Math.floor(index / 2) * 20})"><rect width="22" height="4" y="-5" fill="${colours[index]}"/><text x="30">${name}: ${sentMs.length} requests, ${((servedMs.at(-1) ?? 0) / 1000).toFixed(1)} s</text></g>`,
    ),
  ];
  const whole = [left + 2 * width + gap + 24, top + height + 100] as const;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole[0]} ${whole[1]}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2937">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${left}" y="24" font-size="15" font-weight="600">${title}</text>
${parts.join('\n')}
</svg>
`;
}

function panel(
  at: number,
  title: string,
  most: number,
  endMs: number,
  log: boolean,
  series: readonly (readonly number[])[],
): string {
  const share = (count: number) => (log ? Math.log10(Math.max(1, count)) / Math.log10(most) : count / most);
  const y = (count: number) => (height * (1 - share(count))).toFixed(1);
  const x = (ms: number) => ((ms / endMs) * width).toFixed(1);
  const marks = log ? powers(most) : [0, most / 4, most / 2, (3 * most) / 4, most];
  const step = [1, 2, 5, 10, 20, 30, 60].find((seconds) => endMs / 1000 / seconds <= 8) ?? 120;
  const seconds = Array.from({ length: Math.floor(endMs / 1000 / step) + 1 }, (_, index) => index * step);
  const lines = series.map((times, index) => {
    // Some hundred points say as much as all.
    const every = Math.max(1, Math.floor(times.length / 300));
    const points = times.flatMap((ms, count) =>
      count % every === 0 || count === times.length - 1 ? `${x(ms)},${y(count + 1)}` : [],
    );
    return `<polyline fill="none" stroke="${colours[index]}" stroke-width="2" points="0,${height} ${points.join(' ')}"/>`;
  });
  return `<g transform="translate(${left + at * (width + gap)} ${top})">
<text y="-10" font-weight="600">${title}</text>
${marks.map((count) => `<line x2="${width}" y1="${y(count)}" y2="${y(count)}" stroke="#e5e7eb"/><text x="-8" y="${y(count)}" dy="4" text-anchor="end" font-size="11">${Math.round(count)}</text>`).join('')}
${seconds.map((second) => `<text x="${x(second * 1000)}" y="${height + 16}" text-anchor="middle" font-size="11">${second} s</text>`).join('')}
<line y1="${height}" y2="${height}" x2="${width}" stroke="#9ca3af"/>
${lines.join('\n')}
</g>`;
}

const powers = (most: number) => Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, power) => 10 ** power);
