/** The api tier, built apart from starting it. */
import fastifyMultipart from '@fastify/multipart';
import { sql } from 'kysely';
import { createAuthenticate } from '../shared/auth/auth.ts';
import { limitRequests } from '../shared/auth/rate-limit.ts';
import { publishFigures } from '../shared/figures/publish-figures.ts';
import { type App, createApp } from '../shared/http/http.ts';
import type { Logger } from '../shared/log.ts';
import { remoteParserOf } from '../shared/parsers.ts';
import { openDatabase, schemaCheck } from '../shared/postgres/database.ts';
import { openRedis } from '../shared/redis.ts';
import { ParserSchedules, schedulePrefix } from '../shared/scheduler/parser-schedules.ts';
import { RedisScheduler } from '../shared/scheduler/redis-scheduler.ts';
import { isReachable, openDocumentStore } from '../shared/storage/document-store.ts';
import { serveBrains } from './brains/brains.ts';
import { serveDocuments } from './brains/documents.ts';
import { serveFile } from './brains/file.ts';
import { servePageImages } from './brains/page-images.ts';
import type { Api } from './context.ts';
import { limitsOf, writeEnvironmentLimits } from './environment-limits.ts';
import { listenForChanges } from './events/change-listener.ts';
import { openEventHub } from './events/event-hub.ts';
import { renderEvents } from './events/event-messages.ts';
import { serveEvents } from './events/events.ts';
import { createInvitationLimits } from './identity/invitation-limits.ts';
import { serveKeys } from './identity/keys.ts';
import { createMailer } from './identity/mail.ts';
import { serveMe } from './identity/me.ts';
import { serveMembers } from './identity/members.ts';
import { createPasswords } from './identity/sign-in/passwords.ts';
import { serveSetPassword } from './identity/sign-in/set-password.ts';
import { createSignIn } from './identity/sign-in/sign-in.ts';
import { createSignInLimits } from './identity/sign-in/sign-in-limits.ts';
import { serveSignIn } from './identity/sign-in/sign-in-routes.ts';
import { serveTenants } from './identity/tenants.ts';
import { serveJobs } from './jobs/jobs.ts';
import { serveOpenApi } from './openapi.ts';
import { serveOperations } from './operations/operations.ts';
import { readPrediction } from './operations/prediction.ts';
import type { ApiSettings } from './settings.ts';
import { type TransferLimits, transferLimits } from './uploads/transfer-limits.ts';
import { serveUpload } from './uploads/upload.ts';
import { serveUsage } from './usage/usage.ts';
import { warmUp } from './warm-up.ts';
import { serveWebhooks } from './webhooks/webhooks.ts';

/** `close` ends what the app opened; call it after the HTTP server has closed. */
export async function createApi(
  settings: ApiSettings,
  log: Logger,
  transfers: TransferLimits = transferLimits,
): Promise<{
  app: App;
  warmUp(): Promise<void>;
  close(): Promise<void>;
}> {
  const predicted = readPrediction(settings.PREDICTED_CAPACITY);
  const { db, close: closeDatabase } = openDatabase({
    url: settings.DATABASE_URL,
    connectionsMax: settings.DATABASE_CONNECTIONS_MAX,
    log,
  });
  const redis = openRedis(settings.REDIS_URL, 'request', log);
  const mailer = createMailer(settings, log);
  const store = await openDocumentStore(settings.DOCUMENT_STORE_URL);
  const changes = listenForChanges(settings.DATABASE_URL, log);
  const signIn = createSignIn(db, settings, log);
  const authenticate = createAuthenticate({
    db,
    authSecret: settings.AUTH_SECRET,
    publicUrl: settings.PUBLIC_URL,
    tenantRequestsPerSecond: settings.TENANT_REQUESTS_PER_SECOND,
    redis,
  });
  const remote = remoteParserOf(settings);
  const scheduler = new ParserSchedules(
    new RedisScheduler(redis),
    remote && { name: remote, schedule: new RedisScheduler(redis, { prefix: schedulePrefix(remote) }) },
  );
  const events = openEventHub(db, (tenantId, some) => renderEvents(db, scheduler, tenantId, some), log);
  changes.onAny(() => events.wake());

  const isCurrent = schemaCheck(db);
  const limitsWritten = writeEnvironmentLimits(db, limitsOf(settings));
  const app = createApp({
    log,
    notReady: async () => {
      if (!(await isCurrent())) return "the database schema is older than this build: run 'main.ts migrate'";
      await limitsWritten();
      await signIn.ready();
      await Promise.all([changes.connected, events.ready]);
      return null;
    },
    dependencies: [
      { name: 'postgres', check: () => sql`select 1`.execute(db) },
      { name: 'document-store', check: () => isReachable(store) },
      { name: 'redis', check: () => redis.ping(), without: 'no rate limits, no places in the queue' },
    ],
    authenticate,
    bodyTimeoutMs: transfers.bodyTimeoutMs,
    publicUrl: settings.PUBLIC_URL,
  });
  await limitRequests(app.http, redis);
  await app.http.register(fastifyMultipart, { throwFileSizeLimit: false });

  const api: Api = {
    app,
    db,
    store,
    settings,
    log,
    signIn,
    limits: createSignInLimits(redis),
    passwords: createPasswords(),
    mailer,
    invitationLimits: createInvitationLimits(redis),
    transfers,
    changes,
    scheduler,
    redis,
    predicted,
    events,
    authenticate,
  };
  serveSignIn(api);
  serveMe(api);
  serveSetPassword(api);
  serveTenants(api);
  serveMembers(api);
  serveKeys(api);
  serveWebhooks(api);
  serveBrains(api);
  serveUpload(api);
  serveDocuments(api);
  serveFile(api);
  servePageImages(api);
  serveJobs(api);
  serveEvents(api);
  serveUsage(api);
  serveOperations(api);
  serveOpenApi(api);
  const figures = { requests: app.answered };
  const stopFigures = publishFigures({ registry: app.metrics, log, tier: 'api', settings, db, figures });

  return {
    app,
    warmUp: () => warmUp(api),
    close: async () => {
      await stopFigures();
      await changes.close();
      await events.close();
      redis.disconnect();
      mailer.close();
      await closeDatabase();
    },
  };
}
