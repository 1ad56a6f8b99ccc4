/** The last 24 hours, a point a minute: replicas of a tier together, as metrics.ts says. */
import { sql } from 'kysely';
import { type MetricKey, metricKeys, metricOf } from '../../metrics.ts';
import type { OperationsHistory } from '../../shared/contract/operations.ts';
import { addCounts, quantileOf } from '../../shared/figures/durations.ts';
import type { Database } from '../../shared/postgres/database.ts';

const minuteMs = 60_000;
const minutesKept = 24 * 60;

interface NumberRow {
  readonly minute: Date;
  readonly tier: string;
  readonly key: MetricKey;
  readonly sum: number;
  readonly max: number;
}
interface CountsRow {
  readonly minute: Date;
  readonly tier: string;
  readonly key: MetricKey;
  readonly counts: number[];
}

export async function historyOf(db: Database, nowMs: number = Date.now()): Promise<OperationsHistory> {
  // The minute under way is not whole.
  const endMs = Math.floor(nowMs / minuteMs) * minuteMs;
  const startMs = endMs - minutesKept * minuteMs;
  const unlabelled = metricKeys.filter((key) => metricOf(key).label === undefined);
  const durations = unlabelled.filter((key) => metricOf(key).kind === 'duration');
  const within = sql`minute >= ${new Date(startMs)} and minute < ${new Date(endMs)}`;
  const numbers = await sql<NumberRow>`
    select minute, tier, key, sum(value::float8), max(value::float8)
    from replica_minutes, jsonb_each_text(figures) as figure (key, value)
    where ${within} and key = any(${unlabelled.filter((key) => !durations.includes(key))})
    group by minute, tier, key`.execute(db);
  const counts = await sql<CountsRow>`
    select minute, tier, key, value as counts
    from replica_minutes, jsonb_each(figures) as figure (key, value)
    where ${within} and key = any(${durations})`.execute(db);

  const series = new Map<string, OperationsHistory['series'][number]>();
  const put = (
    metric: string,
    { tier, minute, key }: Pick<NumberRow, 'tier' | 'minute' | 'key'>,
    value: number | null,
  ) => {
    const name = `${metric} ${tier}`;
    const found = series.get(name) ?? {
      metric,
      tier,
      unit: metricOf(key).unit,
      values: Array.from({ length: minutesKept }, () => null),
    };
    series.set(name, found);
    found.values[Math.round((minute.getTime() - startMs) / minuteMs)] = value && Number(value.toPrecision(4));
  };
  for (const row of numbers.rows) put(row.key, row, row[metricOf(row.key).together]);
  const perMinute = Map.groupBy(counts.rows, ({ minute, tier, key }) => `${minute.getTime()} ${tier} ${key}`);
  for (const rows of perMinute.values()) {
    const [first] = rows;
    if (first) put(`${first.key}_p95`, first, quantileOf(addCounts(rows.map((row) => row.counts)), 0.95));
  }
  return {
    object: 'operations_history',
    minutes: Array.from({ length: minutesKept }, (_, index) => new Date(startMs + index * minuteMs).toISOString()),
    series: [...series.values()].toSorted((a, b) => (a.metric + a.tier < b.metric + b.tier ? -1 : 1)),
  };
}
