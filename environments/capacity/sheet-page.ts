/** The sheet as one page that needs nothing beside it: table, advice, charts. */
import { type Chart, chartSvg, colours, escaped } from './chart.ts';
import { defaultHabits } from './model.ts';
import { refusedShare, waitsOf } from './queueing.ts';
import { adviceLines, notes, type Sheet, sheetTable } from './sheet.ts';

const style = `body{font:15px/1.5 system-ui,sans-serif;color:#1f2937;max-width:64rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #e5e7eb;padding:.25rem .5rem;text-align:right}
td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto}.wide{overflow-x:auto}`;

export function sheetHtml(sheets: readonly Sheet[]): string {
  const [head = [], ...body] = sheetTable(sheets);
  const names = escaped(sheets.map(({ name }) => name).join(', '));
  const list = (lines: readonly string[]) => `<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Capacity of ${names}</title><style>${style}</style></head><body>
<h1>What ${names} ${sheets.length > 1 ? 'carry and cost' : 'carries and costs'}</h1>
<div class="wide">${table(head, body)}</div>
${list(sheets.flatMap(adviceLines))}
${chartSvg(waits(sheets))}
${sheets
  .map(
    ({ name, parts }) =>
      `<h2>${escaped(name)}: USD a month, most replicas</h2>${table(
        ['part', 'USD'],
        parts.map(({ part, monthlyUsd }) => [part, monthlyUsd.toFixed(2)]),
      )}`,
  )
  .join('\n')}
${list(notes)}
</body></html>
`;
}

const cells = (tag: string, row: readonly string[]) =>
  `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
const table = (head: readonly string[], body: readonly (readonly string[])[]) =>
  `<table><thead>${cells('th', head)}</thead><tbody>${body.map((row) => cells('td', row)).join('')}</tbody></table>`;

const steps = Array.from({ length: 96 }, (_, percent) => percent / 100);

/** How waits and refusals grow with load, at most replicas. */
function waits(sheets: readonly Sheet[]): Chart {
  const shown = sheets.slice(0, colours.length);
  const colour = (index: number) => colours[index] as (typeof colours)[number];
  const waiting = shown.map(({ capacity: { max } }) =>
    steps.map((share) => {
      const { children, serviceSeconds } = max.parsing;
      const arrivalsPerSecond = (share * children) / serviceSeconds;
      return [share * 100, waitsOf({ servers: children, serviceSeconds, arrivalsPerSecond }).p95Seconds] as const;
    }),
  );
  const slotsMost = Math.max(...shown.map(({ capacity: { max } }) => max.carried.concurrentChats));
  // A third more than all slots of the largest answer without a pause.
  const perMinuteMost = Math.ceil((1.33 * slotsMost * 60) / defaultHabits.answerSeconds);
  const refused = shown.map(({ capacity: { max } }) =>
    steps.map((share) => {
      const perMinute = share * perMinuteMost;
      const offered = (perMinute * defaultHabits.answerSeconds) / 60;
      return [perMinute, 100 * refusedShare(max.carried.concurrentChats, offered)] as const;
    }),
  );
  const most = (all: typeof waiting) => Math.max(...all.flat().map(([, y]) => y));
  const quarter = [0, 0.25, 0.5, 0.75, 1];
  return {
    title: 'As load grows',
    panels: [
      {
        title: 'Light document waits, p95 s, by percent of parsers busy',
        xMax: 95,
        yMax: most(waiting),
        xMarks: [0, 20, 40, 60, 80, 95].map((x) => ({ x, label: `${x} %` })),
        series: waiting.map((points, index) => ({ colour: colour(index), points })),
      },
      {
        title: 'Questions told to come back, percent, by chats/min',
        xMax: perMinuteMost,
        yMax: most(refused),
        xMarks: quarter.map((part) => ({ x: part * perMinuteMost, label: `${Math.round(part * perMinuteMost)}` })),
        series: refused.map((points, index) => ({ colour: colour(index), points })),
      },
    ],
    legend: shown.map(({ name }, index) => ({ colour: colour(index), text: name })),
  };
}
