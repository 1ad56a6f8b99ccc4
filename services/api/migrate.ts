/** The one place that changes the schema: `node services/api/main.ts migrate`, which gates every rollout. */
import { Logger as GraphileLogger, runMigrations } from 'graphile-worker';
import type { Logger } from '../shared/log.ts';
import { migrate } from '../shared/migrate.ts';
import { applyRoles, type DatabaseTier } from './roles.ts';

/**
 * Applies our migrations, then graphile-worker's own schema, then what each tier may do. Any number of replicas may call
 * it at once.
 *
 * @param url of the owner of all tables
 */
export async function migrateAll(
  url: string,
  log: Logger,
  passwords: Readonly<Partial<Record<DatabaseTier, string>>> = {},
): Promise<void> {
  await migrate(url, log);
  await runMigrations({ connectionString: url, logger: graphileLogger(log) });
  await applyRoles(url, passwords);
}

/** graphile-worker's log lines as ours. */
function graphileLogger(log: Logger): GraphileLogger {
  const levels = { error: 'error', warning: 'warn', info: 'info', debug: 'debug' } as const;
  return new GraphileLogger(
    () => (level, message, meta) => log[levels[level as keyof typeof levels]](meta ?? {}, message),
  );
}
