/**
 * Checks credentials: session cookies and API keys, against PostgreSQL, in one statement each. Sessions are made by the
 * api tier (services/api/identity/sign-in/sessions.ts); every tier with public routes checks them with {@link createAuthenticate}.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { parseCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { sql } from 'kysely';
import { scopes as allScopes, type Role, type Scope } from '../contract/people.ts';
import { ProblemError } from '../http/problem.ts';
import type { Database } from '../postgres/database.ts';
import { createCredentialGuard } from './credential-guard.ts';
import type { Authenticate, Identity } from './identity.ts';
import { createTenantRate } from './tenant-rate.ts';

export interface AuthOptions {
  readonly db: Database;
  /** Setting AUTH_SECRET. */
  readonly authSecret: string;
  /** Setting PUBLIC_URL. */
  readonly publicUrl: string;
  /** Setting TENANT_REQUESTS_PER_SECOND. */
  readonly tenantRequestsPerSecond: number;
  /** Where wrong credentials are counted over all replicas. Absent: in each replica alone. */
  readonly redis?: Redis;
}

/**
 * @throws ProblemError `too-many-requests` for a network with many wrong ones or a tenant that leaves no room for others, `forbidden` for a suspended tenant, `wrong-origin` for a state-changing request of another site
 */
export function createAuthenticate({
  db,
  authSecret,
  publicUrl,
  tenantRequestsPerSecond,
  redis,
}: AuthOptions): Authenticate {
  const cookieName = sessionCookieName(publicUrl);
  const origins = allowedOrigins(publicUrl);
  const guard = createCredentialGuard(redis ?? null, createTenantRate({ perSecond: tenantRequestsPerSecond }));
  return async (request) => {
    const bearer = /^Bearer (bk_\S{20,100})$/.exec(request.headers.authorization ?? '')?.[1];
    if (bearer) return guard.through(request.ip, bearer, () => checkKey(db, bearer));
    const token = sessionToken(request, cookieName, authSecret);
    if (!token) return null;
    assertOrigin(request, origins);
    return guard.through(request.ip, token, () => checkSession(db, token));
  };
}

/** As better-auth makes it: the token and its signature. */
export function sessionCookie(publicUrl: string, authSecret: string, token: string): string {
  return `${sessionCookieName(publicUrl)}=${encodeURIComponent(signedToken(authSecret, token))}`;
}

/** The value of a session cookie. */
export const signedToken = (authSecret: string, token: string) =>
  `${token}.${createHmac('sha256', authSecret).update(token).digest('base64')}`;

/** The session's token from the signed cookie, or null. */
export function sessionToken(request: FastifyRequest, cookieName: string, authSecret: string): string | null {
  const value = parseCookie(request.headers.cookie ?? '')[cookieName];
  const dot = value?.lastIndexOf('.') ?? -1;
  if (!value || dot < 1) return null;
  const given = Buffer.from(value.slice(dot + 1), 'base64');
  const right = createHmac('sha256', authSecret).update(value.slice(0, dot)).digest();
  return given.length === right.length && timingSafeEqual(given, right) ? value.slice(0, dot) : null;
}

/** `__Secure-` wherever people come by https: such a cookie cannot be set by a plain-text page. */
export function sessionCookieName(publicUrl: string): string {
  return `${publicUrl.startsWith('https:') ? '__Secure-' : ''}bulkhead.session_token`;
}

/** The origin of PUBLIC_URL. When that is this machine, its other names with the same port too. */
export function allowedOrigins(publicUrl: string): ReadonlySet<string> {
  const url = new URL(publicUrl);
  const port = url.port && `:${url.port}`;
  const loopback = ['localhost', '127.0.0.1', '[::1]'];
  const names = loopback.includes(url.hostname) ? loopback : [url.hostname];
  return new Set(names.map((name) => `${url.protocol}//${name}${port}`));
}

/**
 * A browser sends cookies along with requests that other sites cause, but always says in `Origin` who caused them.
 *
 * @throws ProblemError `wrong-origin`
 */
