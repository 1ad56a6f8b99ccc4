/** What a run says: waits, yields, utilisation and money, over all and per hour, and as a chart. */
import { bands } from '../../../services/shared/contract/job.ts';
import { aligned } from '../../pricing/cost-table.ts';
import { chartSvg, colours } from '../chart.ts';
import type { Run } from './simulate.ts';
import { binMs } from './timeline.ts';

/** What an environment costs in an hour. */
export interface HourlyUsd {
  /** With the least replicas of workers and chat, and everything else at most. */
  readonly least: number;
  readonly perWorker: number;
  readonly perChat: number;
  /** That the least already holds. */
  readonly workers: number;
  readonly chats: number;
  /** Tokens of one answer; undefined: the environment does not say what its model costs. */
  readonly perAnswer: number | undefined;
}

export interface Hour {
  readonly hour: number;
  readonly documents: number;
  readonly pages: number;
  readonly pagesWaiting: number;
  readonly waitP95Seconds: number;
  readonly workerShare: number;
  readonly workers: number;
  readonly questions: number;
  readonly yields: number;
  readonly chatShare: number;
  readonly chats: number;
  readonly usd: number;
}

const hourMs = 3_600_000;
const hourBins = hourMs / binMs;

/** The value below which that share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const largest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value), 0);

export function hoursOf({ documents, chats }: Run, usd: HourlyUsd): Hour[] {
  const hours = Math.ceil(Math.max(documents.endMs, chats.endMs, 1) / hourMs);
  const inHour = <T extends { readonly atMs: number }>(all: readonly T[]) =>
    Object.groupBy(all, ({ atMs }) => Math.floor(atMs / hourMs));
  const [uploads, questions] = [inHour(documents.documents), inHour(chats.questions)];
  return Array.from({ length: hours }, (_, hour) => {
    const part = (means: readonly number[]) => means.slice(hour * hourBins, (hour + 1) * hourBins);
    // A tier whose work ended before the other's stands at its least.
    const paid = (means: readonly number[], least: number) => {
      const there = part(means);
      return (there.reduce((sum, value) => sum + value, 0) + (hourBins - there.length) * least) / hourBins;
    };
    const of = uploads[hour] ?? [];
    const asked = questions[hour] ?? [];
    const workers = paid(documents.replicas, usd.workers);
    const replicas = paid(chats.replicas, usd.chats);
    const answered = asked.filter(({ waitMs }) => waitMs !== undefined).length;
    return {
      hour,
      documents: of.length,
      pages: of.reduce((sum, { pages }) => sum + pages, 0),
      pagesWaiting: largest(part(documents.pagesWaiting)),
      waitP95Seconds: percentile(
        of.map(({ waitMs }) => waitMs / 1000),
        0.95,
      ),
      workerShare: mean(part(documents.busyShare)),
      workers,
      questions: asked.length,
      yields: part(chats.yields).reduce((sum, count) => sum + count, 0),
      chatShare: mean(part(chats.busyShare)),
      chats: replicas,
      usd:
        usd.least +
        (workers - usd.workers) * usd.perWorker +
        (replicas - usd.chats) * usd.perChat +
        answered * (usd.perAnswer ?? 0),
    };
  });
}

export function reportText(run: Run, usd: HourlyUsd): string {
  const hours = hoursOf(run, usd);
  return [documentRows(run), '', chatRows(run), '', hourRows(hours), '', moneyRows(run, hours, usd)].join('\n');
}

function documentRows({ documents: { documents, grants } }: Run): string {
  const rows = bands.flatMap((name, band) => {
    const of = documents.filter((one) => one.band === band);
    if (of.length === 0) return [];
    const waits = of.map(({ waitMs }) => waitMs / 1000);
    const responses = of.map(({ responseMs }) => responseMs / 1000);
    const figures = [0.5, 0.95, 0.99, 1].map((share) => percentile(waits, share));
    return [
      [
        `${name} pages`,
        `${of.length}`,
        ...[...figures, percentile(responses, 0.5), percentile(responses, 0.95)].map(seconds),
      ],
    ];
  });
  const head = ['documents', 'count', 'wait p50 s', 'p95', 'p99', 'most', 'indexed p50 s', 'p95'];
  return `${aligned([head, 'rule', ...rows], flushRight(head))}\n${grants} grants`;
}

function chatRows({ chats: { questions, yields } }: Run): string {
  const waits = questions.flatMap(({ waitMs }) => (waitMs === undefined ? [] : [waitMs / 1000]));
  const head = ['questions', 'answered', 'given up', 'yields', 'wait p50 s', 'p95', 'p99', 'most'];
  const row = [
    `${questions.length}`,
    `${waits.length}`,
    `${questions.length - waits.length}`,
    `${yields.reduce((sum, count) => sum + count, 0)}`,
    ...[0.5, 0.95, 0.99, 1].map((share) => seconds(percentile(waits, share))),
  ];
  return aligned([head, 'rule', row], flushRight(head));
}

function hourRows(hours: readonly Hour[]): string {
  const head = [
    'hour',
    'documents',
    'pages',
    'most waiting',
    'wait p95 s',
    'workers busy',
    'replicas',
    'questions',
    'yields',
    'slots in use',
    'replicas',
    'USD',
  ];
  const rows = hours.map((hour) => [
    `${hour.hour}`,
    `${hour.documents}`,
    `${hour.pages}`,
    hour.pagesWaiting.toFixed(0),
    seconds(hour.waitP95Seconds),
    percent(hour.workerShare),
    hour.workers.toFixed(1),
    `${hour.questions}`,
    `${hour.yields}`,
    percent(hour.chatShare),
    hour.chats.toFixed(1),
    hour.usd.toFixed(2),
  ]);
  return aligned([head, 'rule', ...rows], flushRight(head));
}

function moneyRows({ documents: { documents }, chats: { questions } }: Run, hours: readonly Hour[], usd: HourlyUsd) {
  const each = hours.map((hour) => hour.usd);
  const total = each.reduce((sum, value) => sum + value, 0);
  const pages = documents.reduce((sum, document) => sum + document.pages, 0);
  const answered = questions.filter(({ waitMs }) => waitMs !== undefined).length;
  return [
    `USD ${total.toFixed(2)}; an hour p50 ${percentile(each, 0.5).toFixed(2)}, p95 ${percentile(each, 0.95).toFixed(2)}, most ${largest(each).toFixed(2)}`,
    ...(pages > 0 ? [`all of it divided by the pages: USD ${((total / pages) * 1000).toFixed(4)} per 1,000`] : []),
    ...(answered > 0 ? [`by the answers: USD ${((total / answered) * 1000).toFixed(2)} per 1,000`] : []),
    ...(usd.perAnswer === undefined
      ? ["Without the model's tokens: the environment names no price of its model."]
      : []),
  ].join('\n');
}

/** Queue and utilisation over time. */
export function reportSvg({ environment, documents, chats }: Run, trace: string): string {
  const endMs = Math.max(documents.endMs, chats.endMs, 1);
  const every = [1, 2, 3, 4, 6, 12, 24].find((hours) => endMs / hourMs / hours <= 9) ?? 48;
  const xMarks = Array.from({ length: Math.floor(endMs / hourMs / every) + 1 }, (_, index) => ({
    x: index * every * hourMs,
    label: `${index * every} h`,
  }));
  const points = (means: readonly number[], factor = 1) =>
    means.map((value, bin) => [Math.min(endMs, (bin + 0.5) * binMs), value * factor] as const);
  const [workers, slots, others] = colours;
  const panel = (
    title: string,
    yMax: number,
    series: readonly (readonly [(typeof colours)[number], readonly number[], number?])[],
  ) => ({
    title,
    xMax: endMs,
    yMax,
    xMarks,
    series: series.map(([colour, means, factor]) => ({ colour, points: points(means, factor) })),
  });
  const replicasMost = Math.max(largest(documents.replicas), largest(chats.replicas), 1);
  return chartSvg({
    title: `${environment}: ${trace}`,
    panels: [
      panel('Pages waiting', largest(documents.pagesWaiting), [[workers, documents.pagesWaiting]]),
      panel('In use, percent: CPU of document-worker, slots of chat', 100, [
        [workers, documents.busyShare, 100],
        [slots, chats.busyShare, 100],
      ]),
      panel('Replicas', replicasMost, [
        [workers, documents.replicas],
        [slots, chats.replicas],
      ]),
      panel('Yields in a minute', largest(chats.yields), [[others, chats.yields]]),
    ],
    legend: [
      { colour: workers, text: 'document-worker' },
      { colour: slots, text: 'chat' },
    ],
  });
}

const seconds = (value: number) => (value < 100 ? value.toFixed(2) : value.toFixed(0));
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const flushRight = (head: readonly string[]) => head.map((_, index) => index > 0);
