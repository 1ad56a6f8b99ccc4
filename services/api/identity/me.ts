/** Who is asking; sign-in by link and password, and the tenant a session works in. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sql, type Transaction } from 'kysely';
import { allowedOrigins, assertOrigin, sessionCookieName, sessionToken } from '../../shared/auth/auth.ts';
import type { Identity } from '../../shared/auth/identity.ts';
import { questionCharactersMax } from '../../shared/contract/chat.ts';
import type { Me, Role } from '../../shared/contract/people.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { offeredParsers } from '../../shared/parsers.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import { OutcomeUnknownError } from '../../shared/postgres/transactions.ts';
import { webhookRules } from '../../shared/webhooks/addresses.ts';
import { type Api, personOf } from '../context.ts';
import { toApiKey } from './keys.ts';
import { inspectLink, redeemLink } from './sign-in/links.ts';
import { type Confinement, type NewSession, openSession } from './sign-in/sessions.ts';

export function serveMe(api: Api): void {
  const { app, db, limits, passwords, settings } = api;
  const origins = allowedOrigins(settings.PUBLIC_URL);
  const attempt = async (request: FastifyRequest) => {
    // Also without a cookie: another site must not sign a person in as somebody else.
    if (request.headers.origin || request.headers.cookie) assertOrigin(request, origins);
    await limits.attempt(request);
  };

  serve(app, routes.signInMethods, async () => ({ password: true, oidc: settings.OIDC_ISSUER !== '' }));

  serve(app, routes.me, async ({ identity, request }) =>
    whoIs(api, identity, (await sessionOf(api, request))?.confinedTo ?? null),
  );

  serve(app, routes.inspectLink, async ({ body, request }) => {
    await attempt(request);
    return inspectLink(db, body.token);
  });

  serve(app, routes.redeemLink, async ({ body, request, reply }) => {
    await attempt(request);
    return whoIsNow(api, await signIn(api, request, reply, (trx) => redeemLink(trx, body.token)));
  });

  serve(app, routes.signInByPassword, async ({ body, request, reply }) => {
    await attempt(request);
    const email = body.email.toLowerCase();
    const opened = await limits.password(email, async () => {
      const accounts = await db
        .selectFrom('accounts as a')
        .innerJoin('people as p', 'p.id', 'a.person_id')
        .select(['a.person_id', 'a.password', 'a.confined_to'])
        .where('p.email', '=', email)
        .where('a.provider_id', '=', 'credential')
        .where('a.password', 'is not', null)
        .execute();
      return passwords.opened(accounts, body.password);
    });
    const [first] = opened;
    if (!first) throw new ProblemError('unauthorized', 'Invalid email or password');
    const proven = opened.some(({ confined_to }) => confined_to === null);
    const session = {
      personId: first.person_id,
      confinedTo: proven ? null : opened.flatMap(({ confined_to }) => confined_to ?? []),
    };
    return whoIsNow(api, await signIn(api, request, reply, async () => session));
  });

  serve(app, routes.switchTenant, async ({ identity, body, request }) => {
    const personId = personOf(identity);
    const session = await sessionOf(api, request);
    const member = (await membershipsOf(api, personId, session?.confinedTo ?? null)).find(
      ({ id }) => id === body.tenant_id,
    );
    if (!member) throw new ProblemError('not-found', `There is no tenant ${body.tenant_id}.`);
    if (member.suspended_at) throw new ProblemError('forbidden', `The tenant '${member.name}' is suspended.`);
    await db
      .updateTable('sessions')
      .set({ tenant_id: body.tenant_id })
      .where('token', '=', session?.token ?? '')
      .execute();
    return whoIs(
      api,
      { ...identity, tenantId: body.tenant_id, role: member.role as Role },
      session?.confinedTo ?? null,
    );
  });
}

/** One transaction proves who comes and opens the session: what was used up for it is never used in vain. */
async function signIn(
  { db, settings }: Api,
  request: FastifyRequest,
  reply: FastifyReply,
  prove: (trx: Transaction<Tables>) => Promise<NewSession>,
): Promise<NewSession> {
  let cookie: string | undefined;
  try {
    return await db.transaction().execute(async (trx) => {
      const session = await prove(trx);
      cookie = await openSession(trx, session, { request, settings });
      return session;
    });
  } catch (error) {
    // A session that may stand is handed over: the proof may be used up.
    if (!(error instanceof OutcomeUnknownError)) cookie = undefined;
    throw error;
  } finally {
    if (cookie) reply.header('set-cookie', cookie);
  }
}

