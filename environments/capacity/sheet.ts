/** What an environment carries and costs, as rows for people and programs. */

import { serviceNames } from '../../services/manifest.ts';
import { aligned } from '../pricing/cost-table.ts';
import type { At } from '../pricing/costed-environment.ts';
import { hoursPerMonth } from '../pricing/lines.ts';
import type { FirstAlarm } from './advice/first-alarms.ts';
import type { Purchase } from './advice/next-dollars.ts';
import { type Capacity, type Carried, defaultHabits, measuredArchitecture, measuredCpu, source } from './model.ts';
import { promisedHoursPerDay } from './parts/habits.ts';

export interface Sheet {
  readonly name: string;
  readonly capacity: Readonly<Record<At, Capacity>>;
  readonly monthlyUsd: Readonly<Record<At, number>>;
  /** Of it what is no promised token: those are paid by the piece already. */
  readonly ownUsd: Readonly<Record<At, number>>;
  readonly architecture: string;
  /** What its CPUs are taken to do of what the measured one did. */
  readonly cpuFactor: number;
  /** On CPUs that do {@link otherCpuShare} of that, at most replicas. */
  readonly slower: Carried;
  /** At most replicas, the dearest first. */
  readonly parts: readonly { readonly part: string; readonly monthlyUsd: number }[];
  /** Tokens of 1,000 answers at whoever bills the model; undefined: the environment names no price. */
  readonly modelUsdPer1000: number | undefined;
  readonly purchases: readonly Purchase[];
  readonly alarms: readonly FirstAlarm[];
  /** The part that is fullest at the load of {@link Environment.carries}, at most replicas; 'no promise'. */
  readonly promised: string;
}

type Row = readonly [what: string, value: (sheet: Sheet, capacity: Capacity, at: At) => string];

/** USD of so many pieces, without tokens, when the environment runs full all month: below that load a piece costs more. */
const perMonth = (usd: number, perMinute: number, pieces: number) => (usd / (perMinute * 60 * hoursPerMonth)) * pieces;

const rows: readonly Row[] = [
  ['USD a month', ({ monthlyUsd }, _, at) => monthlyUsd[at].toFixed(2)],
  ['pages/min', (_, { carried }) => whole(carried.pagesPerMinute)],
  ['pages/min with their vectors', (_, { carried }) => whole(carried.embeddedPagesPerMinute)],
  ['chats at once', (_, { carried }) => whole(carried.concurrentChats)],
  [`chats/min, ${defaultHabits.refusedMax * 100} % refused`, (_, { carried }) => whole(carried.chatsPerMinute)],
  ['API requests/s', (_, { carried }) => whole(carried.apiRequestsPerSecond)],
  ['limit of pages', (_, { limits }) => leastPart(limits, 'pagesPerMinute')],
  ['limit of pages with vectors', (_, { limits }) => leastPart(limits, 'embeddedPagesPerMinute')],
  ['limit of chats at once', (_, { limits }) => leastPart(limits, 'concurrentChats')],
  ['limit of chats/min', (_, { limits }) => leastPart(limits, 'chatsPerMinute')],
  [
    `light document waits among such, parsers ${defaultHabits.busyShare * 100} % busy: mean s`,
    (_, { lightWait }) => lightWait.meanSeconds.toFixed(2),
  ],
  ['the same, p95 s', (_, { lightWait }) => lightWait.p95Seconds.toFixed(2)],
  ['limit of API requests', (_, { limits }) => leastPart(limits, 'apiRequestsPerSecond')],
  ['fullest at its promise', ({ promised }) => promised],
  ['chats/min reranked', (_, { rerankedChatsPerMinute: chats }) => (chats === undefined ? 'none' : whole(chats))],
  ['2,000 pages alone: s', (_, { hugeSeconds }) => hugeSeconds.alone.toFixed(1)],
  ['the same, every band full of others: s', (_, { hugeSeconds }) => hugeSeconds.underLoad.toFixed(1)],
  ['pages per GiB of tables', (_, { stored }) => whole(stored.pagesPerGiB)],
  ['GiB stored per 1,000 pages', (_, { stored }) => stored.gibPer1000Pages.toFixed(3)],
  [`GiB a day, ${promisedHoursPerDay} h of it full`, (_, { stored }) => stored.gibPerDay.toFixed(1)],
  ["chunks in a vectorstore's cache", (_, { stored }) => whole(stored.chunksCached)],
  ['searches/s in a brain of so many, by 100,000', (_, { stored }) => whole(stored.searchesPerSecondThen)],
  ...serviceNames.map(
    (tier): Row => [
      `${tier} MiB needed / at most / given`,
      (_, { memory }) => {
        const found = memory.find((each) => each.tier === tier);
        return found ? `${whole(found.neededMiB)} / ${whole(found.mostMiB)} / ${whole(found.givenMiB)}` : 'none';
      },
    ],
  ),
  ['PostgreSQL connections asked / allowed', (_, { connections: { postgres } }) => both(postgres)],
  ['Redis connections asked / allowed', (_, { connections: { redis } }) => both(redis)],
  [
    'USD per 1,000 pages, all of it for pages',
    ({ ownUsd }, { carried }, at) => perMonth(ownUsd[at], carried.pagesPerMinute, 1000).toFixed(4),
  ],
  [
    'USD per 1,000 chats, all of it for chats',
    ({ ownUsd }, { carried }, at) => perMonth(ownUsd[at], carried.chatsPerMinute, 1000).toFixed(4),
  ],
  [
    'USD per million tokens streamed, the same',
    ({ ownUsd }, { carried }, at) =>
      perMonth(ownUsd[at], carried.chatsPerMinute * defaultHabits.answerTokens, 1e6).toFixed(4),
  ],
  ['USD for the model, per 1,000 chats', ({ modelUsdPer1000 }) => modelUsdPer1000?.toFixed(2) ?? 'unknown'],
];

