/** Jobs that a task of graphile-worker does, and what such a task does to the ingest jobs of what it deletes. */
import { sql, type Transaction } from 'kysely';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import { backgroundKinds, transitions } from './job-states.ts';
import { changeStatus, type JobRow, recordChange, recordProgress } from './job-store.ts';
import { lostFile } from './lost-file.ts';

/** A task of a killed worker stays locked for hours; the job's own row says that nothing moves. */
const stuckAfterS = 60;
/** Two may be missed. */
const sayEveryMs = 20_000;
/** Of one round: bounds its time; the next sees the rest. */
const revivedMax = 100;

/** @returns undefined: it ended before */
export const beginTask = (db: Database, jobId: string): Promise<JobRow | undefined> =>
  changeStatus(db, 'beginTask', 'running', (jobs) => jobs.where('id', '=', jobId), {
    // Its stage stands from the order on.
    started_at: sql`coalesce(started_at, now())`,
  }).executeTakeFirst();

/**
 * Says that a task moves for as long as this worker does it: one step of it may take minutes, and a task that stands still
 * is given to another worker.
 */
export async function whileMoving<Result>(
  db: Database,
  jobId: string,
  work: () => Promise<Result>,
  everyMs = sayEveryMs,
): Promise<Result> {
  // One that is missed is caught up by the next.
  const timer = setInterval(() => void recordProgress(db, jobId).catch(() => {}), everyMs);
  return work().finally(() => clearInterval(timer));
}

/** @param set `document_id` to null when the transaction goes on to remove the document, which would take the job along */
export async function endTask(
  tx: Transaction<Tables>,
  jobId: string,
  set: { readonly document_id?: null } = {},
): Promise<void> {
  await changeStatus(tx, 'endTask', 'succeeded', (jobs) => jobs.where('id', '=', jobId), set).execute();
}

/** Ends what reads or embeds a document or brain that is deleted: a checkpoint that is on its way is refused. @returns ids */
export async function abandonIngest(
  db: Database,
  of: { documentId: string } | { brainId: string },
): Promise<readonly string[]> {
  const jobs = await changeStatus(db, 'abandon', 'canceled', (some) =>
    'documentId' in of ? some.where('document_id', '=', of.documentId) : some.where('brain_id', '=', of.brainId),
  ).execute();
  return jobs.map(({ id }) => id);
}

/** The file of a document is gone: its last job says so. A job under way finds out by itself. @returns whether it says so since now */
export async function loseFile(tx: Transaction<Tables>, documentId: string): Promise<boolean> {
  const job = await changeStatus(
    tx,
    'loseFile',
    'failed',
    (jobs) =>
      jobs.where('id', '=', (eb) =>
        eb
          .selectFrom('jobs as last')
          .select('last.id')
          .where('last.document_id', '=', documentId)
          .where('last.kind', '=', 'ingest')
          .orderBy('last.id', 'desc')
          .limit(1),
      ),
    {
      error: JSON.stringify(lostFile().toProblem()),
      // It was read when it says.
      finished_at: sql.ref('finished_at'),
      expires_at: sql.ref('expires_at'),
    },
  ).executeTakeFirst();
  if (job) await recordChange(tx, job);
  return job !== undefined;
}

/** Orders anew what stands still; the task itself finds out whether there is anything left to do. */
export async function reviveTasks(db: Database): Promise<void> {
  await sql`
    select graphile_worker.add_job(kind, json_build_object('jobId', id), job_key := id::text)
    from jobs
    where kind in (${literals(backgroundKinds)}) and status in (${literals(transitions.beginTask.from)})
      and moved_at < now() - make_interval(secs => ${stuckAfterS})
    limit ${revivedMax}`.execute(db);
}

/** Not parameters: the statement finds its rows by a partial index. */
const literals = (values: readonly string[]) => sql.join(values.map((value) => sql.lit(value)));
