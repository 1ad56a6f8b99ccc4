/**
 * A tenant with one person and one empty brain that lives while a service warms up: with it a service can take the whole
 * way of a request, credentials, quotas and writes included, and leaves nothing behind.
 */
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { newSecret, sessionCookie } from '../auth/auth.ts';
import { configuredEmbedding, type EmbeddingSettings } from '../models/embedding.ts';
import type { Database } from '../postgres/database.ts';

export interface SyntheticTenant {
  readonly tenantId: string;
  /** The same id. */
  readonly personId: string;
  readonly brainId: string;
  /** Of a session, and of where it is used. */
  readonly headers: { readonly cookie: string; readonly origin: string };
}

export type SyntheticTenantSettings = Pick<EmbeddingSettings, 'EMBEDDING_MODEL' | 'EMBEDDING_DIMENSIONS'> & {
  readonly AUTH_SECRET: string;
  readonly PUBLIC_URL: string;
};

/** `tenants.metadata` of synthetic tenants, as the release before writes it too; lists leave them out. */
export const syntheticTenantMark = 'guest';
/** Answered by the extractive answerer: a synthetic tenant costs nothing. */
const unpaid = 'extractive';
/** A replica that was killed leaves its synthetic tenant behind; the next to start, this much later, removes it. */
const lifetimeMs = 60_000;

export async function withSyntheticTenant(
  db: Database,
  settings: SyntheticTenantSettings,
  run: (syntheticTenant: SyntheticTenant) => Promise<unknown>,
  model = unpaid,
): Promise<void> {
  const { syntheticTenant, token } = newSyntheticTenant(settings);
  await remove(db, null);
  try {
    await create(db, settings, syntheticTenant, token, model);
    await run(syntheticTenant);
  } finally {
    await remove(db, syntheticTenant.tenantId);
  }
}

function newSyntheticTenant({ AUTH_SECRET, PUBLIC_URL }: SyntheticTenantSettings): {
  syntheticTenant: SyntheticTenant;
  token: string;
} {
  const token = newSecret('');
  const headers = { cookie: sessionCookie(PUBLIC_URL, AUTH_SECRET, token), origin: new URL(PUBLIC_URL).origin };
  const id = uuidv7();
  return { syntheticTenant: { tenantId: id, personId: id, brainId: uuidv7(), headers }, token };
}

const lifetime = sql`make_interval(secs => ${lifetimeMs / 1000})`;

/** By the one id of tenant and person; with null those that a replica left which was killed. */
async function remove(db: Database, id: string | null): Promise<void> {
  await sql`select delete_synthetic_tenants(${id}::uuid, ${lifetime})`.execute(db);
}

/** A function of the database (020_synthetic_tenants.sql): no tier but the api may make people and sessions. */
async function create(
  db: Database,
  settings: SyntheticTenantSettings,
  { tenantId, brainId }: SyntheticTenant,
  token: string,
  model: string,
): Promise<void> {
  const { model: embeddingModel, dimensions } = configuredEmbedding(settings);
  await sql`select create_synthetic_tenant(${tenantId}::uuid, ${brainId}::uuid, ${token}, ${lifetime}, ${model},
    ${embeddingModel}, ${dimensions}::integer)`.execute(db);
}
