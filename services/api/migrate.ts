/** The one place that changes the schema: `node services/api/main.ts migrate`, which gates every rollout. */
import { Logger as GraphileLogger, runMigrations } from 'graphile-worker';
import type { Logger } from '../shared/log.ts';
import { migrate } from '../shared/migrate.ts';

/** Applies our migrations, then graphile-worker's own schema. Any number of replicas may call it at once. */
export async function migrateAll(url: string, log: Logger): Promise<void> {
  await migrate(url, log);
  await runMigrations({ connectionString: url, logger: graphileLogger(log) });
}

/** graphile-worker's log lines as ours. */
function graphileLogger(log: Logger): GraphileLogger {
  const levels = { error: 'error', warning: 'warn', info: 'info', debug: 'debug' } as const;
  return new GraphileLogger(
    () => (level, message, meta) => log[levels[level as keyof typeof levels]](meta ?? {}, message),
  );
}
