/** The one place that changes the schema: `node services/api/main.ts migrate`, which gates every rollout. */
import { runMigrations } from 'graphile-worker';
import pg from 'pg';
import type { Logger } from '../shared/log.ts';
import { connectTimeoutMs, guardConnections } from '../shared/postgres/database-options.ts';
import { graphileLogger } from '../shared/postgres/graphile-logger.ts';
import { changeSchema, type MigrateTimes, migrate, migrationsDirectory } from '../shared/postgres/migrate.ts';
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
  times: MigrateTimes = {},
): Promise<void> {
  await migrate(url, log, migrationsDirectory, times);
  await changeSchema(log, times, (lockMs) => migrateQueue(url, log, lockMs));
  await changeSchema(log, times, (lockMs) => applyRoles(url, passwords, lockMs));
}

async function migrateQueue(url: string, log: Logger, lockMs: number): Promise<void> {
  const pgPool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    lock_timeout: lockMs,
    keepAlive: true,
    max: 1,
  });
  guardConnections(pgPool, log);
  try {
    await runMigrations({ pgPool, logger: graphileLogger(log) });
  } finally {
    await pgPool.end();
  }
}
