/**
 * Sign-in by better-auth on our tables: passwords, the company's OIDC, and one-time links. Nobody signs up: people are
 * added by admins, and OIDC lets in those whose address is a member's.
 */

import type { BetterAuthPlugin } from 'better-auth';
import { betterAuth } from 'better-auth';
import { APIError, createAuthEndpoint } from 'better-auth/api';
import { setSessionCookie } from 'better-auth/cookies';
import { genericOAuth } from 'better-auth/plugins';
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { allowedOrigins, hashSecret } from '../shared/auth.ts';
import type { Database } from '../shared/database.ts';
import type { Logger } from '../shared/log.ts';
import type { ApiSettings } from './context.ts';

/** The provider's id in better-auth: `POST /v1/auth/sign-in/social { provider: 'company', callbackURL }`. */
export const oidcProvider = 'company';
export const passwordCharactersMin = 10;
export const passwordCharactersMax = 200;
/** A working month: shorter makes people pick weak passwords, longer keeps lost laptops signed in. */
const sessionLifetimeS = 30 * 24 * 3600;

export interface SignIn {
  /** Answers a request under /v1/auth/. */
  handle(request: Request): Promise<Response>;
  /** Uses up a one-time link. Null: unknown, used, or expired. */
  redeem(token: string, headers: Headers): Promise<{ personId: string; setCookie: string[] } | null>;
  hashPassword(password: string): Promise<string>;
  verifyPassword(hash: string, password: string): Promise<boolean>;
  /** Resolves when the first request would be as fast as the tenth. */
  ready(): Promise<void>;
}

export function createSignIn(db: Database, settings: ApiSettings, log: Logger): SignIn {
  const publicUrl = settings.PUBLIC_URL;
  const auth = betterAuth({
    appName: 'Bulkhead',
    baseURL: new URL(publicUrl).origin,
    basePath: '/v1/auth',
    secret: settings.AUTH_SECRET,
    trustedOrigins: [...allowedOrigins(publicUrl)],
    database: { db, type: 'postgres', transaction: true },
    advanced: {
      // Migrations are ours; /readyz compares the schema.
      database: { generateId: () => uuidv7(), validateSchema: false },
      cookiePrefix: 'bulkhead',
      useSecureCookies: publicUrl.startsWith('https:'),
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', path: '/' },
    },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: passwordCharactersMin,
      maxPasswordLength: passwordCharactersMax,
    },
    // Limited in sign-in-routes.ts, before a password is hashed.
    rateLimit: { enabled: false },
    user: {
      modelName: 'people',
      fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' },
      validateUserInfo: ({ source }) => {
        if (source.oauth?.profile?.email_verified === false)
          return {
            error: 'email_not_verified',
            errorDescription: 'The company sign-in has not verified this address.',
          };
      },
    },
    session: {
      modelName: 'sessions',
      expiresIn: sessionLifetimeS,
      disableSessionRefresh: true,
      fields: {
        userId: 'person_id',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
      additionalFields: { tenantId: { type: 'string', fieldName: 'tenant_id', required: false, input: false } },
    },
    account: {
      modelName: 'accounts',
      // Tokens of the company's provider are of no use here.
      updateAccountOnSignIn: false,
      accountLinking: {
        enabled: true,
        // The company's own provider is the authority over its addresses; admins typed the ones on our side.
        trustedProviders: [oidcProvider],
        requireLocalEmailVerified: false,
      },
      fields: {
        accountId: 'account_id',
        providerId: 'provider_id',
        userId: 'person_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
    },
    verification: {
      modelName: 'verifications',
      fields: { expiresAt: 'expires_at', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session) => ({ data: { ...session, tenantId: await tenantFor(db, session.userId) } }),
        },
      },
      account: {
        create: {
          before: async (account) => ({ data: { ...account, accessToken: null, refreshToken: null, idToken: null } }),
        },
      },
    },
    onAPIError: { errorURL: new URL('/', publicUrl).href },
    plugins: [links(db), ...oidc(settings)],
    logger: {
      level: 'warn',
      log: (level, message) => log[level === 'error' ? 'warn' : level]({ from: 'sign-in' }, message),
    },
  });
  const context = auth.$context;
  // A request would report it; until then it is not an unhandled rejection.
  context.catch(() => {});

  return {
    handle: (request) => auth.handler(request),
    redeem: async (token, headers) => {
      const answer = await auth.api.redeemLink({ body: { token }, headers, returnHeaders: true });
      if (!answer.response) return null;
      return { personId: answer.response.personId, setCookie: answer.headers.getSetCookie() };
    },
    hashPassword: async (password) => (await context).password.hash(password),
    verifyPassword: async (hash, password) => (await context).password.verify({ hash, password }),
    ready: async () => void (await context),
  };
}

/** One-time links as an endpoint that only this process can call: it makes the session as every other sign-in does. */
function links(db: Database) {
  return {
    id: 'links',
    endpoints: {
      redeemLink: createAuthEndpoint.serverOnly(
        { method: 'POST', body: z.object({ token: z.string() }) },
        async (ctx): Promise<{ personId: string } | null> => {
          // Deleted as it is read: of two that come at once, one gets in. A transaction, so that its outcome is known.
          const link = await db
            .transaction()
            .execute((trx) =>
              trx
                .deleteFrom('sign_in_links')
                .where('token_sha256', '=', hashSecret(ctx.body.token))
                .where('expires_at', '>', sql<Date>`now()`)
                .returning('person_id')
                .executeTakeFirst(),
            );
          const user = link && (await ctx.context.internalAdapter.findUserById(link.person_id));
          if (!user) return null;
          const session = await ctx.context.internalAdapter.createSession(user.id);
          await setSessionCookie(ctx, { session, user });
          return { personId: user.id };
        },
      ),
    },
  } satisfies BetterAuthPlugin;
}

function oidc(settings: ApiSettings): BetterAuthPlugin[] {
  if (!settings.OIDC_ISSUER) return [];
  return [
    genericOAuth({
      config: [
        {
          providerId: oidcProvider,
          discoveryUrl: `${settings.OIDC_ISSUER.replace(/\/$/, '')}/.well-known/openid-configuration`,
          requireIdTokenVerification: true,
          clientId: settings.OIDC_CLIENT_ID,
          clientSecret: settings.OIDC_CLIENT_SECRET,
          scopes: ['openid', 'email', 'profile'],
          pkce: true,
          disableSignUp: true,
        },
      ],
    }),
  ];
}

/** The tenant a new session works in: the oldest membership, suspended tenants last. */
async function tenantFor(db: Database, personId: string): Promise<string> {
  const member = await db
    .selectFrom('members as m')
    .innerJoin('tenants as t', 't.id', 'm.tenant_id')
    .select('m.tenant_id')
    .where('m.person_id', '=', personId)
    .orderBy(sql`t.suspended_at is not null`)
    .orderBy('m.created_at')
    .executeTakeFirst();
  if (!member)
    throw new APIError('FORBIDDEN', {
      code: 'NO_TENANT',
      message: 'You belong to no tenant. Ask an admin to add you.',
    });
  return member.tenant_id;
}
