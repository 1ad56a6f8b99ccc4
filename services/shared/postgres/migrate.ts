/**
 * Changes the schema under traffic. A statement that waits for a lock makes everyone wait who comes after it, so each
 * waits a moment only and is tried again; an index on a table that is in use is built without a lock on its writers
 * (`create index concurrently`), in a file of its own that says `-- no transaction`.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunnerOption, runner } from 'node-pg-migrate';
import pg from 'pg';
import { fromPostgres, isBusy, UnavailableError } from '../http/unavailable.ts';
import type { Logger } from '../log.ts';
import { connectTimeoutMs } from './database-options.ts';

export const migrationsDirectory = join(import.meta.dirname, 'migrations');

/** What requests behind a waiting `alter table` wait at most. */
const lockTimeoutMs = 3000;
const retryMs = 2000;
/** As long as a rollout waits for its migration (local/steps.ts). */
const triesForMs = 9 * 60_000;

export interface MigrateTimes {
  readonly lockTimeoutMs?: number;
  readonly retryMs?: number;
}

/** Applies what is missing, in order, under an advisory lock: any number of replicas may call it at once. */
export const migrate = (
  url: string,
  log: Logger,
  directory = migrationsDirectory,
  times: MigrateTimes = {},
): Promise<void> => changeSchema(log, times, (lockMs) => migrateOnce(url, log, directory, lockMs));

/** Tries a change until no lock stands in its way. @param change waits for a lock no longer than it is told */
export async function changeSchema(
  log: Logger,
  times: MigrateTimes,
  change: (lockTimeoutMs: number) => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  for (;;)
    try {
      return await change(times.lockTimeoutMs ?? lockTimeoutMs);
    } catch (error) {
      const passing = isBusy(error) || fromPostgres(error) instanceof UnavailableError;
      if (!passing || performance.now() - startedMs > triesForMs) throw error;
      log.warn({ err: error }, 'schema not changed yet: a lock is taken, or PostgreSQL is away; tried again');
      await sleep(times.retryMs ?? retryMs);
    }
}

async function migrateOnce(url: string, log: Logger, directory: string, lockMs: number): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    lock_timeout: lockMs,
    keepAlive: true,
  });
  client.on('error', (error) => log.warn({ err: error }, 'connection lost while the schema was changed'));
  try {
    await client.connect();
    await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      migrationsTable: 'migrations',
      checkOrder: true,
      migrationLoaderStrategies: [sqlFiles(lockMs)],
      // Replicas that start together take turns; the later ones find nothing left to do.
      advisoryLockMode: 'wait',
      logger: {
        debug: () => {},
        info: (text) => log.info(text),
        warn: (text) => log.warn(text),
        error: (text) => log.error(text),
      },
    });
  } finally {
    await client.end().catch(() => {});
  }
}

const withoutTransaction = /^-- no transaction\b/m;

/** One transaction a file. A file without one has its statements run one by one: several at once would be one again. */
type LoaderStrategy = NonNullable<RunnerOption['migrationLoaderStrategies']>[number];
const sqlFiles = (lockMs: number): LoaderStrategy => ({
  extensions: ['.sql'],
  loader: (paths) =>
    Promise.all(
      paths.map(async (path) => {
        const text = await readFile(path, 'utf8');
        const steps = withoutTransaction.test(text) ? statementsOf(text) : null;
        return {
          id: path,
          filePaths: [path],
          actions: {
            up: (pgm) => {
              if (!steps) return void pgm.sql(text);
              pgm.noTransaction();
              // It waits for transactions that began before it, and makes nobody wait.
              for (const step of ['set lock_timeout = 0', ...steps, `set lock_timeout = ${lockMs}`]) pgm.sql(step);
            },
            down: false,
          },
        };
      }),
    ),
});

/** Statements end at a `;` at the end of a line; comments go. */
const statementsOf = (text: string): string[] =>
  text
    .replaceAll(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');

/** What a new migration must not do to a database that is in use; empty: nothing. Pure. */
export function migrationFaults(path: string, text: string): string[] {
  const name = basename(path);
  const statements = statementsOf(text);
  const own = new Set(
    statements.flatMap(
      (statement) => /^create table (?:if not exists )?(\w+)/i.exec(statement)?.[1]?.toLowerCase() ?? [],
    ),
  );
  const faults = statements.flatMap((statement) => {
    const [, made, concurrently, table = ''] =
      /^(create (?:unique )?index)\s+(concurrently\s+)?(?:if not exists\s+)?\w+\s+on\s+(?:only\s+)?(\w+)/i.exec(
        statement,
      ) ?? [];
    if (made && !concurrently && !own.has(table.toLowerCase()))
      return [`${name}: an index on ${table}, a table in use, is built with 'create index concurrently'`];
    if (/^drop index\s+(?!concurrently)/i.test(statement))
      return [`${name}: an index of a table in use is dropped with 'drop index concurrently'`];
    return [];
  });
  const concurrent = statements.filter((statement) =>
    /^(create (unique )?|drop )index\s+concurrently/i.test(statement),
  );
  const apart = withoutTransaction.test(text);
  if (concurrent.length > 0 && (!apart || concurrent.length < statements.length))
    faults.push(`${name}: 'concurrently' stands in a file of its own that says '-- no transaction'`);
  if (apart && concurrent.length < statements.length)
    faults.push(`${name}: a file without transaction holds nothing but indexes that are made or dropped concurrently`);
  // A build that broke off leaves an invalid index of that name.
  for (const statement of concurrent) {
    const index = /^create (?:unique )?index\s+concurrently\s+(\w+)/i.exec(statement)?.[1];
    if (index && !statements.includes(`drop index concurrently if exists ${index}`))
      faults.push(`${name}: 'drop index concurrently if exists ${index};' stands first, so that it can be repeated`);
  }
  return faults;
}
