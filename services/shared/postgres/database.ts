/** PostgreSQL: the system of record. */
import { readdirSync } from 'node:fs';
import { Kysely } from 'kysely';
import pg from 'pg';
import type { Logger } from '../log.ts';
import { connectionOptions, guardConnections, requestStatementTimeoutMs } from './database-options.ts';
import { migrationsDirectory } from './migrate.ts';
import { prepareOften } from './prepared.ts';
import type { Tables } from './tables.ts';
import { SettlingDialect } from './transactions.ts';

export type Database = Kysely<Tables>;

/** Slower statements are reported with their text, so that they can be mended. */
const slowStatementMs = 500;

export interface DatabaseOptions {
  readonly url: string;
  readonly connectionsMax: number;
  readonly log: Logger;
  /** @default requestStatementTimeoutMs */
  readonly statementTimeoutMs?: number;
  /** Every transaction refuses to write, whatever the role may. @default false */
  readonly readOnly?: boolean;
}

/** A pool and its query builder. `close` ends both. */
export function openDatabase(options: DatabaseOptions): {
  db: Database;
  pool: pg.Pool;
  close(): Promise<void>;
} {
  const { url, connectionsMax, log, statementTimeoutMs = requestStatementTimeoutMs, readOnly } = options;
  const connection = connectionOptions(url, statementTimeoutMs, readOnly);
  const pool = new pg.Pool({ ...connection, types: { getTypeParser }, max: connectionsMax });
  prepareOften(pool);
  guardConnections(pool, log);
  const db = new Kysely<Tables>({
    dialect: new SettlingDialect({ pool, connection, log }),
    log: (event) => {
      if (event.queryDurationMillis > slowStatementMs)
        log.warn({ sql: event.query.sql, durationMs: event.queryDurationMillis }, 'slow statement');
    },
  });
  return { db, pool, close: () => db.destroy() };
}

/** Every service waits in `/readyz` until this is true: the schema has all that this build was written for. */
export async function schemaIsCurrent(db: Database, directory = migrationsDirectory): Promise<boolean> {
  const wanted = readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.replace(/\.sql$/, ''));
  const applied = await db
    .selectFrom('migrations')
    .select('name')
    .execute()
    .catch((error: { code?: string }) => {
      if (error.code === undefinedTable) return [];
      throw error;
    });
  const names = new Set(applied.map(({ name }) => name));
  return wanted.every((name) => names.has(name));
}

/** SQLSTATE: nobody has migrated yet. */
const undefinedTable = '42P01';

/** Asks {@link schemaIsCurrent} until it is: migrations only expand, so it stays. */
export function schemaCheck(db: Database): () => Promise<boolean> {
  let current = false;
  return async () => {
    current ||= await schemaIsCurrent(db);
    return current;
  };
}

/** `bigint` and `numeric` as numbers: counts, bytes and dollars here stay far below 2^53. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
    ? Number
    : pg.types.getTypeParser(oid, format as 'text');
