/**
 * Real services for a test file: a PostgreSQL database with the whole schema, a Redis of its own, an empty object store.
 *
 *     let services: TestServices;
 *     beforeAll(async () => { services = await startServices(); });
 *     afterAll(() => services.close());
 *
 * One PostgreSQL server serves a whole jest run: the first {@link startServices} of the run starts it, the end of the
 * run stops it (stores-server.ts, jest's globalSetup). A file gets a clone of a migrated template, so that it costs
 * about 0.1 s. {@link TestServices.close} fails when the file left a connection to PostgreSQL or Redis open.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { DatabaseTier } from '../../services/api/roles.ts';
import { databaseRole } from '../../services/manifest.ts';
import { createLogger, type Logger } from '../../services/shared/log.ts';

export interface TestServices {
  /** As the owner: rows are made and looked at with it. */
  readonly databaseUrl: string;
  /** As the role of a tier: what runs is run with it. */
  readonly databaseUrlOf: (tier: DatabaseTier) => string;
  readonly redisUrl: string;
  /** `file:///…/store` in {@link folder}. */
  readonly documentStoreUrl: string;
  /** A temporary folder of this file alone. */
  readonly folder: string;
  /** Quiet; with `TEST_LOG=info` it writes. */
  readonly log: Logger;
  /** Rows of one statement, on a connection of its own. */
  query(sql: string, values?: unknown[]): Promise<unknown[]>;
  /** Until so many connections wait for a lock. */
  waitForLocks(connections?: number): Promise<void>;
  /** @throws Error naming what stayed open */
  close(): Promise<void>;
}

export async function startServices(): Promise<TestServices> {
  const [{ databaseUrl, redisUrl }, folder] = await Promise.all([
    ask<{ databaseUrl: string; redisUrl: string }>('POST'),
    mkdtemp(join(tmpdir(), 'bulkhead-test-')),
  ]);
  const query: TestServices['query'] = async (sql, values) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    const { rows } = await client.query(sql, values).finally(() => client.end());
    return rows;
  };
  return {
    databaseUrl,
    databaseUrlOf: (tier) => Object.assign(new URL(databaseUrl), { username: databaseRole(tier) }).href,
    redisUrl,
    documentStoreUrl: pathToFileURL(join(folder, 'store')).href,
    folder,
    log: createLogger('test', { level: process.env.TEST_LOG ?? 'silent' }),
    query,
    waitForLocks: async (connections = 1) => {
      const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      while ((await query(waiting)).length < connections) await sleep(20);
    },
    close: async () => {
      const open = [...(await openInPostgres(databaseUrl)), ...(await openInRedis(redisUrl))];
      await ask('DELETE', { databaseUrl, redisUrl });
      await rm(folder, { recursive: true, force: true });
      if (open.length > 0) throw new Error(`left open by this test file:\n- ${open.join('\n- ')}`);
    },
  };
}

async function ask<Answer>(method: string, body: object = {}): Promise<Answer> {
  const server = process.env.TEST_SERVICES_URL;
  if (!server) throw new Error("TEST_SERVICES_URL is not set: run tests with 'npm test', which starts the services");
  const answer = await fetch(server, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as Answer;
}

/** A connection that was just ended may still be listed for a moment, on a busy machine for seconds. Costs only who fails. */
const settleMs = 15_000;

async function openInPostgres(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await settled(async () => {
      const { rows } = await client.query<{ query: string }>(
        `select left(query, 200) as query from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
      );
      return rows.map(({ query }) => `PostgreSQL connection, last statement: ${query}`);
    });
  } finally {
    await client.end();
  }
}

async function openInRedis(url: string): Promise<string[]> {
  const redis = new Redis(url, { retryStrategy: () => null, lazyConnect: true });
  // A test may have stopped it on purpose.
  redis.on('error', () => {});
  try {
    await redis.connect();
    const own = `id=${await redis.client('ID')} `;
    return await settled(async () => {
      const clients = String(await redis.client('LIST')).trim();
      return clients.split('\n').flatMap((line) => (line.startsWith(own) ? [] : [`Redis connection: ${line}`]));
    });
  } catch {
    return [];
  } finally {
    if (redis.status === 'ready') redis.disconnect();
  }
}

async function settled(list: () => Promise<string[]>): Promise<string[]> {
  for (const end = Date.now() + settleMs; ; await sleep(50)) {
    const open = await list();
    if (open.length === 0 || Date.now() > end) return open;
  }
}
