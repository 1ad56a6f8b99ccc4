/**
 * Requests to a provider's parser, each written down before it is sent. So every one is in the ledger, the one whose
 * worker was killed before the answer too; and how often a page was sent is known, whoever sent it.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { leaseMs } from '../../shared/contract/grant.ts';
import { entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import type { RemoteParserName } from '../../shared/parsers.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';

/**
 * `refused`: by its content, `failed`: any other fault, `throttled`: by the account's rate or key, `unreached`: there was
 * no connection, `lost`: its worker never said.
 */
export type CallOutcome = 'answered' | 'failed' | 'refused' | 'throttled' | 'unreached' | 'lost';
/** Of these the provider has done nothing. */
const unbilled: readonly string[] = ['throttled', 'unreached'] satisfies CallOutcome[];

export interface CalledFor {
  readonly jobId: string;
  readonly tenantId: string;
  readonly brainId: string;
  readonly attempt: number;
  readonly keyId: string | null;
  /** US dollars; null: unknown. */
  readonly usdPerPage: number | null;
}

/** What became of earlier calls with a page in this attempt. */
export interface PageHistory {
  /** Calls that may have done the work, and brought no result. */
  readonly tries: number;
  /** Pages of the last call with it that was refused for its content; 0: none was. */
  readonly refusedWith: number;
}

interface CallRow {
  readonly id: string;
  readonly pages: number[];
  readonly parser: string;
  readonly repeated: boolean;
  readonly outcome: string | null;
}

/** Of each page; calls of these pages that have no end are the dead's, and are settled here. */
export async function readHistory(
  db: Database,
  work: CalledFor,
  pages: readonly number[],
): Promise<{ of(page: number): PageHistory; lost(page: number): boolean }> {
  const { rows } = await sql<CallRow>`
    select id, pages, parser, repeated, outcome from parser_calls
    where job_id = ${work.jobId} and attempt = ${work.attempt} and pages && ${pages}::integer[]
    order by id`.execute(db);
  for (const call of rows)
    if (call.outcome === null) await db.transaction().execute((tx) => settle(tx, work, call, 'lost'));
  const callsWith = (page: number) => rows.filter((call) => call.pages.includes(page));
  return {
    of: (page) => {
      const calls = callsWith(page).filter(({ outcome }) => outcome !== 'throttled');
      const refused = calls.findLast(({ outcome }) => outcome === 'refused');
      return {
        tries: calls.filter(({ outcome }) => outcome !== 'refused').length,
        refusedWith: refused?.pages.length ?? 0,
      };
    },
    // It was answered, but the result was not kept; or nobody knows.
    lost: (page) =>
      callsWith(page).some(({ outcome }) => outcome === null || outcome === 'lost' || outcome === 'answered'),
  };
}

export interface OpenCall {
  readonly id: string;
  end(outcome: CallOutcome): Promise<void>;
}

export async function beginCall(
  db: Database,
  work: CalledFor,
  { parser, pages, repeated }: { parser: RemoteParserName; pages: number[]; repeated: boolean },
): Promise<OpenCall> {
  const id = uuidv7();
  const { jobId, tenantId, attempt } = work;
  await db
    .insertInto('parser_calls')
    .values({ id, job_id: jobId, tenant_id: tenantId, attempt, parser, pages, repeated })
    .execute();
  const call = { id, pages, parser, repeated };
  return { id, end: (outcome) => db.transaction().execute((tx) => settle(tx, work, call, outcome)) };
}

/** Once in the ledger, whoever says it first. */
async function settle(
  tx: Transaction<Tables>,
  { jobId, tenantId, brainId, keyId, usdPerPage }: Omit<CalledFor, 'attempt'>,
  { id, pages, parser, repeated }: Omit<CallRow, 'outcome'>,
  outcome: CallOutcome,
): Promise<void> {
  await tx
    .updateTable('parser_calls')
    .set({ ended_at: sql<Date>`now()`, outcome })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute();
  if (unbilled.includes(outcome)) return;
  const cost = usdPerPage === null ? null : pages.length * usdPerPage;
  await recordEntries(tx, { tenantId, brainId, jobId, keyId }, [
    { ...entryOf('parser', id, [], 'parser_calls', 1), model: parser, repeated },
    { ...entryOf('parser', id, [], 'parser_pages', pages.length, cost), model: parser, repeated },
  ]);
}

/** Settled in one round; the next takes the rest. */
const openMax = 1000;

/** Calls whose worker is gone, and whose pages nobody came back to: a job that was canceled meanwhile. */
export async function settleLostCalls(
  db: Database,
  { timeoutMs, usdPerPage }: { timeoutMs: number; usdPerPage: number | null },
): Promise<number> {
  const calls = await openCalls(db, sql`c.started_at < now() - ${timeoutMs + leaseMs} * interval '1 millisecond'`);
  for (const { work, call } of calls)
    await db.transaction().execute((tx) => settle(tx, { ...work, usdPerPage }, call, 'lost'));
  return calls.length;
}

/**
 * Calls for a document that is about to go, under way or of the dead: they go with its jobs. Those stay locked, so none
 * begins until the document is gone.
 */
export async function settleCallsOf(tx: Transaction<Tables>, documentId: string, usdPerPage: number | null) {
  await tx.selectFrom('jobs').select('id').where('document_id', '=', documentId).orderBy('id').forUpdate().execute();
  for (;;) {
    const calls = await openCalls(tx, sql`j.document_id = ${documentId}`);
    for (const { work, call } of calls) await settle(tx, { ...work, usdPerPage }, call, 'lost');
    if (calls.length < openMax) return;
  }
}

async function openCalls(db: Database | Transaction<Tables>, which: RawBuilder<unknown>) {
  const { rows } = await sql<CallRow & { job_id: string; tenant_id: string; brain_id: string; key_id: string | null }>`
    select c.id, c.pages, c.parser, c.repeated, c.outcome, c.job_id, c.tenant_id, j.brain_id, j.api_key_id as key_id
    from parser_calls c join jobs j on j.id = c.job_id
    where c.ended_at is null and ${which}
    limit ${openMax}`.execute(db);
  return rows.map(({ job_id: jobId, tenant_id: tenantId, brain_id: brainId, key_id: keyId, ...call }) => ({
    work: { jobId, tenantId, brainId, keyId },
    call,
  }));
}
