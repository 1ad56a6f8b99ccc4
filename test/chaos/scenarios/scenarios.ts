/** What is broken, one scenario after the other. Each ends with everything healed. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { lacksManuals, manualPdf } from '../../flows/documents.ts';
import type { Cluster, ProxyName } from '../cluster.ts';
import type { Workload } from '../workload.ts';
import { stages, stopWorkerIn } from './stopped-worker.ts';

export interface Scene {
  readonly cluster: Cluster;
  readonly workload: Workload;
  /** 0 to 1; decides what is broken and when. */
  readonly random: () => number;
  /** Time of `Date.now()` until which things are broken. */
  readonly until: number;
  /** A run of a minute or more, in which faults last as long as in life. */
  readonly long: boolean;
}

export interface Scenario {
  readonly name: string;
  /** Replicas die under their requests. */
  readonly kills?: boolean;
  /** One of the few of a short run. */
  readonly short?: boolean;
  /** What it broke, for the log. */
  run(scene: Scene): Promise<Readonly<Record<string, number>>>;
}

const pause = (random: () => number, fromMs: number, toMs: number) => sleep(fromMs + random() * (toMs - fromMs));

/** Over and over until the time is up. */
const repeated =
  (act: (scene: Scene) => Promise<unknown>): Scenario['run'] =>
  async (scene) => {
    let times = 0;
    for (; Date.now() < scene.until; times += 1) await act(scene);
    return { times };
  };

/** Some end before any time limit notices, some long after. */
const blackHoleMs = { short: [1000, 3000], long: [5000, 45_000] } as const;

const blackHole = (name: ProxyName): Scenario => ({
  name: `${name} is a black hole`,
  run: repeated(async ({ cluster, random, long }) => {
    await pause(random, 500, 2000);
    cluster.proxies[name].blackHole();
    const [fromMs, toMs] = blackHoleMs[long ? 'long' : 'short'];
    await pause(random, fromMs, toMs);
    cluster.proxies[name].heal();
  }),
});

const replicas = ['api-1', 'api-2', 'chat-1', 'chat-2', 'document-worker-1', 'document-worker-2', 'vectorstore-1'];

export const scenarios: readonly Scenario[] = [
  {
    name: 'PostgreSQL backends are terminated',
    short: true,
    run: repeated(async ({ cluster, random }) => {
      await pause(random, 300, 1500);
      // Of the service: its connections are named, those of the test are not.
      await cluster.services.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name <> '' and random() < $1`,
        [random()],
      );
    }),
  },
  {
    name: 'locks of index runs and writers are lost',
    short: true,
    run: repeated(async ({ cluster, random }) => {
      await pause(random, 20, 200);
      await cluster.services.query(
        `select pg_terminate_backend(l.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'advisory' and a.datname = current_database() and a.pid <> pg_backend_pid()`,
      );
    }),
  },
  {
    name: 'answers to COMMIT are lost',
    short: true,
    run: repeated(async ({ cluster, random }) => {
      await pause(random, 50, 300);
      const cut = cluster.proxies.postgres.cutAnswer(/^commit/i, { serverKept: random() < 0.3 });
      // A commit that never comes must not keep the rest of the scenario waiting.
      await Promise.race([cut, sleep(3000)]);
    }),
  },
  ...(['postgres', 'redis', 's3', 'vectorstore'] as const).map(blackHole),
  {
    name: 'connections to every store are reset',
    run: repeated(async ({ cluster, random }) => {
      await pause(random, 300, 2000);
      const all = Object.values(cluster.proxies);
      all[Math.floor(random() * all.length)]?.reset();
    }),
  },
  {
    name: 'a worker stands still past its lease, in every stage of a document',
    short: true,
    run: async ({ cluster, workload, until, long }) => {
      const times = { probe: 0, parse: 0, index: 0 };
      do
        for (const stage of stages) {
          // Takes longer than the small ones that the others upload.
          const submitted = lacksManuals ? null : workload.submit(await copyOf(manualPdf), 'manual.pdf');
          if (await stopWorkerIn({ cluster, stage, patient: long })) times[stage] += 1;
          await submitted;
        }
      while (Date.now() < until);
      if (Object.values(times).includes(0)) throw new Error(`no worker was met in one stage: ${JSON.stringify(times)}`);
      return times;
    },
  },
  {
    name: 'processes are killed',
    kills: true,
    run: repeated(async ({ cluster, random, long }) => {
      await pause(random, 500, long ? 5000 : 1000);
      await cluster.restart(replicas[Math.floor(random() * replicas.length)] as string);
    }),
  },
  {
    name: 'Redis forgets everything',
    short: true,
    run: repeated(async ({ cluster, random }) => {
      await pause(random, 500, 2000);
      const redis = new Redis(cluster.services.redisUrl);
      await redis.flushall();
      redis.disconnect();
    }),
  },
];

let copies = 0;
/** The same pages in other bytes, so that it is another document. */
async function copyOf(path: string): Promise<Uint8Array> {
  copies += 1;
  return Buffer.concat([await readFile(path), Buffer.from(`\n% copy ${copies}\n`)]);
}
