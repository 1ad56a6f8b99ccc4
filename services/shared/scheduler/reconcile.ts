/** Redis may be wiped, an enqueue may be lost: PostgreSQL knows every unfinished job. */
import { sql } from 'kysely';
import type { Pool } from 'pg';
import { grantableStages, grantableStatuses, transitions } from '../jobs/job-states.ts';
import { endCanceled } from '../jobs/leased-jobs.ts';
import { tryLock } from '../postgres/advisory-lock.ts';
import type { Database } from '../postgres/database.ts';
import type { JobSchedule } from './parser-schedules.ts';

/** Jobs that stood still for this long are looked at; one on its way into Redis is younger. */
const lostAfterMs = 10_000;
/** Jobs looked at in one round: bounds its time; the next round sees the rest. */
const jobsMax = 1000;

/**
 * The api changed a job: makes it known to Redis, or ends it when it is to be canceled.
 *
 * @returns whether it was not known and is to be read: then there is nothing of it to index
 */
export async function enqueueJob(db: Database, scheduler: JobSchedule, jobId: string): Promise<boolean> {
  if (!(await scheduler.known(jobId)) && (await enqueueFromDatabase(db, scheduler, jobId))) return true;
  await cancelRequested(db, scheduler);
  return false;
}

/** Enqueues every unfinished job, after Redis lost them all. One worker does it. */
export async function rebuild(db: Database, pool: Pool, scheduler: JobSchedule): Promise<number> {
  let enqueued = 0;
  await tryLock(pool, 'rebuild the schedule', async () => {
    if (!(await scheduler.needsRebuild())) return;
    for (let after = zeroId; ; ) {
      const jobs = await waiting(db).where('jobs.id', '>', after).orderBy('jobs.id').limit(jobsMax).execute();
      for (const { id } of jobs) if (await enqueueFromDatabase(db, scheduler, id)) enqueued += 1;
      const last = jobs.at(-1);
      if (!last || jobs.length < jobsMax) break;
      after = last.id;
    }
    await scheduler.rebuilt();
  });
  return enqueued;
}

/**
 * Enqueues jobs that Redis does not know, so many in one round: from the newest, whose enqueue is the likeliest to be lost,
 * to the oldest, and anew. Jobs that wait do not move, so without a place every round would read the same ones.
 */
export class Reconciler {
  readonly #db: Database;
  readonly #scheduler: JobSchedule;
  #before = idMax;

  constructor(db: Database, scheduler: JobSchedule) {
    this.#db = db;
    this.#scheduler = scheduler;
  }

  /** An enqueue may be lost: the next round looks at the newest jobs. */
  beginAnew(): void {
    this.#before = idMax;
  }

  /** @param stillMs 0: also those that nobody may have been told of @returns how many were lost */
  async round(stillMs = lostAfterMs): Promise<number> {
    let enqueued = 0;
    const jobs = await waiting(this.#db)
      .where('jobs.id', '<', this.#before)
      .where('jobs.moved_at', '<', new Date(Date.now() - stillMs))
      .orderBy('jobs.id', 'desc')
      .limit(jobsMax)
      .execute();
    for (const { id } of jobs)
      if (!(await this.#scheduler.known(id)) && (await enqueueFromDatabase(this.#db, this.#scheduler, id)))
        enqueued += 1;
    // Only now: a round that failed is made again.
    this.#before = (jobs.length === jobsMax && jobs.at(-1)?.id) || idMax;
    return enqueued;
  }
}

/** Jobs in `canceling` that no index run holds. */
export async function cancelRequested(db: Database, scheduler: JobSchedule): Promise<void> {
  const canceling = await db
    .selectFrom('jobs')
    .select('id')
    .where('status', 'in', transitions.endCanceled.from)
    .where('kind', '=', 'ingest')
    .where((eb) => eb.or([eb('stage', 'is', null), eb('stage', 'in', grantableStages)]))
    .limit(jobsMax)
    .execute();
  for (const { id } of canceling) {
    if (await endCanceled(db, id)) await scheduler.remove(id);
  }
}

/** Makes one job known with exactly the pages that are not done. False: it has nothing to parse. */
export async function enqueueFromDatabase(db: Database, scheduler: JobSchedule, jobId: string): Promise<boolean> {
  const job = await waiting(db)
    .innerJoin('tenants', 'tenants.id', 'jobs.tenant_id')
    .select(['jobs.tenant_id', 'jobs.pages_total', 'jobs.epoch', 'jobs.lease_epoch', 'jobs.created_at'])
    .select(['tenants.parser', 'documents.media_type'])
    .select((eb) =>
      eb
        .selectFrom('pages')
        .select(sql<number[]>`coalesce(array_agg(page_number), '{}')`.as('done'))
        .whereRef('pages.document_id', '=', 'jobs.document_id')
        .as('done'),
    )
    .where('jobs.id', '=', jobId)
    .executeTakeFirst();
  if (!job) return false;
  const done = new Set(job.done ?? []);
  const pagesLeft =
    job.pages_total === null
      ? null
      : Array.from({ length: job.pages_total }, (_, index) => index + 1).filter((page) => !done.has(page));
  if (pagesLeft?.length === 0) return false;
  await scheduler.enqueue(
    {
      jobId,
      tenantId: job.tenant_id,
      pagesLeft,
      enqueuedAtMs: job.created_at.getTime(),
      epoch: Math.max(job.epoch, job.lease_epoch),
    },
    { tenantParser: job.parser, mediaType: job.media_type },
  );
  return true;
}

const waiting = (db: Database) =>
  db
    .selectFrom('jobs')
    .innerJoin('documents', 'documents.id', 'jobs.document_id')
    .select('jobs.id')
    .where('jobs.kind', '=', 'ingest')
    .where('jobs.status', 'in', grantableStatuses)
    .where('documents.deleted_at', 'is', null)
    .where((eb) => eb.or([eb('jobs.stage', 'is', null), eb('jobs.stage', 'in', grantableStages)]));

const zeroId = '00000000-0000-0000-0000-000000000000';
const idMax = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
