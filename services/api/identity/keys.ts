/** API keys: made, listed, rotated, revoked. */
import { type Selectable, sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { hashSecret, newSecret } from '../../shared/auth/auth.ts';
import type { Identity } from '../../shared/auth/identity.ts';
import type { ApiKey, Scope } from '../../shared/contract/people.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { type DayQuotas, dayQuotas, dayQuotasOf } from '../../shared/ledger/quota-use.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { ApiKeys } from '../../shared/postgres/tables.ts';
import type { Api } from '../context.ts';

/** A rotated key works on for a day, so that programs can be given the new one. */
export const rotationOverlapMs = 24 * 3600 * 1000;
/** `bk_` and five characters: enough to tell keys apart, far too few to guess from. */
const prefixCharacters = 8;

export function serveKeys({ app, db }: Api): void {
  serve(app, routes.createKey, async ({ identity, body }) => {
    assertMayGive(identity, body.scopes);
    const maker = await makerOf(db, identity);
    if (body.expires_at && new Date(body.expires_at) <= new Date())
      throw new ProblemError('bad-request', `expires_at is ${body.expires_at}; allowed is a time to come, or null.`);
    const secret = newSecret('bk_');
    // A transaction, so that its outcome is known: only this answer can tell the secret.
    const row = await db.transaction().execute((trx) =>
      trx
        .insertInto('api_keys')
        .values({
          id: uuidv7(),
          tenant_id: identity.tenantId,
          created_by: maker.personId,
          name: body.name,
          prefix: secret.slice(0, prefixCharacters),
          secret_sha256: hashSecret(secret),
          scopes: [...new Set(body.scopes)],
          ...quotasWithin(maker.quotas, body.quotas),
          expires_at: earlier(body.expires_at, maker.endsAt),
        })
        .returningAll()
        .executeTakeFirstOrThrow(),
    );
    return { ...toApiKey(row), secret };
  });

  serve(app, routes.listKeys, async ({ identity, query }) => {
    const rows = db.selectFrom('api_keys').selectAll().where('tenant_id', '=', identity.tenantId);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: page.map(toApiKey), next_cursor };
  });

  serve(app, routes.rotateKey, async ({ identity, params }) => {
    const secret = newSecret('bk_');
    const row = await db.transaction().execute(async (trx) => {
      const old = await trx
        .selectFrom('api_keys')
        .selectAll()
        .where('id', '=', params.key)
        .where('tenant_id', '=', identity.tenantId)
        .forUpdate()
        .executeTakeFirst();
      if (!old) throw notFound('key', params.key);
      if (old.revoked_at || (old.expires_at && old.expires_at <= new Date()))
        throw new ProblemError('conflict', `The key '${old.name}' does not work any more; create a new one.`);
      assertMayGive(identity, old.scopes as Scope[]);
      const maker = await makerOf(trx, identity);
      if (maker.keyId !== old.id) quotasWithin(maker.quotas, dayQuotasOf(old));
      const ends = new Date(Date.now() + rotationOverlapMs);
      if (!old.expires_at || old.expires_at > ends)
        await trx.updateTable('api_keys').set({ expires_at: ends }).where('id', '=', old.id).execute();
      return trx
        .insertInto('api_keys')
        .values({
          id: uuidv7(),
          tenant_id: old.tenant_id,
          created_by: maker.personId,
          name: old.name,
          prefix: secret.slice(0, prefixCharacters),
          secret_sha256: hashSecret(secret),
          scopes: old.scopes,
          ...dayQuotasOf(old),
          expires_at: earlier(old.expires_at, maker.keyId === old.id ? null : maker.endsAt),
        })
        .returningAll()
        .executeTakeFirstOrThrow();
    });
    return { ...toApiKey(row), secret };
  });

  serve(app, routes.revokeKey, async ({ identity, params }) => {
    const row = await db
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())` })
      .where('id', '=', params.key)
      .where('tenant_id', '=', identity.tenantId)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw notFound('key', params.key);
    return toApiKey(row);
  });
}

export function toApiKey(row: Selectable<ApiKeys>): ApiKey {
  return {
    id: row.id,
    object: 'api_key',
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes as Scope[],
    quotas: dayQuotasOf(row),
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}

/** Who answers for a new key: the person who asks, or the one who made the asking key, and until when that works. */
async function makerOf(
  db: Pick<Database, 'selectFrom'>,
  { personId, keyId }: Identity,
): Promise<{ personId: string | null; keyId: string | null; endsAt: Date | null; quotas: DayQuotas | null }> {
  if (!keyId) return { personId, keyId, endsAt: null, quotas: null };
  const key = await db
    .selectFrom('api_keys')
    .select(['created_by', 'expires_at', ...dayQuotas])
    .where('id', '=', keyId)
    .executeTakeFirstOrThrow();
  return { personId: key.created_by, keyId, endsAt: key.expires_at, quotas: dayQuotasOf(key) };
}

/** A key makes none with more than its own quotas (null: a person asks); what is not said is its own. */
function quotasWithin(most: DayQuotas | null, wanted: Partial<DayQuotas>): Partial<DayQuotas> {
  if (!most) return wanted;
  for (const quota of dayQuotas) {
    const [max, given] = [most[quota], wanted[quota]];
    if (max !== null && given !== undefined && (given === null || given > max))
      throw new ProblemError(
        'forbidden',
        `${quota} is ${given ?? 'without end'}, allowed is the asking key's own, ${max}; a person can give more.`,
      );
  }
  return { ...most, ...wanted };
}

/** A key makes none that works longer than itself. Null: without end. A Date: PostgreSQL knows fewer offsets than RFC 3339. */
const earlier = (wanted: Date | string | null, most: Date | null) =>
  most !== null && (wanted === null || new Date(wanted) > most) ? most : wanted && new Date(wanted);

/** A key makes no key that may do more than itself. */
function assertMayGive(identity: Identity, scopes: readonly Scope[]): void {
  const more = scopes.filter((scope) => identity.scopes && !identity.scopes.includes(scope));
  if (more.length > 0)
    throw new ProblemError(
      'forbidden',
      `The asking key does not have ${more.join(', ')} itself; a person can give it.`,
    );
}