export function assertOrigin(request: FastifyRequest, origins: ReadonlySet<string>): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const { origin } = request.headers;
  if (origin && origins.has(origin)) return;
  throw new ProblemError(
    'wrong-origin',
    `The Origin is ${origin ?? 'missing'}; with a session cookie, allowed is ${[...origins].join(' or ')}. Programs use an API key.`,
  );
}

/** 256 random bits. Only {@link hashSecret} of it is stored. */
export const newSecret = (prefix: 'bk_' | '') => `${prefix}${randomBytes(32).toString('base64url')}`;
/** A fast hash suffices: the secrets are random, not chosen by people. */
export const hashSecret = (secret: string) => createHash('sha256').update(secret).digest();

async function checkSession(db: Database, token: string): Promise<Identity | null> {
  // 039_session_of.sql says which tenant. A function, so that chat needs no right to read sessions.
  const { rows } = await sql<{
    person_id: string;
    operator: boolean;
    role: Role;
    tenant_id: string;
    tenant_name: string;
    suspended: boolean;
  }>`
    select person_id, operator, role, tenant_id, tenant_name, suspended from session_of(${token})`.execute(db);
  const row = rows[0];
  if (!row) return null;
  if (row.suspended) throw suspended(row.tenant_name);
  return {
    tenantId: row.tenant_id,
    personId: row.person_id,
    keyId: null,
    role: row.role,
    scopes: null,
    operator: row.operator,
  };
}

/** `last_used_at` is for people to read: a minute is exact enough, and spares a write per request. */
const lastUsedEveryMs = 60_000;

async function checkKey(db: Database, secret: string): Promise<Identity | null> {
  const key = await db
    .selectFrom('api_keys as k')
    .innerJoin('tenants as t', 't.id', 'k.tenant_id')
    // A key is its maker's hand: it ends with their membership, and does no more than their role.
    .innerJoin('members as m', (join) =>
      join.onRef('m.tenant_id', '=', 'k.tenant_id').onRef('m.person_id', '=', 'k.created_by'),
    )
    .select(['k.id', 'k.tenant_id', 'k.scopes', 'k.last_used_at', 't.name', 't.suspended_at', 'm.role'])
    .where('k.secret_sha256', '=', hashSecret(secret))
    .where('k.revoked_at', 'is', null)
    .where('m.accepted_at', 'is not', null)
    .where((where) => where.or([where('k.expires_at', 'is', null), where('k.expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  if (!key) return null;
  if (key.suspended_at) throw suspended(key.name);
  if (Date.now() - (key.last_used_at?.getTime() ?? 0) > lastUsedEveryMs)
    await db.updateTable('api_keys').set({ last_used_at: new Date() }).where('id', '=', key.id).execute();
  const allowed = scopesOf(key.role as Role);
  const scopes = (key.scopes as Scope[]).filter((scope) => allowed.includes(scope));
  // An owner's key administers as its maker does: some things only owners do.
  const role = scopes.includes('admin') ? (key.role as Role) : scopes.includes('documents:write') ? 'member' : 'viewer';
  return { tenantId: key.tenant_id, personId: null, keyId: key.id, role, scopes, operator: false };
}

/** What a person of this role may do, in the words for keys. */
export function scopesOf(role: Role): readonly Scope[] {
  if (role === 'viewer') return ['documents:read'];
  return role === 'member' ? ['documents:read', 'documents:write', 'chat'] : allScopes;
}

/** A key makes nobody who may do more than itself. @throws ProblemError `forbidden` */
export function assertMayGiveRole({ scopes }: Identity, role: Role): void {
  // Also a viewer reads conversations.
  const wanted = new Set<Scope>([...scopesOf(role), 'chat']);
  const more = [...wanted].filter((scope) => scopes && !scopes.includes(scope));
  if (more.length > 0)
    throw new ProblemError(
      'forbidden',
      `The role ${role} includes ${more.join(', ')}, which the asking key does not have; a person can give it.`,
    );
}

const suspended = (name: string) =>
  new ProblemError('forbidden', `The tenant '${name}' is suspended. Ask the owner of this installation to resume it.`);
