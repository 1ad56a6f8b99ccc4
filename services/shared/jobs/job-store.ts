/** The statements that write `jobs`: a job is made, changes its status, moves within it, and is removed after its time. */
import {
  type RawBuilder,
  type Selectable,
  sql,
  type Transaction,
  type UpdateObject,
  type UpdateQueryBuilder,
  type UpdateResult,
} from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { JobKind, JobStage, JobStatus } from '../contract/job.ts';
import type { Database } from '../postgres/database.ts';
import type { Jobs, Tables } from '../postgres/tables.ts';
import { recordEvent } from './events.ts';
import {
  hasEnded,
  retentionDays,
  type StatusAfter,
  type Transition,
  type TransitionName,
  transitions,
} from './job-states.ts';

export type JobRow = Selectable<Jobs>;
type Db = Database | Transaction<Tables>;
export type JobsUpdate = UpdateQueryBuilder<Tables, 'jobs', 'jobs', UpdateResult>;

/** Each by its name: a statement that returns all with `*` is never prepared (postgres/prepared.ts), and these come often. */
export const jobColumns = Object.keys({
  api_key_id: true,
  attempt: true,
  brain_id: true,
  created_at: true,
  document_id: true,
  embedding_usd: true,
  embedding_usd_left: true,
  epoch: true,
  error: true,
  expires_at: true,
  finished_at: true,
  id: true,
  kind: true,
  lease_epoch: true,
  moved_at: true,
  pages_done: true,
  pages_failed: true,
  pages_total: true,
  pages_without_text: true,
  paused_until: true,
  price_usd: true,
  stage: true,
  started_at: true,
  status: true,
  tenant_id: true,
} satisfies Record<keyof Jobs, true>) as readonly (keyof Jobs)[];

export interface NewJob {
  readonly kind: JobKind;
  readonly stage?: JobStage;
  readonly tenantId: string;
  readonly brainId: string | null;
  readonly documentId: string | null;
  /** With which it was asked for. @default by a person */
  readonly keyId?: string | null;
}

export const insertJob = (
  tx: Transaction<Tables>,
  { kind, stage, tenantId, brainId, documentId, keyId = null }: NewJob,
): Promise<JobRow> =>
  tx
    .insertInto('jobs')
    .values({
      id: uuidv7(),
      tenant_id: tenantId,
      brain_id: brainId,
      document_id: documentId,
      api_key_id: keyId,
      kind,
      status: 'queued',
      stage: stage ?? null,
    })
    .returning(jobColumns)
    .executeTakeFirstOrThrow();

/**
 * Part of a statement that makes a document, which is the one row of `made (id, tenant_id, brain_id)` or none: it waits to
 * be read from now on. {@link insertJob} and {@link recordChange} as `job` and `event`; {@link orderedSql} selects what came of it.
 */
export const orderIngestSql = (keyId: string | null): RawBuilder<unknown> => sql`
  job as (
    insert into jobs (id, tenant_id, brain_id, document_id, api_key_id, kind, status)
    select ${uuidv7()}::uuid, tenant_id, brain_id, id, ${keyId}::uuid, 'ingest', 'queued' from made
    returning ${sql.join(jobColumns.map((column) => sql.ref(column)))}),
  event as (insert into events (tenant_id, event, resource_id) select tenant_id, 'document', id from made)`;

/** The columns of its `job`, and as `woken` {@link wakeWorkers}. */
export const orderedSql = (): RawBuilder<unknown> => sql`
  ${sql.join(jobColumns.map((column) => sql.ref(`job.${column}`)))},
  (select pg_notify(${jobsChannel}, id::text) from job) as woken`;

/**
 * Changes the status of those jobs that the transition allows; of others nothing.
 *
 * @param which jobs, and what else must hold for them
 * @param set changes beside the status; a job that ends loses its stage and is readable for a while
 */
export function changeStatus<Name extends TransitionName>(
  tx: Db,
  name: Name,
  status: StatusAfter<Name>,
  which: (jobs: JobsUpdate) => JobsUpdate,
  set: UpdateObject<Tables, 'jobs'> = {},
) {
  const { kinds, from, stages }: Transition = transitions[name];
  const update = tx
    .updateTable('jobs')
    .set({ status, moved_at: sql<Date>`now()`, ...(hasEnded({ status }) && ended), ...set })
    .where('kind', 'in', kinds)
    .where('status', 'in', from as JobStatus[])
    .$if(stages !== undefined, (jobs) =>
      jobs.where((eb) =>
        eb.or([
          ...(stages?.includes(null) ? [eb('stage', 'is', null)] : []),
          eb('stage', 'in', stages?.filter((stage) => stage !== null) as JobStage[]),
        ]),
      ),
    );
  return which(update).returning(jobColumns);
}

const ended = {
  stage: null,
  finished_at: sql<Date>`now()`,
  expires_at: sql<Date>`now() + make_interval(days => ${retentionDays})`,
};

type Progress = Pick<
  UpdateObject<Tables, 'jobs'>,
  | 'stage'
  | 'pages_total'
  | 'pages_done'
  | 'pages_failed'
  | 'pages_without_text'
  | 'price_usd'
  | 'embedding_usd'
  | 'embedding_usd_left'
>;

/** The job moved, its status stays. The caller holds its row, or says only that it moved. */
export async function recordProgress(db: Db, jobId: string, progress: Progress = {}): Promise<void> {
  await db
    .updateTable('jobs')
    .set({ ...progress, moved_at: sql<Date>`now()` })
    .where('id', '=', jobId)
    .execute();
}

/** Tells who watches the job's document. */
export async function recordChange(tx: Transaction<Tables>, job: JobRow): Promise<void> {
  if (job.document_id)
    await recordEvent(tx, { tenantId: job.tenant_id, event: 'document', resourceId: job.document_id });
}

/** Wakes workers when the transaction commits; should nobody hear it, they find the job by themselves. */
export async function wakeWorkers(tx: Transaction<Tables>, jobId: string): Promise<void> {
  await sql`select pg_notify(${jobsChannel}, ${jobId})`.execute(tx);
}

/** PostgreSQL notifies on it that a job waits for a worker; the payload is its id. */
export const jobsChannel = 'jobs';

/** What the hourly clean-up removes of `jobs`: a document shows its last ingest job for as long as it lives. */
export const expiredJobs = `where expires_at < now() and (kind <> 'ingest' or document_id is null
  or exists (select from jobs later where later.document_id = jobs.document_id and later.id > jobs.id))`;
