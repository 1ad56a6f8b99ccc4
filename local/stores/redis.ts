/**
 * Redis for the local run: the server on this machine if there is one, else the embedded one from npm in a process of
 * its own. Nothing is persisted: its state is rebuilt from PostgreSQL.
 */
import { access, constants, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { ChildCommand } from '../processes/child.ts';
import { freePort } from '../router/ports.ts';

export type RedisChoice = 'auto' | 'embedded';

export interface RedisServer {
  readonly url: string;
  /** Which one, for the person at the terminal. */
  readonly which: string;
  command(): Promise<ChildCommand>;
  probe(): Promise<void>;
}

/** @param folder the data folder: the configuration with the password lies there, for its owner only */
export async function prepareRedis(choice: RedisChoice, folder: string, password: string): Promise<RedisServer> {
  const binary =
    choice === 'embedded' ? undefined : ((await onPath('redis-server')) ?? (await onPath('valkey-server')));
  const port = await freePort();
  const common = { url: `redis://:${password}@127.0.0.1:${port}`, probe: () => ping(port, password) };
  if (binary === undefined)
    return {
      ...common,
      which:
        choice === 'embedded'
          ? 'the embedded one (js-redis-server), as asked'
          : 'the embedded one (js-redis-server); with redis-server or valkey-server installed it would be faster',
      command: async () => ({
        command: process.execPath,
        args: ['--import', exitWithParent, fileURLToPath(new URL('./embedded-redis.ts', import.meta.url))],
        env: { PORT: String(port), PASSWORD: password, LIFELINE_OF: String(process.pid) },
      }),
    };
  const path = join(folder, 'redis.conf');
  await writeFile(path, configuration(port, password), { mode: 0o600 });
  return {
    ...common,
    which: binary,
    command: async () => ({ command: binary, args: [path], env: { PATH: process.env.PATH ?? '' }, cwd: folder }),
  };
}

/** A file, not arguments: arguments are visible to every user of the machine. */
export function configuration(port: number, password: string): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    'save ""',
    'appendonly no',
    // Scheduling state of 100,000 queued pages takes about 30 MiB; at the limit writes fail instead of being forgotten.
    'maxmemory 128mb',
    'maxmemory-policy noeviction',
    '',
  ].join('\n');
}

const exitWithParent = new URL('../processes/exit-with-parent.ts', import.meta.url).href;

async function ping(port: number, password: string): Promise<void> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    password,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2000,
    // Its timer outlives a connection that never was.
    disconnectTimeout: 100,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.ping();
    await client.quit();
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}
