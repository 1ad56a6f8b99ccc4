/** What replicas told in the last minutes, as figures for a person. Pure but for the read. */
import { sql } from 'kysely';
import type { MetricKey } from '../../metrics.ts';
import type { Operations, PredictedCapacity, ReplicaStatus } from '../../shared/contract/operations.ts';
import { addCounts, quantileOf } from '../../shared/figures/durations.ts';
import type { Values } from '../../shared/figures/figures.ts';
import type { Database } from '../../shared/postgres/database.ts';

export interface ReplicaRow {
  readonly tier: string;
  readonly replica: string;
  readonly minute: Date;
  readonly reported_at: Date;
  readonly started_at: Date;
  readonly version: string;
  readonly figures: Values;
  /** It told something within the last 45 s: four times. */
  readonly present: boolean;
  /** Of the minutes that are read, so much has passed, in minutes. */
  readonly minutes: number;
}

const minutesRead = 5;

export async function readRecent(db: Database): Promise<ReplicaRow[]> {
  const { rows } = await sql<ReplicaRow>`
    select tier, replica, minute, reported_at, started_at, version, figures,
      reported_at > now() - interval '45 seconds' as present,
      ${minutesRead - 1} + extract(second from now())::float8 / 60 as minutes
    from replica_minutes
    where minute > date_trunc('minute', now()) - make_interval(mins => ${minutesRead})
    order by tier, replica, minute desc`.execute(db);
  return rows;
}

/** The last row of each replica that is present. */
export const latest = (rows: readonly ReplicaRow[]): ReplicaRow[] =>
  rows.filter((row, index) => {
    const before = rows[index - 1];
    return row.present && !(before?.tier === row.tier && before.replica === row.replica);
  });

const numberOf = ({ figures }: ReplicaRow, key: MetricKey): number | null => {
  const value = figures[key];
  return typeof value === 'number' ? value : null;
};
const sum = (rows: readonly ReplicaRow[], key: MetricKey) =>
  rows.reduce((total, row) => total + (numberOf(row, key) ?? 0), 0);
const perMinute = (rows: readonly ReplicaRow[], key: MetricKey) => sum(rows, key) / (rows[0]?.minutes ?? 1);

export function statusOf(
  row: ReplicaRow,
  rows: readonly ReplicaRow[],
  predicted: Pick<PredictedCapacity, 'tiers'> | null,
): ReplicaStatus {
  const budget = predicted?.tiers[row.tier];
  const own = rows.filter(({ tier, replica }) => tier === row.tier && replica === row.replica);
  return {
    tier: row.tier,
    name: row.replica,
    version: row.version,
    started_at: row.started_at.toISOString(),
    reported_at: row.reported_at.toISOString(),
    memory_bytes: numberOf(row, 'memory'),
    memory_budget_bytes: numberOf(row, 'memoryBudget') || (budget ? budget.memory_mib * 2 ** 20 : null),
    memory_growth_bytes_per_hour: numberOf(row, 'memoryGrowth'),
    cpu_cores: numberOf(row, 'cpu'),
    cpu_budget_cores: budget?.vcpu ?? null,
    errors_per_minute: perMinute(own, 'errors'),
  };
}

export function chatOf(rows: readonly ReplicaRow[]): Operations['chat'] {
  const chat = rows.filter(({ tier }) => tier === 'chat');
  const now = latest(chat);
  const counts = (key: MetricKey) => addCounts(chat.map(({ figures }) => (figures[key] as number[]) ?? []));
  const [first, full] = [counts('firstToken'), counts('fullAnswer')];
  const quantiles = (of: readonly number[]) => ({ p50: quantileOf(of, 0.5), p95: quantileOf(of, 0.95) });
  // Every replica tells the whole fleet's: the highest is the latest.
  const byEndpoint = new Map<string, { slots: number; slots_in_use: number }>();
  for (const { figures } of now)
    for (const [endpoint, slots] of Object.entries((figures.modelSlots as Record<string, number>) ?? {})) {
      const inUse = (figures.modelSlotsInUse as Record<string, number> | undefined)?.[endpoint] ?? 0;
      byEndpoint.set(endpoint, { slots, slots_in_use: Math.max(inUse, byEndpoint.get(endpoint)?.slots_in_use ?? 0) });
    }
  return {
    slots: sum(now, 'slots'),
    slots_in_use: sum(now, 'slotsInUse'),
    yields_per_minute: perMinute(chat, 'yields'),
    answers_per_minute: full.reduce((total, count) => total + count, 0) / (chat[0]?.minutes ?? 1),
    first_token_seconds: quantiles(first),
    full_answer_seconds: quantiles(full),
    model_endpoints: [...byEndpoint].map(([endpoint, slots]) => ({ endpoint, ...slots })),
  };
}

export const requestsPerSecond = (rows: readonly ReplicaRow[]): number =>
  perMinute(
    rows.filter(({ tier }) => tier === 'api'),
    'requests',
  ) / 60;

export const pagesPerMinute = (rows: readonly ReplicaRow[]): number =>
  perMinute(
    rows.filter(({ tier }) => tier === 'document-worker'),
    'pagesRead',
  );
