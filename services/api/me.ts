/** Who is asking; sign-in by link, passwords, and the tenant a session works in. */
import { uuidv7 } from 'uuidv7';
import { allowedOrigins, assertOrigin, sessionCookieName, sessionToken } from '../shared/auth.ts';
import { questionCharactersMax } from '../shared/contract/chat.ts';
import type { Me, Role } from '../shared/contract/people.ts';
import { routes } from '../shared/contract/routes.ts';
import { serve } from '../shared/http.ts';
import type { Identity } from '../shared/identity.ts';
import { ProblemError } from '../shared/problem.ts';
import { type Api, personOf } from './context.ts';
import { toApiKey } from './keys.ts';
import { placeholderEmail } from './owner.ts';
import { webHeaders } from './sign-in-routes.ts';

export function serveMe(api: Api): void {
  const { app, db, signIn, limits, settings } = api;
  const methods = { password: true, oidc: settings.OIDC_ISSUER !== '' };
  const origins = allowedOrigins(settings.PUBLIC_URL);

  serve(app, routes.signInMethods, async () => methods);

  serve(app, routes.me, async ({ identity }) => whoIs(api, identity));

  serve(app, routes.redeemLink, async ({ body, request, reply }) => {
    if (request.headers.origin || request.headers.cookie) assertOrigin(request, origins);
    await limits.attempt(request);
    const session = await signIn.redeem(body.token, webHeaders(request));
    if (!session)
      throw new ProblemError(
        'gone',
        'This link was used already, is older than a day, or is not whole. Ask an admin for a new one.',
      );
    reply.header('set-cookie', session.setCookie);
    return whoIs(api, await identityOf(api, session.personId));
  });

  serve(app, routes.setPassword, async ({ identity, body, request }) => {
    const personId = personOf(identity);
    const account = await db
      .selectFrom('accounts')
      .select(['id', 'password'])
      .where('person_id', '=', personId)
      .where('provider_id', '=', 'credential')
      .executeTakeFirst();
    if (account?.password && !(await signIn.verifyPassword(account.password, body.current_password ?? '')))
      throw new ProblemError('forbidden', 'current_password is not your password.');
    const email = body.email?.toLowerCase();
    if (email !== undefined) await assertMayTakeEmail(api, personId, email);
    const password = await signIn.hashPassword(body.new_password);
    const token = sessionToken(request, sessionCookieName(settings.PUBLIC_URL), settings.AUTH_SECRET) ?? '';
    await db.transaction().execute(async (trx) => {
      await trx
        .updateTable('people')
        .set({ ...(email && { email }), ...(body.name && { name: body.name }), updated_at: new Date() })
        .where('id', '=', personId)
        .execute();
      if (account)
        await trx
          .updateTable('accounts')
          .set({ password, updated_at: new Date() })
          .where('id', '=', account.id)
          .execute();
      else
        await trx
          .insertInto('accounts')
          .values({ id: uuidv7(), account_id: personId, provider_id: 'credential', person_id: personId, password })
          .execute();
      // Whoever else was signed in as this person is not any more.
      await trx.deleteFrom('sessions').where('person_id', '=', personId).where('token', '<>', token).execute();
      await trx.deleteFrom('sign_in_links').where('person_id', '=', personId).execute();
    });
    return whoIs(api, identity);
  });

  serve(app, routes.switchTenant, async ({ identity, body, request }) => {
    const personId = personOf(identity);
    const token = sessionToken(request, sessionCookieName(settings.PUBLIC_URL), settings.AUTH_SECRET) ?? '';
    const member = await db
      .selectFrom('members as m')
      .innerJoin('tenants as t', 't.id', 'm.tenant_id')
      .select(['m.role', 't.name', 't.suspended_at'])
      .where('m.person_id', '=', personId)
      .where('m.tenant_id', '=', body.tenant_id)
      .executeTakeFirst();
    if (!member) throw new ProblemError('not-found', `There is no tenant ${body.tenant_id}.`);
    if (member.suspended_at) throw new ProblemError('forbidden', `The tenant '${member.name}' is suspended.`);
    await db.updateTable('sessions').set({ tenant_id: body.tenant_id }).where('token', '=', token).execute();
    return whoIs(api, { ...identity, tenantId: body.tenant_id, role: member.role as Role });
  });
}

async function whoIs({ db, settings }: Api, identity: Identity): Promise<Me> {
  const { personId, keyId, tenantId, role, operator } = identity;
  const [tenant, person, key, tenants] = await Promise.all([
    db.selectFrom('tenants').select(['id', 'name']).where('id', '=', tenantId).executeTakeFirstOrThrow(),
    personId &&
      db
        .selectFrom('people as p')
        .leftJoin('accounts as a', (join) =>
          join
            .onRef('a.person_id', '=', 'p.id')
            .on('a.provider_id', '=', 'credential')
            .on('a.password', 'is not', null),
        )
        .select(['p.id', 'p.name', 'p.email', 'a.id as account_id'])
        .where('p.id', '=', personId)
        .executeTakeFirstOrThrow(),
    keyId && db.selectFrom('api_keys').selectAll().where('id', '=', keyId).executeTakeFirstOrThrow(),
    db
      .selectFrom('members as m')
      .innerJoin('tenants as t', 't.id', 'm.tenant_id')
      .select(['t.id', 't.name', 'm.role'])
      .where('m.person_id', '=', personId)
      .orderBy('t.name')
      .execute(),
  ]);
  return {
    person: person
      ? { id: person.id, name: person.name, email: person.email, has_password: person.account_id !== null }
      : null,
    key: key ? toApiKey(key) : null,
    tenant,
    role,
    operator,
    tenants: tenants.map((each) => ({ ...each, role: each.role as Role })),
    limits: {
      upload_bytes_max: settings.UPLOAD_BYTES_MAX,
      pages_max: settings.PAGES_MAX,
      question_characters_max: questionCharactersMax,
    },
    sign_in: { password: true, oidc: settings.OIDC_ISSUER !== '' },
  };
}

/** The person of a session that was just made: it works in the tenant that sign-in.ts chose. */
async function identityOf({ db }: Api, personId: string): Promise<Identity> {
  const row = await db
    .selectFrom('sessions as s')
    .innerJoin('people as p', 'p.id', 's.person_id')
    .innerJoin('members as m', (join) =>
      join.onRef('m.person_id', '=', 's.person_id').onRef('m.tenant_id', '=', 's.tenant_id'),
    )
    .select(['p.operator', 'm.role', 'm.tenant_id'])
    .where('s.person_id', '=', personId)
    .orderBy('s.id', 'desc')
    .executeTakeFirstOrThrow();
  return {
    tenantId: row.tenant_id,
    personId,
    keyId: null,
    role: row.role as Role,
    scopes: null,
    operator: row.operator,
  };
}

/**
 * An address decides whom the company sign-in lets in as whom, so people cannot take one for themselves. Only the owner
 * of the installation, made without one at first start, sets their own.
 */
async function assertMayTakeEmail({ db }: Api, personId: string, email: string): Promise<void> {
  const person = await db
    .selectFrom('people')
    .select(['email', 'operator'])
    .where('id', '=', personId)
    .executeTakeFirstOrThrow();
  if (person.email === email) return;
  if (!person.operator && person.email !== placeholderEmail)
    throw new ProblemError(
      'forbidden',
      `Your address is ${person.email}; only an admin can add you under another one.`,
    );
  const taken = await db.selectFrom('people').select('id').where('email', '=', email).executeTakeFirst();
  if (taken) throw new ProblemError('conflict', `The address ${email} is another person's.`);
}
