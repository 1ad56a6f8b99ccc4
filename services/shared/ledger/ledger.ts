/**
 * The ledger: what each tenant used and what it cost. Only added to, never changed: no tier may update or delete an entry
 * (api/roles.ts), and a correction is an entry of its own. An entry is written once, whoever writes it how often, because
 * its key says what it is for:
 *
 *     <source>:<id of the source>[:<part of it>]:<kind>
 *
 *     answer:0198…:question                   asked, counted before the work
 *     answer:0198…:model_tokens_in            of a turn, or of a completion
 *     pages:0198…:1764281423017:1-50:pages    of a document, read under the lease of that epoch
 *     parser:0198…:parser_pages               of a call to a provider's parser (parser_calls)
 *     vectors:0198…:0198…:embedding_tokens    of a document, by one call; builds before: index:<job>:<attempt>:<chunk>
 *     vectors:0198…:0198…:repeated:embedding_tokens  of it, what an earlier call had been paid for already
 *     vectors:0198…:0198…:lost:1:embedding_tokens    of it, what was billed for an answer that was lost
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Job } from '../contract/job.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';

/** What is counted, in which unit. A new kind also goes into the check of the table (a migration). */
export const entryUnits = {
  question: 'questions',
  pages: 'pages',
  embedding_tokens: 'tokens',
  model_tokens_in: 'tokens',
  model_tokens_out: 'tokens',
  rerank_calls: 'calls',
  // Whole milliseconds, so that many short runs do not add up to seconds that nobody used.
  compute_ms: 'milliseconds',
  // Of a provider: what it was sent, whatever became of it.
  parser_calls: 'calls',
  parser_pages: 'pages',
  // Of all these, what nobody got: the lease, the reader or the document was gone. Costs nothing more, and no quota.
  wasted_pages: 'pages',
  wasted_tokens: 'tokens',
} as const;
export type EntryKind = keyof typeof entryUnits;

export type EntrySource = 'answer' | 'pages' | 'vectors' | 'parser';

export interface Entry {
  readonly key: string;
  readonly kind: EntryKind;
  readonly amount: number;
  /** Null: unknown. */
  readonly costUsd: number | null;
  /** That was used. @default none */
  readonly model?: string | null;
  /** Paid again for what was paid before, after a crash or a failure. @default false */
  readonly repeated?: boolean;
}

/** Whom an entry is charged to, and what for. */
export interface Account {
  readonly tenantId: string;
  readonly brainId: string | null;
  readonly jobId?: string | null;
  readonly turnId?: string | null;
  /** With which it was asked for; null: by a person. */
  readonly keyId?: string | null;
}

/** @param part of the source, when it is charged in parts */
export const entryOf = (
  source: EntrySource,
  id: string,
  part: readonly (string | number)[],
  kind: EntryKind,
  amount: number,
  costUsd: number | null = 0,
): Entry => ({ key: [source, id, ...part, kind].join(':'), kind, amount, costUsd });

/** Entries that are there already stay as they are; entries of nothing are left out. */
export async function recordEntries(
  db: Database | Transaction<Tables>,
  { tenantId, brainId, jobId = null, turnId = null, keyId = null }: Account,
  entries: readonly Entry[],
): Promise<void> {
  const charged = entries.filter(isCharged);
  if (charged.length === 0) return;
  await db
    .insertInto('ledger')
    .values(
      charged.map(({ key, kind, amount, costUsd, model = null, repeated = false }) => ({
        key,
        kind,
        amount,
        cost_usd: costUsd,
        model,
        tenant_id: tenantId,
        brain_id: brainId,
        job_id: jobId,
        turn_id: turnId,
        api_key_id: keyId,
        repeated,
      })),
    )
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
}

/** {@link recordEntries} as part of a statement. @param of one row of `from`; without a row there are no entries */
export function recordEntriesSql(
  of: {
    readonly tenantId: RawBuilder<unknown>;
    readonly brainId: RawBuilder<unknown>;
    readonly turnId: RawBuilder<unknown>;
    readonly keyId: RawBuilder<unknown>;
  },
  from: RawBuilder<unknown>,
  entries: readonly Entry[],
): RawBuilder<unknown> {
  const charged = entries.filter(isCharged);
  const column = <Key extends keyof Entry>(key: Key) => charged.map((entry) => entry[key] ?? null);
  return sql`insert into ledger (key, tenant_id, brain_id, turn_id, api_key_id, kind, amount, cost_usd, model)
    select entry.key, ${of.tenantId}, ${of.brainId}, ${of.turnId}, ${of.keyId}, entry.kind, entry.amount, entry.cost_usd,
      entry.model
    from ${from}, unnest(${column('key')}::text[], ${column('kind')}::text[], ${column('amount')}::bigint[],
      ${column('costUsd')}::numeric[], ${column('model')}::text[]) as entry (key, kind, amount, cost_usd, model)
    on conflict (key) do nothing`;
}

const isCharged = ({ amount, costUsd }: Entry) => amount > 0 || (costUsd ?? 0) > 0;

/** What each job used. Jobs that used nothing are not in it. */
export async function usageOfJobs(db: Database, jobIds: readonly string[]): Promise<Map<string, Job['usage']>> {
  const { rows } = await sql<Job['usage'] & { job_id: string }>`
    select job_id,
      coalesce(sum(amount) filter (where kind = 'pages' and not repeated), 0)::bigint as pages,
      coalesce(sum(amount) filter (where kind in ('embedding_tokens', 'model_tokens_in')), 0)::bigint as tokens_in,
      coalesce(sum(amount) filter (where kind = 'model_tokens_out'), 0)::bigint as tokens_out,
      case when bool_and(cost_usd is not null) then sum(cost_usd) end as cost_usd
    from ledger where job_id = any(${jobIds}::uuid[]) group by job_id`.execute(db);
  return new Map(rows.map(({ job_id, ...usage }) => [job_id, usage]));
}
