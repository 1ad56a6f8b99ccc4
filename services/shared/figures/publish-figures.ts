/**
 * What a replica tells of itself, from the one list in metrics.ts: at `/metrics`, as log lines for CloudWatch, and, where
 * the tier has PostgreSQL, as a row a minute for the operations page.
 */
import { hostname } from 'node:os';
import type { Registry } from 'prom-client';
import { type Metric, type MetricKey, metricKeys, metricOf, publishedBy, samplesPerMinute } from '../../metrics.ts';
import { errorLines, type Logger } from '../log.ts';
import type { Database } from '../postgres/database.ts';
import { yieldsPerMinute } from '../slots/yield-rate.ts';
import { embeddedMetrics } from './embedded-metrics.ts';
import type { Figure, FiguresOf, Values } from './figures.ts';
import { type MemorySample, memoryGrowth } from './memory-growth.ts';
import { memoryBudget, type ProcessUsage, usageReader } from './process-usage.ts';
import { registerFigure } from './prometheus.ts';
import { writeMinute } from './replica-minutes.ts';

export interface FigureSettings {
  /** `local` writes no log lines: nobody scales a laptop. */
  readonly ENVIRONMENT: string;
  readonly REPLICA: string;
  readonly VERSION: string;
}

export interface PublishOptions<Tier extends string> {
  readonly registry: Registry;
  readonly log: Logger;
  readonly tier: Tier;
  readonly settings: FigureSettings;
  readonly figures: FiguresOf<Tier>;
  /** Absent: the tier has none, and the operations page nothing of it. */
  readonly db?: Database;
  /** Processes of its own, by pid. */
  readonly children?: () => readonly number[];
}

const sampleEveryMs = 60_000 / samplesPerMinute;
/** Of the page: every second one, from the first on. */
const samplesPerWrite = 2;
const minutesKept = 6 * 60;
/** Once in what memory-growth.ts takes the least of, when nobody notices: little happened in the last five seconds. */
const minutesPerCollection = 10;
const quietCores = 0.05;

/** Samples from now on until the returned function is called. */
export function publishFigures<Tier extends string>(options: PublishOptions<Tier>): () => Promise<void> {
  const { registry, log, tier, settings, db } = options;
  const startedAt = new Date();
  const reader = usageReader(options.children);
  let usage: ProcessUsage = { memoryBytes: process.memoryUsage.rss(), aliveBytes: 0, cpuCores: 0 };
  let growth = 0;
  const ofProcess: Partial<Record<MetricKey, Figure>> = {
    errors: () => errorLines(),
    memory: () => usage.memoryBytes,
    memoryBudget,
    memoryGrowth: () => growth,
    cpu: () => usage.cpuCores,
  };
  const all = { ...ofProcess, ...(options.figures as Partial<Record<MetricKey, Figure>>) };
  const figures = metricKeys
    .filter((key) => publishedBy(metricOf(key), tier))
    .map((key) => ({ key, metric: metricOf(key), figure: all[key] as Figure }));
  for (const { metric, figure } of figures) registerFigure(registry, tier, metric, figure);

  const minuteOf = createMinute(figures);
  const line = createLine(figures);
  const memory: MemorySample[] = [];
  let samples = 0;
  let minutesUncollected = 0;
  let cpuOfMinute = 0;
  const sample = async () => {
    usage = await reader.read();
    samples += 1;
    cpuOfMinute += usage.cpuCores / samplesPerMinute;
    const values = await readAll(figures, log);
    if (samples % samplesPerMinute === 0) {
      minutesUncollected += 1;
      if (minutesUncollected >= minutesPerCollection && usage.cpuCores < quietCores) {
        reader.collect();
        minutesUncollected = 0;
      }
      memory.push({ atMs: performance.now(), bytes: usage.aliveBytes, cpuCores: cpuOfMinute });
      if (memory.length > minutesKept) memory.shift();
      growth = memoryGrowth(memory);
      cpuOfMinute = 0;
    }
    if (settings.ENVIRONMENT !== 'local') {
      line.add(values);
      if (samples % samplesPerMinute === 0)
        log.info(
          embeddedMetrics({ environment: settings.ENVIRONMENT, tier, metrics: line.take(), nowMs: Date.now() }),
          'metric',
        );
    }
    if (db && samples % samplesPerWrite === 1) {
      const replica = settings.REPLICA || hostname();
      await writeMinute(db, { tier, replica, startedAt, version: settings.VERSION, ...minuteOf(values) });
    }
  };
  let running: Promise<void> | undefined;
  let failed = false;
  const timer = setInterval(() => {
    // One that hangs is waited for.
    running ??= sample()
      .then(
        () => {
          failed = false;
        },
        (error) => {
          if (!failed) log.warn({ err: error as Error }, 'figures not published; it is tried again');
          failed = true;
        },
      )
      .finally(() => {
        running = undefined;
      });
  }, sampleEveryMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    reader.close();
    await running;
  };
}

interface Read {
  readonly key: MetricKey;
  readonly metric: Metric;
  readonly figure: Figure;
}
async function readAll(figures: readonly Read[], log: Logger): Promise<Values> {
  const values: Values = {};
  for (const { key, figure } of figures)
    try {
      values[key] = typeof figure === 'function' ? await figure() : [...figure.counts];
    } catch (error) {
      log.warn({ err: error as Error, metric: key }, 'metric not read');
    }
  return values;
}

/** What is sent to CloudWatch, sample by sample. */
function createLine(figures: readonly Read[]) {
  const sent = figures.flatMap(({ key, metric }) => {
    if (metric.cloudwatch === undefined) return [];
    let total = 0;
    const rate = metric.kind === 'counter' ? yieldsPerMinute(() => total) : null;
    const values: number[] = [];
    const add = (value: number) => {
      total = value;
      values.push(rate ? rate() : value);
    };
    return [{ key, name: metric.cloudwatch, unit: metric.unit, values, add }];
  });
  return {
    add: (given: Values) => {
      for (const { key, add } of sent) if (typeof given[key] === 'number') add(given[key]);
    },
    take: () => sent.map(({ name, unit, values }) => ({ name, unit, values: values.splice(0) })),
  };
}

/** Gauges as they are; of the others what came in this minute. */
function createMinute(figures: readonly Read[]) {
  let minuteMs = 0;
  let begun: Values = {};
  let last: Values = {};
  return (values: Values) => {
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    if (now !== minuteMs) begun = last;
    minuteMs = now;
    last = values;
    const since: Values = {};
    for (const { key, metric } of figures) {
      const value = values[key];
      if (value === undefined) continue;
      const before = begun[key];
      if (metric.kind === 'gauge') since[key] = value;
      else if (typeof value === 'number') since[key] = value - ((before as number | undefined) ?? 0);
      else if (Array.isArray(value))
        since[key] = value.map((count, place) => count - ((before as number[] | undefined)?.[place] ?? 0));
    }
    return { minute: new Date(minuteMs), figures: since };
  };
}
