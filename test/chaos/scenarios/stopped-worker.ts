/** A worker that stands still while it holds something, and goes on when another has done its work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { leaseMs } from '../../../services/shared/contract/grant.ts';
import type { Cluster } from '../cluster.ts';

export const stages = ['probe', 'parse', 'index'] as const;
export type Stage = (typeof stages)[number];

const prefix = '{bulkhead:schedule}:';
/** A document gets to each of its stages within this, on a busy machine. */
const metMs = 30_000;
/** Until another has done the work of the one that stands still. */
const takenOverMs = 60_000;

export interface StoppedWorkerOptions {
  readonly cluster: Cluster;
  readonly stage: Stage;
  /** Waits until the lease has run out by itself; else it is made to run out, as if that time had passed. */
  readonly patient: boolean;
}

/** @returns the job that was under way there; null: no worker was met in that stage */
export async function stopWorkerIn({ cluster, stage, patient }: StoppedWorkerOptions): Promise<string | null> {
  const redis = new Redis(cluster.services.redisUrl);
  try {
    for (const end = Date.now() + metMs; Date.now() < end; await sleep(5)) {
      const met = await holderOf(cluster, redis, stage);
      if (!met) continue;
      const worker = cluster.process(met.worker);
      worker.kill('SIGSTOP');
      try {
        // It may have finished between the look and the stop.
        if ((await holderOf(cluster, redis, stage, met))?.worker !== met.worker) continue;
        if (patient) await sleep(leaseMs + 5000);
        await loseAll(cluster, redis, met.worker);
        await until(cluster, met.job, stage);
        return met.job;
      } finally {
        worker.kill('SIGCONT');
      }
    }
    return null;
  } finally {
    redis.disconnect();
  }
}

interface Held {
  readonly worker: string;
  readonly job: string;
}

async function holderOf(cluster: Cluster, redis: Redis, stage: Stage, wanted?: Held): Promise<Held | undefined> {
  const all = stage === 'index' ? await indexing(cluster) : await leases(redis, stage);
  return all.find(({ worker, job }) => !wanted || (worker === wanted.worker && job === wanted.job));
}

async function leases(redis: Redis, stage: Stage): Promise<Held[]> {
  const held: Held[] = [];
  for (const lease of await redis.zrange(`${prefix}leases`, '0', '-1')) {
    const { worker, job, kind } = await redis.hgetall(`${prefix}lease:${lease}`);
    if (worker && job && kind === stage) held.push({ worker: replicaOf(worker), job });
  }
  return held;
}

/** A lease is of a process, whose name begins with its replica's. */
const replicaOf = (worker: string | null) => worker?.split('/')[0] ?? '';

/** Who holds the lock of a document that is being indexed. */
const indexing = async (cluster: Cluster) =>
  (await cluster.services.query(
    `select a.application_name as worker, j.id as job
     from pg_locks l join pg_stat_activity a on a.pid = l.pid,
       lateral (select hashtextextended('document ' || d.id, 0) as lock, j.id
         from jobs j join documents d on d.id = j.document_id
         where j.kind = 'ingest' and j.stage = 'indexing' and j.status = 'running' and d.index_epoch > 0) j
     where l.locktype = 'advisory' and l.granted and a.datname = current_database()
       and ((l.classid::bigint << 32) | l.objid::bigint) = j.lock`,
  )) as Held[];

/** Its leases run out, and PostgreSQL gives its connections up, with the locks on them. */
async function loseAll(cluster: Cluster, redis: Redis, worker: string): Promise<void> {
  for (const lease of await redis.zrange(`${prefix}leases`, '0', '-1'))
    if (replicaOf(await redis.hget(`${prefix}lease:${lease}`, 'worker')) === worker)
      await redis.call('ZADD', [`${prefix}leases`, 'XX', '0', lease]);
  await cluster.services.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = $1`,
    [worker],
  );
}

/** Waits until the job has left its stage; if nobody takes over, what comes after shows it. */
async function until(cluster: Cluster, job: string, stage: Stage): Promise<void> {
  const left = stage === 'index' ? ['indexing'] : stage === 'parse' ? ['parsing'] : ['probing'];
  for (const end = Date.now() + takenOverMs; Date.now() < end; await sleep(100)) {
    const [row] = (await cluster.services.query('select status, stage from jobs where id = $1', [job])) as {
      status: string;
      stage: string | null;
    }[];
    if (row?.status !== 'running' || !left.includes(row.stage ?? '')) return;
  }
}
