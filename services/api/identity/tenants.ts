/** Tenants of this installation: made, suspended and limited by its owner; seen by their own people. */
import { type Selectable, sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Quotas, Tenant } from '../../shared/contract/people.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { usedOf } from '../../shared/ledger/quota.ts';
import { dayQuotasOf } from '../../shared/ledger/quota-use.ts';
import { requireAllowedModel } from '../../shared/models/allowed-models.ts';
import { modelNames } from '../../shared/models/configured-models.ts';
import { offeredParsers } from '../../shared/parsers.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tenants } from '../../shared/postgres/tables.ts';
import { syntheticTenantMark } from '../../shared/warm-up/synthetic-tenant.ts';
import { type Api, personOf } from '../context.ts';

export function serveTenants({ app, db, settings }: Api): void {
  const listed = modelNames(settings);
  const checkModels = (names: readonly string[] | null | undefined) => {
    for (const name of names ?? [])
      requireAllowedModel(
        listed,
        name,
        'bad-request',
        'More are added with MODELS or MODELS_ALLOWED (docs/operating.md).',
      );
  };

  const offered = offeredParsers(settings);
  const checkParser = (parser: Tenant['parser'] | undefined) => {
    if (!parser || offered.includes(parser)) return;
    const names = offered.map((one) => `'${one}'`).join(' and ');
    throw new ProblemError(
      'bad-request',
      `The parser is '${parser}', this installation has ${names}. Another is set with PARSER_BACKEND (docs/parsers.md).`,
    );
  };

  serve(app, routes.createTenant, async ({ identity, body }) => {
    const { name, quotas, models_allowed, confirm_pages_above, confirm_usd_above, parser } = body;
    checkModels(models_allowed);
    checkParser(parser);
    const id = uuidv7();
    const row = await db.transaction().execute(async (trx) => {
      const made = await trx
        .insertInto('tenants')
        .values({ id, name, slug: id, ...set(quotas), models_allowed, confirm_pages_above, confirm_usd_above, parser })
        .returningAll()
        .executeTakeFirstOrThrow();
      // Somebody must be able to add the first people.
      await trx
        .insertInto('members')
        .values({ id: uuidv7(), tenant_id: id, person_id: personOf(identity), role: 'owner', accepted_at: new Date() })
        .execute();
      return made;
    });
    return toTenant(db, row);
  });

  serve(app, routes.listTenants, async ({ query }) => {
    const rows = db.selectFrom('tenants').selectAll().where('metadata', 'is distinct from', syntheticTenantMark);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: await Promise.all(page.map((row) => toTenant(db, row))), next_cursor };
  });

  serve(app, routes.patchTenant, async ({ identity, params, body }) => {
    const { name, suspended, quotas, models_allowed, confirm_pages_above, confirm_usd_above, parser } = body;
    checkModels(models_allowed);
    checkParser(parser);
    if (suspended && params.tenant === identity.tenantId)
      throw new ProblemError(
        'conflict',
        'You work in this tenant and would lock yourself out; switch to another first.',
      );
    const changes = {
      ...(name !== undefined && { name }),
      ...(suspended !== undefined && {
        suspended_at: suspended ? sql<Date>`coalesce(suspended_at, now())` : null,
      }),
      ...set(quotas),
      ...(models_allowed !== undefined && { models_allowed }),
      ...(confirm_pages_above !== undefined && { confirm_pages_above }),
      ...(confirm_usd_above !== undefined && { confirm_usd_above }),
      ...(parser !== undefined && { parser }),
    };
    const row =
      Object.keys(changes).length > 0
        ? await db.updateTable('tenants').set(changes).where('id', '=', params.tenant).returningAll().executeTakeFirst()
        : await db.selectFrom('tenants').selectAll().where('id', '=', params.tenant).executeTakeFirst();
    if (!row) throw notFound('tenant', params.tenant);
    return toTenant(db, row);
  });

  serve(app, routes.getTenant, async ({ identity }) =>
    toTenant(
      db,
      await db.selectFrom('tenants').selectAll().where('id', '=', identity.tenantId).executeTakeFirstOrThrow(),
    ),
  );
}

/** Only what was given; null takes a limit away. */
function set(quotas: Partial<Quotas> = {}): Partial<Quotas> {
  return Object.fromEntries(Object.entries(quotas).filter(([, value]) => value !== undefined));
}

async function toTenant(db: Database, row: Selectable<Tenants>): Promise<Tenant> {
  const [documents, bytes, pages_today, questions_today, tokens_today, usd_today] = await Promise.all([
    usedOf(db, row.id, 'documents_max'),
    usedOf(db, row.id, 'bytes_max'),
    usedOf(db, row.id, 'pages_per_day_max'),
    usedOf(db, row.id, 'questions_per_day_max'),
    usedOf(db, row.id, 'tokens_per_day_max'),
    usedOf(db, row.id, 'usd_per_day_max'),
  ]);
  const { documents_max, bytes_max } = row;
  return {
    id: row.id,
    object: 'tenant',
    name: row.name,
    suspended_at: row.suspended_at?.toISOString() ?? null,
    quotas: { documents_max, bytes_max, ...dayQuotasOf(row) },
    models_allowed: row.models_allowed,
    confirm_pages_above: row.confirm_pages_above,
    confirm_usd_above: row.confirm_usd_above,
    parser: row.parser as Tenant['parser'],
    usage: { documents, bytes, pages_today, questions_today, tokens_today, usd_today },
    created_at: row.created_at.toISOString(),
  };
}
