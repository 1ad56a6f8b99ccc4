/** `/v1/operations`: for the owner of the installation. */
import type { Operations } from '../../shared/contract/operations.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { toScheduledTask } from '../../shared/jobs/scheduled-tasks.ts';
import { remembered } from '../../shared/remembered.ts';
import { readMeters } from '../../shared/scheduler/meters.ts';
import type { Api } from '../context.ts';
import { cpuModel, cpuSpeed, roundsPerSecond } from './cpu-speed.ts';
import { historyOf } from './history.ts';
import { onThisCpu } from './prediction.ts';
import { chatOf, latest, pagesPerMinute, readRecent, requestsPerSecond, statusOf } from './replicas.ts';
import { readSpending } from './spending.ts';
import { documentsOf, readTenants } from './waiting.ts';

/** Sums over a month, and over a day of minutes: what changes slowly is not read for every look. */
const slowMs = 30_000;
/** The CPU under a process does not change: it is measured when somebody looks first, which takes no start longer. */
const once = Number.POSITIVE_INFINITY;

export function serveOperations({ app, db, redis, scheduler, settings, predicted }: Api): void {
  const spending = remembered(slowMs, () => readSpending(db));
  const rounds = remembered(once, () => roundsPerSecond());
  const history = remembered(slowMs, () => historyOf(db));
  const scheduled = async () => {
    const rows = await db.selectFrom('scheduled_tasks').selectAll().orderBy('name').execute();
    return rows.map((row) => toScheduledTask(row, Date.now()));
  };

  serve(app, routes.listScheduled, async () => ({ data: await scheduled() }));

  serve(app, routes.getOperations, async (): Promise<Operations> => {
    // Redis may be away: then what waits by band and the meters are unknown, and everything else is told.
    const [rows, snapshot, held, meters, tenants, spent, tasks, speed] = await Promise.all([
      readRecent(db),
      scheduler.snapshot().catch(() => null),
      scheduler.held().catch(() => []),
      readMeters(redis).catch(() => null),
      readTenants(db),
      spending(),
      scheduled(),
      rounds(),
    ]);
    const cpu = cpuSpeed(speed, cpuModel(), predicted);
    return {
      object: 'operations',
      at: new Date().toISOString(),
      environment: settings.ENVIRONMENT,
      replicas: latest(rows).map((row) => statusOf(row, rows, predicted)),
      chat: chatOf(rows),
      api: { requests_per_second: requestsPerSecond(rows) },
      documents: { pages_per_minute: pagesPerMinute(rows), ...documentsOf(snapshot, held, tenants, Date.now()) },
      meters: meters?.map(({ limit, ...meter }) => ({ ...meter, limit_per_minute: limit })) ?? null,
      spending: spent,
      scheduled: tasks,
      cpu,
      predicted: predicted && onThisCpu(predicted, cpu.factor),
    };
  });

  serve(app, routes.getOperationsHistory, history);
}
