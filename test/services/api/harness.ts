/** A running api on real PostgreSQL, Redis and folder, spoken to through HTTP as a browser or program would. */
import { Redis } from 'ioredis';
import { createApi } from '../../../services/api/app.ts';
import { ownerLink } from '../../../services/api/identity/owner.ts';
import type { ApiSettings } from '../../../services/api/settings.ts';
import { type TransferLimits, transferLimits } from '../../../services/api/uploads/transfer-limits.ts';
import type { App } from '../../../services/shared/http/http.ts';
import { type Database, openDatabase } from '../../../services/shared/postgres/database.ts';
import { startServices, type TestServices } from '../../support/stores.ts';

export const publicUrl = 'http://127.0.0.1:8000';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | number | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect of a body
  readonly body: any;
}
export type Caller = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;

export interface Harness {
  readonly services: TestServices;
  readonly app: App;
  readonly db: Database;
  readonly redis: Redis;
  /** Asks without credentials. */
  readonly nobody: Caller;
  /** Signs in with a one-time link. */
  signIn(token: string): Promise<Caller>;
  /** The owner of the installation, signed in. */
  owner(): Promise<Caller>;
  /** A person in the owner's tenant, or that of `by`. */
  person(role: string, by?: Caller): Promise<Caller>;
  /** The owner of a new tenant: another person, without rights over the installation. */
  otherTenant(): Promise<Caller>;
  close(): Promise<void>;
}

type Change = Partial<ApiSettings>;

export async function startHarness(
  change: Change | ((services: TestServices) => Promise<Change>) = {},
  limits: Partial<TransferLimits> = {},
): Promise<Harness> {
  const services = await startServices();
  const settings = {
    ...settingsFor(services),
    ...(typeof change === 'function' ? await change(services) : change),
  };
  const { app, close } = await createApi(settings, services.log, { ...transferLimits, ...limits });
  const { db, close: closeDatabase } = openDatabase({
    url: services.databaseUrl,
    connectionsMax: 2,
    log: services.log,
  });
  const redis = new Redis(services.redisUrl);
  await app.http.ready();

  const ask =
    (credentials: Record<string, string>): Caller =>
    async (method, path, body, headers = {}) => {
      const answer = await app.http.inject({
        method: method as 'GET',
        url: path,
        headers: { ...credentials, ...headers },
        ...(body !== undefined && { payload: body as object }),
      });
      const json = String(answer.headers['content-type'] ?? '').includes('json');
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: json && answer.payload ? answer.json() : answer.rawPayload,
      };
    };
  const nobody = ask({});
  let networks = 0;
  const signIn = async (token: string) => {
    // Attempts are limited per network: each comes from its own.
    networks += 1;
    const from = { 'x-forwarded-for': `10.200.${networks >> 8}.${networks & 255}` };
    const answer = await nobody('POST', '/v1/auth/link:redeem', { token }, from);
    if (answer.status !== 200) throw new Error(`sign-in failed: ${JSON.stringify(answer.body)}`);
    return ask({ cookie: cookieOf(answer), origin: publicUrl });
  };
  let ownerCaller: Promise<Caller> | undefined;
  const owner = () => {
    ownerCaller ??= ownerLink(db).then(signIn);
    return ownerCaller;
  };
  let count = 0;
  const person = async (role: string, by?: Caller) => {
    count += 1;
    const caller = by ?? (await owner());
    const added = await caller('POST', '/v1/members', { email: `${role}${count}@example.com`, name: role, role });
    if (added.status !== 201) throw new Error(`adding failed: ${JSON.stringify(added.body)}`);
    return signIn(added.body.sign_in_token);
  };
  return {
    services,
    app,
    db,
    redis,
    nobody,
    signIn,
    owner,
    person,
    otherTenant: async () => {
      const operator = await ownerLink(db).then(signIn);
      const made = await operator('POST', '/v1/tenants', { name: 'Other' });
      await operator('POST', '/v1/auth/tenant:switch', { tenant_id: made.body.id });
      return person('owner', operator);
    },
    close: async () => {
      app.drain();
      await app.http.close();
      await close();
      await closeDatabase();
      await redis.quit().catch(() => {});
      await services.close();
    },
  };
}

export function settingsFor(services: TestServices): ApiSettings {
  return {
    HOST: '127.0.0.1',
    PORT: 0,
    LOG_LEVEL: 'silent',
    REPLICA: 'test',
    ENVIRONMENT: 'test',
    VERSION: '',
    PREDICTED_CAPACITY: '',
    STOP_TIMEOUT_MS: 5000,
    KEEP_ALIVE_TIMEOUT_MS: 140_000,
    DATABASE_URL: services.databaseUrlOf('api'),
    DATABASE_CONNECTIONS_MAX: 8,
    AUTH_SECRET: 'a secret of more than thirty-two bytes for tests',
    PUBLIC_URL: publicUrl,
    OIDC_ISSUER: '',
    OIDC_CLIENT_ID: '',
    OIDC_CLIENT_SECRET: '',
    OIDC_UNVERIFIED_EMAIL_ISSUER: '',
    SMTP_URL: '',
    MAIL_FROM: '',
    WEBHOOK_PORTS: '',
    WEBHOOK_ALLOWED_NETWORKS: '',
    REDIS_URL: services.redisUrl,
    DOCUMENT_STORE_URL: services.documentStoreUrl,
    // Tests ask as fast as they can.
    TENANT_REQUESTS_PER_SECOND: 100_000,
    UPLOAD_BYTES_MAX: 1_000_000,
    PAGES_MAX: 5000,
    PARSER_BACKEND: 'built-in',
    MODELS: '',
    MODEL_NAME: 'small',
    MODELS_ALLOWED: 'large, larger',
    EMBEDDING_URL: '',
    EMBEDDING_MODEL: '',
    PAGES_PER_DAY_MAX: '',
    QUESTIONS_PER_DAY_MAX: '',
    TOKENS_PER_DAY_MAX: '',
    USD_PER_DAY_MAX: '',
    EMBEDDING_DIMENSIONS: 384,
  };
}

/** `name=value` of the session cookie that an answer sets. */
export function cookieOf(answer: Answer): string {
  const cookies = [answer.headers['set-cookie']].flat() as (string | undefined)[];
  return cookies.map((cookie) => cookie?.split(';')[0]).join('; ');
}

/** A multipart body with one file, for `inject`. */
export function upload(content: string | Buffer, name = 'notes.md', field = 'file') {
  const boundary = 'bulkheadboundary';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${name}"\r\ncontent-type: application/octet-stream\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } };
}
