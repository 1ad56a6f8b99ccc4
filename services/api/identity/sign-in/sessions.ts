/** Sessions that this tier opens itself, and where they may act. */
import { stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import { type Kysely, sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { newSecret, sessionCookieName, signedToken } from '../../../shared/auth/auth.ts';
import { ProblemError } from '../../../shared/http/problem.ts';
import type { Tables } from '../../../shared/postgres/tables.ts';
import type { ApiSettings } from '../../settings.ts';

type Db = Kysely<Tables> | Transaction<Tables>;

/** A working month: shorter makes people pick weak passwords, longer keeps lost laptops signed in. */
export const sessionLifetimeS = 30 * 24 * 3600;

/**
 * Tenants that a session or password may act in. Null: wherever the person is a member, since it came with a proof of
 * their address. A link that an inviter saw proves nothing, so what came with it acts in that tenant alone.
 */
export type Confinement = readonly string[] | null;

export interface NewSession {
  readonly personId: string;
  /** Where it begins. @default the oldest membership */
  readonly tenantId?: string | undefined;
  readonly confinedTo: Confinement;
}

/** @returns the `set-cookie` header. @throws ProblemError `forbidden` for a person without a tenant */
export async function openSession(
  db: Db,
  { personId, confinedTo, ...given }: NewSession,
  { request, settings }: { request: FastifyRequest; settings: ApiSettings },
): Promise<string> {
  const tenantId = given.tenantId ?? (await tenantFor(db, personId, confinedTo));
  if (!tenantId) throw new ProblemError('forbidden', noTenant);
  const token = newSecret('');
  await db
    .insertInto('sessions')
    .values({
      id: uuidv7(),
      token,
      person_id: personId,
      tenant_id: tenantId,
      confined_to: confinedTo && [...confinedTo],
      expires_at: new Date(Date.now() + sessionLifetimeS * 1000),
      ip_address: request.ip,
      user_agent: request.headers['user-agent'] ?? null,
    })
    .execute();
  return stringifySetCookie({
    name: sessionCookieName(settings.PUBLIC_URL),
    value: signedToken(settings.AUTH_SECRET, token),
    maxAge: sessionLifetimeS,
    path: '/',
    httpOnly: true,
    secure: settings.PUBLIC_URL.startsWith('https:'),
    sameSite: 'lax',
  });
}

export const noTenant = 'You belong to no tenant. Ask an admin to add you.';

/** The tenant a new session works in: the oldest membership, suspended tenants last. */
export async function tenantFor(db: Db, personId: string, confinedTo: Confinement): Promise<string | undefined> {
  const member = await db
    .selectFrom('members as m')
    .innerJoin('tenants as t', 't.id', 'm.tenant_id')
    .select('m.tenant_id')
    .where('m.person_id', '=', personId)
    .where('m.accepted_at', 'is not', null)
    .$if(confinedTo !== null, (some) => some.where('m.tenant_id', 'in', [...(confinedTo as string[]), nowhere]))
    .orderBy(sql`t.suspended_at is not null`)
    .orderBy('m.created_at')
    .executeTakeFirst();
  return member?.tenant_id;
}

/** `in ()` is no SQL. */
const nowhere = '00000000-0000-0000-0000-000000000000';