/** The session that a request comes with; null for keys. */
export async function sessionOf(
  { db, settings }: Pick<Api, 'db' | 'settings'>,
  request: FastifyRequest,
): Promise<{ token: string; confinedTo: Confinement } | null> {
  const token = sessionToken(request, sessionCookieName(settings.PUBLIC_URL), settings.AUTH_SECRET);
  if (!token) return null;
  const session = await db.selectFrom('sessions').select('confined_to').where('token', '=', token).executeTakeFirst();
  // Ended since the request was let in: it acts nowhere.
  return { token, confinedTo: session ? session.confined_to : [] };
}

const membershipsOf = ({ db }: Pick<Api, 'db'>, personId: string | null, confinedTo: Confinement) =>
  db
    .selectFrom('members as m')
    .innerJoin('tenants as t', 't.id', 'm.tenant_id')
    .select(['t.id', 't.name', 't.suspended_at', 'm.role'])
    .where('m.person_id', '=', personId)
    .where('m.accepted_at', 'is not', null)
    .$if(confinedTo !== null, (some) => some.where(sql<boolean>`m.tenant_id = any(${confinedTo}::uuid[])`))
    .orderBy('t.name')
    .execute();

export async function whoIs({ db, settings }: Api, identity: Identity, confinedTo: Confinement): Promise<Me> {
  const { personId, keyId, tenantId, role, operator } = identity;
  const [tenant, person, key, tenants] = await Promise.all([
    db.selectFrom('tenants').select(['id', 'name']).where('id', '=', tenantId).executeTakeFirstOrThrow(),
    personId &&
      db
        .selectFrom('people as p')
        .leftJoin('members as m', (join) => join.onRef('m.person_id', '=', 'p.id').on('m.tenant_id', '=', tenantId))
        .select((of) => [
          'p.id',
          sql<string>`coalesce(m.name, p.name)`.as('name'),
          'p.email',
          of
            .exists(of.selectFrom('accounts as a').select('a.id').where(passwordsOf(personId, confinedTo)))
            .as('has_password'),
        ])
        .where('p.id', '=', personId)
        .executeTakeFirstOrThrow(),
    keyId && db.selectFrom('api_keys').selectAll().where('id', '=', keyId).executeTakeFirstOrThrow(),
    membershipsOf({ db }, personId, confinedTo),
  ]);
  return {
    person: person ? { ...person, has_password: Boolean(person.has_password) } : null,
    key: key ? toApiKey(key) : null,
    tenant,
    role,
    operator,
    tenants: tenants.map(({ id, name, role }) => ({ id, name, role: role as Role })),
    parsers: offeredParsers(settings),
    embedding_model: settings.EMBEDDING_URL ? settings.EMBEDDING_MODEL : null,
    limits: {
      upload_bytes_max: settings.UPLOAD_BYTES_MAX,
      pages_max: settings.PAGES_MAX,
      question_characters_max: questionCharactersMax,
    },
    sign_in: { password: true, oidc: settings.OIDC_ISSUER !== '' },
    webhooks: webhookRules(settings) !== null,
  };
}

/** Accounts `a` whose password belongs to sessions of this confinement. */
export const passwordsOf = (personId: string, confinedTo: Confinement) =>
  sql<boolean>`a.person_id = ${personId} and a.provider_id = 'credential' and a.password is not null and ${
    confinedTo === null ? sql`a.confined_to is null` : sql`a.confined_to && ${[...confinedTo]}::uuid[]`
  }`;

/** The person of a session that was just made. */
async function whoIsNow(api: Api, { personId, tenantId, confinedTo }: NewSession): Promise<Me> {
  const memberships = await api.db
    .selectFrom('sessions as s')
    .innerJoin('people as p', 'p.id', 's.person_id')
    .innerJoin('members as m', (join) =>
      join.onRef('m.person_id', '=', 's.person_id').onRef('m.tenant_id', '=', 's.tenant_id'),
    )
    .select(['p.operator', 'm.role', 'm.tenant_id'])
    .where('s.person_id', '=', personId)
    .$if(tenantId !== undefined, (one) => one.where('s.tenant_id', '=', tenantId as string))
    .orderBy('s.id', 'desc')
    .executeTakeFirstOrThrow();
  return whoIs(
    api,
    {
      tenantId: memberships.tenant_id,
      personId,
      keyId: null,
      role: memberships.role as Role,
      scopes: null,
      operator: memberships.operator && confinedTo === null,
    },
    confinedTo,
  );
}