export const notes = [
  `Constants ${source}.`,
  `Answers of ${defaultHabits.answerSeconds} s and ${defaultHabits.answerTokens} tokens after ${defaultHabits.promptTokens} read. Full load all month; limits of PostgreSQL and Redis beside their connections are in no figure.`,
  'Memory at most is with the garbage that V8 leaves where there is room, and with a full cache of the vectorstore.',
];

const columns = (sheets: readonly Sheet[]) =>
  sheets.flatMap((sheet) => (['min', 'max'] as const).map((at) => ({ sheet, at })));

/** The first row is the head. */
export const sheetTable = (sheets: readonly Sheet[]): readonly (readonly string[])[] => [
  ['', ...columns(sheets).map(({ sheet, at }) => `${sheet.name}, ${at === 'min' ? 'least' : 'most'} replicas`)],
  ...rows.map(([what, value]) => [
    what,
    ...columns(sheets).map(({ sheet, at }) => value(sheet, sheet.capacity[at], at)),
  ]),
];

export const loadWords: Readonly<Record<keyof Carried, string>> = {
  pagesPerMinute: 'pages/min',
  embeddedPagesPerMinute: 'pages/min with vectors',
  concurrentChats: 'chats at once',
  chatsPerMinute: 'chats/min',
  apiRequestsPerSecond: 'API requests/s',
};

/** What is told of how much another CPU matters: an example, not a limit of how far CPUs differ. */
export const otherCpuShare = 0.8;

/**
 * Whether its CPUs are those that the constants are of. Which one an instance gets is seldom known before it runs; so how
 * much it matters is told for one that is slower.
 */
function cpuLine({ name, architecture, cpuFactor, slower }: Sheet): string {
  if (cpuFactor !== 1) return `${name}: on CPUs taken to do ${cpuFactor.toFixed(2)} of the measured one.`;
  const { pagesPerMinute, concurrentChats, chatsPerMinute, apiRequestsPerSecond } = slower;
  const where =
    architecture === measuredArchitecture
      ? `the constants are of one ${architecture} CPU (${measuredCpu}), and it may run on another`
      : `runs on ${architecture}, the constants are of ${measuredArchitecture} (${measuredCpu})`;
  return (
    `${name}: ${where}. On one that does ${otherCpuShare} of it: ${whole(pagesPerMinute)} pages/min, ${whole(concurrentChats)} chats at once, ` +
    `${whole(chatsPerMinute)} chats/min, ${whole(apiRequestsPerSecond)} API requests/s. npm run calibrate there, then --cpu-factor.`
  );
}

/** In sentences: what to buy next, and what fires first. */
export function adviceLines(sheet: Sheet): readonly string[] {
  const { name, purchases, alarms, capacity } = sheet;
  return [
    cpuLine(sheet),
    ...capacity.max.scaleOut.map(
      ({ tier, platform, noticedSeconds, readySeconds, meanwhile }) =>
        `${name}: another ${tier} on ${platform} serves ${readySeconds.toFixed(0)} s after the decision, which takes ` +
        `${noticedSeconds} s${meanwhileWords(meanwhile)}`,
    ),
    ...purchases.map(
      ({ bounds, change, monthlyUsd, before, after, sharePer10Usd }) =>
        `${name}: the next 10 dollars a month for ${loadWords[bounds]} buy ${(100 * sharePer10Usd).toFixed(1)} % with ` +
        `${change} ($${monthlyUsd.toFixed(2)}, ${whole(before)} -> ${whole(after)})`,
    ),
    ...alarms.map(
      ({ alarm, bounds, share, when }) =>
        `${name}: alarm ${alarm} fires at ${(100 * share).toFixed(0)} % of its ${loadWords[bounds]}: ${when}`,
    ),
  ];
}

const waits: Partial<Record<keyof Carried, string>> = {
  pagesPerMinute: 'pages wait',
  chatsPerMinute: 'questions are told to come back',
};
const meanwhileWords = (meanwhile: Capacity['scaleOut'][number]['meanwhile']) =>
  meanwhile
    ? `; meanwhile ${whole(meanwhile.count)} ${waits[meanwhile.bounds]} when load jumps from what the least replicas carry ` +
      'to what the most do'
    : '';

/** For a terminal: several sheets stand side by side. */
export function sheetText(sheets: readonly Sheet[]): string {
  const [head = [], ...body] = sheetTable(sheets);
  return [
    aligned(
      [head, 'rule', ...body],
      head.map((_, index) => index > 0),
    ),
    ...notes,
    ...sheets.flatMap(adviceLines),
  ].join('\n');
}

export function sheetMarkdown(sheets: readonly Sheet[]): string {
  const [head = [], ...body] = sheetTable(sheets);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, index) => (index > 0 ? '--:' : '---'))),
    ...body.map(line),
    '',
    ...notes,
    '',
    ...sheets.flatMap(adviceLines).map((advice) => `- ${advice}`),
  ].join('\n');
}

const both = ({ asked, allowed }: { readonly asked: number; readonly allowed: number | undefined }) =>
  `${whole(asked)} / ${allowed === undefined ? 'unknown' : whole(allowed)}`;
/** With commas: of this alone, `Intl` would read the data of its languages in each synth. */
const whole = (value: number) => String(Math.floor(value)).replace(/\B(?=(\d{3})+$)/g, ',');
const leastPart = (limits: Capacity['limits'], kind: keyof Carried) =>
  limits.filter(({ bounds }) => bounds === kind).toSorted((a, b) => a.value - b.value)[0]?.part ?? 'none';
