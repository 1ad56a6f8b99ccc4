/** What an environment carries and costs, as rows for people and programs. */

import { aligned } from '../pricing/cost-table.ts';
import type { At } from '../pricing/costed-environment.ts';
import { type Capacity, defaultHabits, source } from './model.ts';

export interface Sheet {
  readonly name: string;
  readonly capacity: Readonly<Record<At, Capacity>>;
  readonly monthlyUsd: Readonly<Record<At, number>>;
}

type Row = readonly [what: string, value: (capacity: Capacity, usd: number) => string];

/** USD of a million pieces when the environment runs full all month: below that load a piece costs more. */
const perMonth = (usd: number, perMinute: number, pieces: number) => (usd / (perMinute * 60 * 730)) * pieces;

const rows: readonly Row[] = [
  ['USD a month', (_, usd) => usd.toFixed(2)],
  ['pages/min', ({ carried }) => whole(carried.pagesPerMinute)],
  ['chats at once', ({ carried }) => whole(carried.concurrentChats)],
  [`chats/min, ${defaultHabits.refusedMax * 100} % refused`, ({ carried }) => whole(carried.chatsPerMinute)],
  ['API requests/s', ({ carried }) => whole(carried.apiRequestsPerSecond)],
  ['limit of chats', ({ limits }) => leastPart(limits.filter(({ bounds }) => bounds === 'chatsPerMinute'))],
  [
    `light document waits among such, parsers ${defaultHabits.busyShare * 100} % busy: mean s`,
    ({ lightWait }) => lightWait.meanSeconds.toFixed(2),
  ],
  ['the same, p95 s', ({ lightWait }) => lightWait.p95Seconds.toFixed(2)],
  ['2,000 pages alone: s', ({ hugeSeconds }) => hugeSeconds.toFixed(1)],
  ['pages per GiB of tables', ({ pagesPerGiB }) => whole(pagesPerGiB)],
  ['worker MiB needed / given', ({ workerMemoryMiB: { needed, given } }) => `${whole(needed)} / ${given}`],
  ['connections asked / allowed', ({ connections: { asked, allowed } }) => `${asked} / ${allowed ?? 'unknown'}`],
  [
    'USD per 1,000 pages, all of it for pages',
    ({ carried }, usd) => perMonth(usd, carried.pagesPerMinute, 1000).toFixed(4),
  ],
  [
    'USD per 1,000 chats, all of it for chats',
    ({ carried }, usd) => perMonth(usd, carried.chatsPerMinute, 1000).toFixed(4),
  ],
];

const notes = [
  `Constants ${source}: another kind of CPU carries more or less.`,
  `Answers of ${defaultHabits.answerSeconds} s. Full load all month; models billed by others, embedding and the stores' own limits are in no figure.`,
];

const columns = (sheets: readonly Sheet[]) =>
  sheets.flatMap((sheet) => (['min', 'max'] as const).map((at) => ({ sheet, at })));
const table = (sheets: readonly Sheet[]) => [
  ['', ...columns(sheets).map(({ sheet, at }) => `${sheet.name}, ${at === 'min' ? 'least' : 'most'} replicas`)],
  ...rows.map(([what, value]) => [
    what,
    ...columns(sheets).map(({ sheet, at }) => value(sheet.capacity[at], sheet.monthlyUsd[at])),
  ]),
];

/** For a terminal: several sheets stand side by side. */
export function sheetText(sheets: readonly Sheet[]): string {
  const [head = [], ...body] = table(sheets);
  return [
    aligned(
      [head, 'rule', ...body],
      head.map((_, index) => index > 0),
    ),
    ...notes,
  ].join('\n');
}

export function sheetMarkdown(sheets: readonly Sheet[]): string {
  const [head = [], ...body] = table(sheets);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index > 0 ? '--:' : '---'))), ...body.map(line), '', ...notes].join(
    '\n',
  );
}

const whole = (value: number) => Math.floor(value).toLocaleString('en-US');
const leastPart = (limits: Capacity['limits']) => limits.toSorted((a, b) => a.value - b.value)[0]?.part ?? 'none';
