/**
 * A tenant with one person and one empty brain that lives while a service warms up: with it a service can take the whole
 * way of a request, credentials, quotas and writes included, and leaves nothing behind.
 */
import { uuidv7 } from 'uuidv7';
import { newSecret, sessionCookie } from './auth.ts';
import type { Database } from './database.ts';
import { configuredEmbedding, type EmbeddingSettings } from './embedding.ts';

export interface Guest {
  readonly tenantId: string;
  /** The same id. */
  readonly personId: string;
  readonly brainId: string;
  /** Of a session, and of where it is used. */
  readonly headers: { readonly cookie: string; readonly origin: string };
}

export type GuestSettings = Pick<EmbeddingSettings, 'EMBEDDING_MODEL' | 'EMBEDDING_DIMENSIONS'> & {
  readonly AUTH_SECRET: string;
  readonly PUBLIC_URL: string;
};

/** `tenants.metadata` of guests; lists leave them out. */
export const guestMark = 'guest';
/** Answered by the extractive answerer: a guest costs nothing. */
const model = 'extractive';
/** A replica that was killed leaves its guest behind; whoever comes next, this much later, lets it go. */
const lifetimeMs = 60_000;

export async function withGuest(
  db: Database,
  settings: GuestSettings,
  walk: (guest: Guest) => Promise<unknown>,
): Promise<void> {
  const { guest, token } = newGuest(settings);
  const killed = await db
    .selectFrom('tenants')
    .select('id')
    .where('metadata', '=', guestMark)
    .where('created_at', '<', new Date(Date.now() - lifetimeMs))
    .execute();
  for (const { id } of killed) await leave(db, id);
  try {
    await enter(db, settings, guest, token);
    await walk(guest);
  } finally {
    await leave(db, guest.tenantId);
  }
}

function newGuest({ AUTH_SECRET, PUBLIC_URL }: GuestSettings): { guest: Guest; token: string } {
  const token = newSecret('');
  const headers = { cookie: sessionCookie(PUBLIC_URL, AUTH_SECRET, token), origin: new URL(PUBLIC_URL).origin };
  const id = uuidv7();
  return { guest: { tenantId: id, personId: id, brainId: uuidv7(), headers }, token };
}

/** By the one id of tenant and person, not by who is a member: nobody else can be meant. All that is theirs goes along. */
async function leave(db: Database, id: string): Promise<void> {
  await db.deleteFrom('people').where('id', '=', id).execute();
  await db.deleteFrom('tenants').where('id', '=', id).execute();
}

async function enter(db: Database, settings: GuestSettings, guest: Guest, token: string): Promise<void> {
  const { tenantId, personId, brainId } = guest;
  const embedding = configuredEmbedding(settings);
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('tenants')
      .values({ id: tenantId, name: 'Guest', slug: tenantId, metadata: guestMark })
      .execute();
    // `.invalid` can never be anybody's (RFC 2606).
    const email = `${personId}@guest.invalid`;
    await trx.insertInto('people').values({ id: personId, name: 'Guest', email }).execute();
    await trx
      .insertInto('members')
      .values({ id: uuidv7(), tenant_id: tenantId, person_id: personId, role: 'member', accepted_at: new Date() })
      .execute();
    await trx
      .insertInto('sessions')
      .values({
        id: uuidv7(),
        token,
        person_id: personId,
        tenant_id: tenantId,
        confined_to: null,
        expires_at: new Date(Date.now() + lifetimeMs),
      })
      .execute();
    await trx
      .insertInto('brains')
      .values({
        id: brainId,
        tenant_id: tenantId,
        name: 'Guest',
        model,
        embedding_model: embedding.model,
        embedding_dimensions: embedding.dimensions,
      })
      .execute();
  });
}
