/**
 * The whole service as processes, two of each tier that may have two, with a proxy before each store and before the
 * vectorstore: whatever lies between can be cut, stalled or slowed while people use it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { heapFlags } from '../../environments/budget/heap.ts';
import type { Replica } from '../../local/router/balance.ts';
import { freePort } from '../../local/router/ports.ts';
import { openRouter, type Router } from '../../local/router/router.ts';
import { newPrivateKey, publicKeys } from '../../local/stores/key-pair.ts';
import type { DatabaseTier } from '../../services/api/roles.ts';
import { services } from '../../services/manifest.ts';
import { Client } from '../flows/client.ts';
import { proxyOf, type StoreProxy } from '../support/proxy.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { startServices, type TestServices } from '../support/stores.ts';

export type ProxyName = 'postgres' | 'redis' | 's3' | 'vectorstore';

export interface Cluster {
  readonly services: TestServices;
  readonly s3: TestS3;
  /** Where people reach it: requests are shared among the replicas as in production. */
  readonly url: string;
  readonly owner: Client;
  readonly proxies: Readonly<Record<ProxyName, StoreProxy>>;
  /** `api-1`, `document-worker-2`, ... */
  process(name: string): ChildProcess;
  /** Processes that ended without being told to: their name and how. */
  readonly deaths: readonly string[];
  /** Ends a process at once and starts it anew; it does not count as a death. */
  restart(name: string): Promise<void>;
  /** Everything passes again. */
  heal(): void;
  /** Runs a command of a service's own program, as an operator would. */
  run(service: DatabaseTier, ...args: string[]): Promise<string>;
  /** A new one-time link of the installation's owner. */
  ownerLink(): Promise<string>;
  close(): Promise<void>;
}

/** Replicas of each tier. Two workers and two of those that answer: what one holds the other may take over. */
const replicas: Readonly<Record<DatabaseTier, number>> = {
  vectorstore: 1,
  api: 2,
  chat: 2,
  'document-worker': 2,
};
/** On a busy machine a start takes many seconds. */
const readyTimeoutMs = 180_000;
/** Characters of what a process said last, for whoever asks why it ended. */
const saidMax = 2000;
/** As in a small environment. */
const memoryMiB = 512;

