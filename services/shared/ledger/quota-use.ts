/** What was used of a quota, counted from the ledger and from what work under way may still use. */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Quotas } from '../contract/people.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';

/** Whose limit it is. */
export type Scope = 'environment' | 'tenant' | 'key';

/** Who uses it. */
export interface Charged {
  readonly tenantId: string;
  /** With which it was asked for. @default by a person */
  readonly keyId?: string | null;
}

export const dayQuotas = [
  'pages_per_day_max',
  'questions_per_day_max',
  'tokens_per_day_max',
  'usd_per_day_max',
] as const satisfies readonly (keyof Quotas)[];

export type DayQuotas = Pick<Quotas, (typeof dayQuotas)[number]>;

/** Of a row that has more. */
export const dayQuotasOf = ({
  pages_per_day_max,
  questions_per_day_max,
  tokens_per_day_max,
  usd_per_day_max,
}: DayQuotas): DayQuotas => ({ pages_per_day_max, questions_per_day_max, tokens_per_day_max, usd_per_day_max });

export const isDaily = (quota: keyof Quotas) => (dayQuotas as readonly string[]).includes(quota);

export async function usedIn(
  db: Database | Transaction<Tables>,
  scope: Scope,
  charged: Charged,
  quota: keyof Quotas,
): Promise<number> {
  const [found = 0] = await usedInEach(db, charged, [{ scope, quota }]);
  return found;
}

/** Days begin at 00:00 UTC. One statement, so one moment: what ends moves from what is open to the ledger. */
export async function usedInEach(
  db: Database | Transaction<Tables>,
  charged: Charged,
  limits: readonly { readonly scope: Scope; readonly quota: keyof Quotas }[],
): Promise<readonly number[]> {
  if (limits.length === 0) return [];
  const each = limits.map(({ scope, quota }) => sql`(${used(quota, ofScope(scope, charged))})::float8`);
  const { rows } = await sql<{ used: number[] }>`select array[${sql.join(each)}] as used`.execute(db);
  return rows[0]?.used ?? [];
}

function ofScope(scope: Scope, { tenantId, keyId = null }: Charged): RawBuilder<unknown> {
  if (scope === 'environment') return sql`true`;
  return scope === 'tenant'
    ? sql`tenant_id = ${tenantId}`
    : sql`tenant_id = ${tenantId} and api_key_id = ${keyId}::uuid`;
}

function used(quota: keyof Quotas, of: RawBuilder<unknown>): RawBuilder<unknown> {
  switch (quota) {
    case 'documents_max':
      return sql`select count(*) from documents where ${of} and deleted_at is null`;
    case 'bytes_max':
      return sql`select coalesce(sum(size_bytes), 0)::bigint from documents where ${of} and deleted_at is null`;
    case 'questions_per_day_max':
      return sql`select coalesce(sum(amount), 0)::bigint from ledger where ${of} and ${today} and kind = 'question'`;
    case 'pages_per_day_max':
      // What only repeats pages was nobody's wish.
      return sql`(select coalesce(sum(amount), 0) from ledger
          where ${of} and ${today} and kind = 'pages' and not repeated)
        + (select coalesce(sum(pages_total - pages_done), 0) from jobs where ${of} and ${reserving})`;
    case 'tokens_per_day_max':
      return sql`(select coalesce(sum(amount), 0) from ledger where ${of} and ${today}
          and kind in ('embedding_tokens', 'model_tokens_in', 'model_tokens_out'))
        + (select coalesce(sum(tokens), 0) from reservations where ${of} and expires_at > now())`;
    case 'usd_per_day_max':
      return sql`(select coalesce(sum(cost_usd), 0) from ledger where ${of} and ${today})
        + (select coalesce(sum(usd), 0) from reservations where ${of} and expires_at > now())
        + (select coalesce(sum((price_usd - coalesce(embedding_usd, 0)) * (pages_total - pages_done)
            / greatest(pages_total, 1)), 0) from jobs where ${of} and ${reserving})
        + (select coalesce(sum(embedding_usd_left), 0) from jobs where ${of} and ${embedding})`;
  }
}

const today = sql`created_at >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'`;

/** Jobs that will read pages; as the index `jobs_reserving` says it. */
const reserving = sql.raw(`kind = 'ingest' and pages_total is not null
  and status in ('awaiting_confirmation', 'queued', 'running', 'canceling')`);

/** Jobs whose vectors are still to be made. What has vectors, was given up or deleted holds nothing, whatever its row says. */
const embedding = sql.raw(`embedding_usd_left > 0 and exists (select from documents
  where documents.id = jobs.document_id and documents.deleted_at is null and (documents.vectors_pending
    or jobs.status in ('awaiting_confirmation', 'queued', 'running', 'canceling')))`);
