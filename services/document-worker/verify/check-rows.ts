/** What rows say of each other: each check is one statement that returns what contradicts itself. Read-only. */
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../../shared/postgres/database.ts';
import type { Finding } from './finding.ts';

interface RowCheck {
  readonly kind: Finding['kind'];
  readonly says: string;
  /** Returns `subject` and, where it helps, `detail`. */
  readonly statement: RawBuilder<Contradiction>;
}

interface Contradiction {
  readonly subject: string;
  readonly detail?: string | null;
}

/** Contradictions named per check: the first ones tell what is wrong, a million would hide it. */
export const namedMax = 100;

/** The job that last worked on each document: earlier ones counted pages that may have been read again since. */
const lastIngest = sql`
  select distinct on (document_id) * from jobs where kind = 'ingest' and document_id is not null
  order by document_id, id desc`;

const checks: readonly RowCheck[] = [
  {
    kind: 'missing',
    says: 'a document is without a job that reads it',
    statement: sql`
      select d.id as subject from documents d
      where d.deleted_at is null and not exists (select from jobs j where j.document_id = d.id and j.kind = 'ingest')`,
  },
  {
    kind: 'missing',
    says: 'a job has ended without all of its pages',
    statement: sql`
      select j.id as subject, format('%s of %s pages are recorded', count(p.page_number), j.pages_total) as detail
      from (${lastIngest}) j left join pages p on p.document_id = j.document_id
      where j.status in ('succeeded', 'partial')
      group by j.id, j.pages_total having count(p.page_number) is distinct from j.pages_total`,
  },
  {
    kind: 'contradiction',
    says: 'the pages that a job counts are not the pages that are recorded',
    statement: sql`
      select j.id as subject,
        format('counted %s, failed %s; recorded %s, failed %s',
          j.pages_done, j.pages_failed, count(p.page_number), count(p.error_code)) as detail
      from (${lastIngest}) j left join pages p on p.document_id = j.document_id
      group by j.id, j.pages_done, j.pages_failed
      having count(p.page_number) <> j.pages_done or count(p.error_code) <> j.pages_failed`,
  },
  {
    kind: 'contradiction',
    says: 'a page is recorded that the document does not have',
    statement: sql`
      select p.document_id as subject, format('page %s of %s', p.page_number, d.pages_total) as detail
      from pages p join documents d on d.id = p.document_id
      where d.pages_total is null or p.page_number > d.pages_total`,
  },
  {
    kind: 'contradiction',
    says: 'a job that succeeded has failed pages',
    statement: sql`
      select j.id as subject, format('%s failed pages', j.pages_failed) as detail from (${lastIngest}) j
      where j.status = 'succeeded' and j.pages_failed > 0`,
  },
  {
    kind: 'contradiction',
    says: 'a job is neither under way nor ended',
    statement: sql`
      select id as subject, status as detail from jobs
      where (status in ('succeeded', 'partial', 'failed', 'canceled')) <> (finished_at is not null)`,
  },
  {
    kind: 'left over',
    says: 'a document is deleted, and no job is under way that removes the rest of it',
    statement: sql`
      select d.id as subject from documents d
      where d.deleted_at is not null and not exists (
        select from jobs j where j.status in ('queued', 'running')
          and (j.kind = 'delete_document' and j.document_id = d.id or j.kind = 'delete_brain' and j.brain_id = d.brain_id))`,
  },
  {
    kind: 'left over',
    says: 'conversations of a deleted brain are still there',
    statement: sql`
      select c.id as subject from conversations c join brains b on b.id = c.brain_id
      where b.deleted_at is not null
        and not exists (select from jobs j where j.brain_id = b.id and j.kind = 'delete_brain' and j.status in ('queued', 'running'))`,
  },
  {
    kind: 'twice',
    says: 'a document holds the same bytes as another of its brain',
    statement: sql`
      select min(id::text) as subject, format('%s documents', count(*)) as detail from documents
      where deleted_at is null group by brain_id, sha256 having count(*) > 1`,
  },
  {
    kind: 'missing',
    says: 'pages were read that the ledger does not know',
    statement: sql`
      select j.id as subject, format('recorded %s, in the ledger %s', j.pages_done, coalesce(l.amount, 0)) as detail
      from (${lastIngest}) j
      left join (select job_id, sum(amount) as amount from ledger where kind = 'pages' group by job_id) l on l.job_id = j.id
      where coalesce(l.amount, 0) < j.pages_done`,
  },
  {
    kind: 'twice',
    says: 'the ledger charges more pages than were read',
    statement: sql`
      select j.id as subject, format('recorded %s, in the ledger %s', j.pages_done, l.amount) as detail
      from (${lastIngest}) j
      join (select job_id, sum(amount) as amount from ledger where kind = 'pages' group by job_id) l on l.job_id = j.id
      where j.attempt = 1 and l.amount > j.pages_done`,
  },
  {
    kind: 'contradiction',
    says: 'a question is not in the ledger exactly once, or one that is not counted is',
    statement: sql`
      select t.id as subject, format('%s entries', count(l.key)) as detail
      from turns t left join ledger l on l.turn_id = t.id and l.kind = 'question'
      group by t.id having count(l.key) <> t.counted::int`,
  },
  {
    kind: 'missing',
    says: 'a webhook was to be sent long ago',
    statement: sql`
      select d.id as subject, format('due %s, %s attempts', d.next_attempt_at, d.attempts) as detail
      from webhook_deliveries d join webhooks w on w.id = d.webhook_id
      where d.status = 'pending' and w.disabled_at is null
        and greatest(d.next_attempt_at, w.paused_until) < now() - interval '1 hour'`,
  },
  {
    kind: 'missing',
    says: 'the events of an answer have gaps',
    statement: sql`
      select turn_id as subject, format('%s events, the last is %s', count(*), max(place)) as detail
      from turn_events group by turn_id having count(*) <> max(place)`,
  },
  {
    kind: 'contradiction',
    says: 'an answer is neither under way nor ended',
    statement: sql`
      select id as subject, status as detail from turns where (status = 'streaming') = (finished_at is not null)`,
  },
];

export async function checkRows(db: Database): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { kind, says, statement } of checks) {
    const { rows } = await sql<Contradiction>`select * from (${statement}) found limit ${namedMax}`.execute(db);
    for (const { subject, detail } of rows) findings.push({ kind, says, subject, ...(detail && { detail }) });
  }
  return findings;
}
