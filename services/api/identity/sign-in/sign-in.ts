/**
 * The company's sign-in (OIDC) by better-auth on our tables. Nobody signs up: people are added by admins, and OIDC lets
 * in those whose address is a member's. Passwords and links are in me.ts.
 */

import type { BetterAuthPlugin } from 'better-auth';
import { betterAuth } from 'better-auth';
import { APIError } from 'better-auth/api';
import { genericOAuth } from 'better-auth/plugins';
import { uuidv7 } from 'uuidv7';
import { allowedOrigins } from '../../../shared/auth/auth.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Database } from '../../../shared/postgres/database.ts';
import type { ApiSettings } from '../../settings.ts';
import { accept, proveAddress } from './proof.ts';
import { noTenant, sessionLifetimeS, tenantFor } from './sessions.ts';

/** The provider's id in better-auth: `POST /v1/auth/sign-in/social { provider: 'company', callbackURL }`. */
export const oidcProvider = 'company';

export interface SignIn {
  /** Answers a request under /v1/auth/. */
  handle(request: Request): Promise<Response>;
  /** Resolves when the first request would be as fast as the tenth. */
  ready(): Promise<void>;
}

export function createSignIn(db: Database, settings: ApiSettings, log: Logger): SignIn {
  const publicUrl = settings.PUBLIC_URL;
  // Bound to the issuer: another one must be asked for anew.
  const believed = settings.OIDC_ISSUER !== '' && settings.OIDC_UNVERIFIED_EMAIL_ISSUER === settings.OIDC_ISSUER;
  /** The company says that this person came: what waits for them is accepted, what others hold in their name ends. */
  const proven = ({ id, email }: { id?: string; email?: string }) =>
    db.transaction().execute(async (trx) => {
      const person = await trx
        .selectFrom('people')
        .select('id')
        .where('id', '=', id ?? '')
        // Signed in under another address of the company's: known by its id there, but this one is not shown to be theirs.
        .where('email', '=', email?.toLowerCase() ?? '')
        .forNoKeyUpdate()
        .executeTakeFirst();
      if (!person) return;
      await proveAddress(trx, person.id);
      await accept(trx, person.id);
    });
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
    // Limited in sign-in-routes.ts.
    rateLimit: { enabled: false },
    user: {
      modelName: 'people',
      fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' },
      validateUserInfo: async ({ user }) => {
        if (user.emailVerified !== true && !believed)
          return {
            error: 'email_not_verified',
            errorDescription: 'The company sign-in has not verified this address.',
          };
        await proven(user);
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
      additionalFields: {
        tenantId: { type: 'string', fieldName: 'tenant_id', required: false, input: false },
        confinedTo: { type: 'string[]', fieldName: 'confined_to', required: false, input: false },
      },
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
      additionalFields: {
        confinedTo: { type: 'string[]', fieldName: 'confined_to', required: false, input: false },
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
          // Only the company's sign-in makes sessions here, and it vouches for the address.
          before: async (session) => {
            const tenantId = await tenantFor(db, session.userId, null);
            if (!tenantId) throw new APIError('FORBIDDEN', { code: 'NO_TENANT', message: noTenant });
            return { data: { ...session, tenantId, confinedTo: null } };
          },
        },
      },
      account: {
        create: {
          before: async (account) => ({
            data: { ...account, accessToken: null, refreshToken: null, idToken: null, confinedTo: null },
          }),
        },
      },
    },
    onAPIError: { errorURL: new URL('/', publicUrl).href },
    plugins: oidc(settings),
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
    ready: async () => void (await context),
  };
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