/** @param settings beat the defaults, for every service that takes them */
export async function startCluster(settings: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const stores = await startServices();
  const s3 = await startS3();
  const ports = new Map<string, number>();
  for (const [name, count] of Object.entries(replicas))
    for (let index = 1; index <= count; index += 1) ports.set(`${name}-${index}`, await freePort());
  const vectorstoreUrl = `http://127.0.0.1:${ports.get('vectorstore-1')}`;
  const [postgres, redis, storage, vectorstore] = await Promise.all([
    proxyOf(stores.databaseUrl, 'postgres'),
    proxyOf(stores.redisUrl),
    proxyOf(s3.env.AWS_ENDPOINT_URL),
    proxyOf(vectorstoreUrl),
  ]);
  const proxies = { postgres, redis, s3: storage, vectorstore };

  const known = new Map<string, Replica[]>();
  const router = await openRouter({ port: 0, replicas: (owner) => known.get(owner) ?? [] });
  const url = `http://localhost:${router.port}`;
  const keys = { chat: newPrivateKey(), 'document-worker': newPrivateKey() };
  const settingsOf = (service: DatabaseTier, replica: string): Readonly<Record<string, string>> => ({
    HOST: '127.0.0.1',
    LOG_LEVEL: process.env.CHAOS_LOG ?? 'error',
    // As the tier's own role; named, so that a scenario finds the connections of one replica.
    DATABASE_URL: `${postgres.through(stores.databaseUrlOf(service))}?application_name=${replica}`,
    REDIS_URL: redis.through(stores.redisUrl),
    DOCUMENT_STORE_URL: `s3://${s3.bucket}/chaos`,
    VECTORSTORE_URL: vectorstore.through(vectorstoreUrl),
    SERVICE_TOKEN_PUBLIC_KEYS: publicKeys(keys),
    AUTH_SECRET: 'a secret of at least 32 bytes, for tests',
    PUBLIC_URL: url,
    PARSER_CHILDREN: '2',
    REPLICA: replica,
    ...settings,
  });
  const environment = (service: DatabaseTier, replica: string, port: number) => {
    const key = keys[service as keyof typeof keys];
    const own = { ...settingsOf(service, replica), SERVICE_TOKEN_PRIVATE_KEY: key, PORT: String(port) };
    const taken: readonly string[] = services[service].settings;
    return {
      PATH: process.env.PATH ?? '',
      ...s3.env,
      AWS_ENDPOINT_URL: storage.through(s3.env.AWS_ENDPOINT_URL),
      ...Object.fromEntries(Object.entries(own).filter(([name, value]) => value !== undefined && taken.includes(name))),
    };
  };

  const processes = new Map<string, ChildProcess>();
  const deaths: string[] = [];
  const told = new Set<ChildProcess>();
  const start = async (name: string): Promise<void> => {
    const service = definitionOf(name);
    const port = ports.get(name) as number;
    const child = spawn(process.execPath, [...heapFlags(service, memoryMiB), programOf(service)], {
      env: environment(service, name, port),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-saidMax);
        if (process.env.CHAOS_LOG) process.stderr.write(text);
      });
    processes.set(name, child);
    const others = () => (known.get(service) ?? []).filter((replica) => replica.port !== port);
    child.once('exit', (code, signal) => {
      known.set(service, others());
      if (!told.has(child)) deaths.push(`${name} ended by ${signal ?? `exit code ${code}`}: ${said}`);
    });
    await ready(name, port, child, () => said);
    known.set(service, [...others(), { port, ready: true, outstanding: 0 }]);
  };
  const end = async (child: ChildProcess, signal: NodeJS.Signals) => {
    told.add(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    // One that was stopped hears nothing else.
    child.kill('SIGCONT');
    await gone;
  };
  const heal = () => {
    for (const proxy of Object.values(proxies)) proxy.heal();
  };
  const close = async () => {
    heal();
    await Promise.all([...processes.values()].map((child) => end(child, 'SIGKILL')));
    await closeAll(router, Object.values(proxies));
    await s3.close();
    await stores.close();
  };
  const run = async (service: DatabaseTier, ...args: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [programOf(service), ...args], {
      env: environment(service, 'command', 0),
      timeout: readyTimeoutMs,
      maxBuffer: 16 * 1024 * 1024,
    }).catch((error: { code?: unknown; stdout?: string }) => {
      // It says by 1 that it found something, and what.
      if (error.code === 1 && error.stdout) return { stdout: error.stdout };
      throw error;
    });
    return stdout;
  };

  try {
    await Promise.all([...ports.keys()].map(start));
    const owner = new Client(url);
    const ownerLink = async () => tokenIn(await run('api', 'owner-link'));
    await owner.signInByLink(await ownerLink());
    return {
      services: stores,
      s3,
      url,
      owner,
      proxies,
      deaths,
      heal,
      run,
      ownerLink,
      close,
      process: (name) => processes.get(name) as ChildProcess,
      restart: async (name) => {
        await end(processes.get(name) as ChildProcess, 'SIGKILL');
        await start(name);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const definitionOf = (name: string) => name.replace(/-\d+$/, '') as DatabaseTier;
const programOf = (service: DatabaseTier) => join(import.meta.dirname, `../../services/${service}/main.ts`);

async function ready(name: string, port: number, child: ChildProcess, said: () => string): Promise<void> {
  for (const end = Date.now() + readyTimeoutMs; ; await sleep(100)) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok) return;
    const ended = child.signalCode ?? child.exitCode;
    if (ended !== null) throw new Error(`${name} ended by ${ended} as it started: ${said()}`);
    if (Date.now() > end) throw new Error(`${name} was not ready in ${readyTimeoutMs} ms: ${said()}`);
  }
}

async function closeAll(router: Router, proxies: readonly StoreProxy[]): Promise<void> {
  router.stopAccepting();
  await router.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
}

function tokenIn(printed: string): string {
  const line = printed.split('\n').findLast((one) => one.includes('"token"'));
  if (!line) throw new Error(`owner-link printed no token: ${printed}`);
  return (JSON.parse(line) as { token: string }).token;
}
