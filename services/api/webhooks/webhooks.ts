/** Webhooks of a tenant: set, changed, tested, listed with what was sent. Document-workers send. */
import { randomBytes } from 'node:crypto';
import { type Selectable, sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Webhook, WebhookDelivery } from '../../shared/contract/routes/webhook-routes.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { lockTenant } from '../../shared/ledger/quota.ts';
import type { Tables, WebhookDeliveries, Webhooks } from '../../shared/postgres/tables.ts';
import { allowedAddresses, parseReceiver, RefusedAddressError, webhookRules } from '../../shared/webhooks/addresses.ts';
import type { Api } from '../context.ts';

/** One for each system that wants to know; every job's end is sent to all of them. */
const webhooksMax = 10;
/** As long as a rotated API key works on: receivers can be given the new secret. */
const rotationOverlapHours = 24;
/** Standard Webhooks asks for 24 to 64. */
const secretBytes = 32;
/** Each is a request to somebody; enough for a person who sets up a receiver. */
const testsPerHourMax = 20;

type Trx = Transaction<Tables>;

export function serveWebhooks({ app, db, settings }: Api): void {
  const rules = webhookRules(settings);

  const checkUrl = async (text: string): Promise<void> => {
    if (!rules)
      throw new ProblemError(
        'conflict',
        'This installation sends no webhooks; its operator sets WEBHOOK_PORTS (docs/webhooks.md).',
      );
    try {
      await allowedAddresses(parseReceiver(text, rules), rules);
    } catch (error) {
      if (error instanceof RefusedAddressError) throw new ProblemError('bad-request', error.message);
      // A name that DNS does not know yet, or not here: who sends will say so.
    }
  };

  serve(app, routes.createWebhook, async ({ identity, body }) => {
    await checkUrl(body.url);
    return db.transaction().execute(async (tx) => {
      // Counted by one at a time.
      await lockTenant(tx, identity.tenantId);
      const { count } = await tx
        .selectFrom('webhooks')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('tenant_id', '=', identity.tenantId)
        .executeTakeFirstOrThrow();
      if (count >= webhooksMax)
        throw new ProblemError(
          'conflict',
          `There are ${count} webhooks; allowed are ${webhooksMax}: delete one first.`,
        );
      const row = await tx
        .insertInto('webhooks')
        .values({ id: uuidv7(), tenant_id: identity.tenantId, url: body.url, events: [...new Set(body.events)] })
        .returningAll()
        .executeTakeFirstOrThrow();
      return { ...toWebhook(row), secret: await newSecret(tx, row.id) };
    });
  });

  serve(app, routes.listWebhooks, async ({ identity, query }) => {
    const rows = db.selectFrom('webhooks').selectAll().where('tenant_id', '=', identity.tenantId);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: page.map(toWebhook), next_cursor };
  });

  serve(app, routes.patchWebhook, async ({ identity, params, body }) => {
    const { url, events, enabled } = body;
    if (url !== undefined) await checkUrl(url);
    return db.transaction().execute(async (tx) => {
      const before = await lock(tx, identity.tenantId, params.webhook);
      const row = await tx
        .updateTable('webhooks')
        .set({
          url: url ?? before.url,
          events: events ? [...new Set(events)] : before.events,
          ...(enabled === false && {
            disabled_at: sql<Date>`coalesce(disabled_at, now())`,
            disabled_reason: sql<string>`coalesce(disabled_reason, 'person')`,
          }),
          // What waits is sent, and what fails is counted anew.
          ...(enabled && { disabled_at: null, disabled_reason: null, failures_in_a_row: 0, paused_until: null }),
        })
        .where('id', '=', before.id)
        .returningAll()
        .executeTakeFirstOrThrow();
      if (enabled)
        await sql`select graphile_worker.add_job('send_webhooks', ${JSON.stringify({ webhookId: row.id })}::json,
          job_key := ${`webhook:${row.id}`}, flags := ${[`tenant:${row.tenant_id}`]}::text[])`.execute(tx);
      return toWebhook(row);
    });
  });

  serve(app, routes.deleteWebhook, async ({ identity, params }) => {
    const row = await db
      .deleteFrom('webhooks')
      .where('id', '=', params.webhook)
      .where('tenant_id', '=', identity.tenantId)
      .returning('id')
      .executeTakeFirst();
    if (!row) throw notFound('webhook', params.webhook);
    return { id: row.id, deleted: true as const };
  });

  serve(app, routes.rotateWebhook, async ({ identity, params }) =>
    db.transaction().execute(async (tx) => {
      const row = await lock(tx, identity.tenantId, params.webhook);
      await tx
        .updateTable('webhook_secrets')
        .set({ expires_at: sql<Date>`now() + make_interval(hours => ${rotationOverlapHours})` })
        .where('webhook_id', '=', row.id)
        .where('expires_at', 'is', null)
        .execute();
      return { ...toWebhook(row), secret: await newSecret(tx, row.id) };
    }),
  );

  serve(app, routes.testWebhook, async ({ identity, params }) =>
    db.transaction().execute(async (tx) => {
      const row = await lock(tx, identity.tenantId, params.webhook);
      if (row.disabled_at)
        throw new ProblemError('conflict', 'The webhook is disabled; enable it first, then what waits is sent too.');
      const { count } = await tx
        .selectFrom('webhook_deliveries')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('webhook_id', '=', row.id)
        .where('event', '=', 'webhook.test')
        .where('created_at', '>', sql<Date>`now() - interval '1 hour'`)
        .executeTakeFirstOrThrow();
      if (count >= testsPerHourMax)
        throw new ProblemError(
          'too-many-requests',
          `${count} tests were sent in the last hour; allowed are ${testsPerHourMax}.`,
        );
      // Somebody watches: it does not wait for the end of a pause.
      await tx.updateTable('webhooks').set({ paused_until: null }).where('id', '=', row.id).execute();
      const type = 'webhook.test';
      const delivery = await tx
        .insertInto('webhook_deliveries')
        .values({
          id: uuidv7(),
          webhook_id: row.id,
          event: type,
          body: JSON.stringify({ type, timestamp: new Date().toISOString(), data: { tenant_id: row.tenant_id } }),
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return toDelivery(delivery);
    }),
  );

  serve(app, routes.listDeliveries, async ({ identity, params, query }) => {
    const webhook = await db
      .selectFrom('webhooks')
      .select('id')
      .where('id', '=', params.webhook)
      .where('tenant_id', '=', identity.tenantId)
      .executeTakeFirst();
    if (!webhook) throw notFound('webhook', params.webhook);
    const rows = db.selectFrom('webhook_deliveries').selectAll().where('webhook_id', '=', webhook.id);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: page.map(toDelivery), next_cursor };
  });
}

async function lock(tx: Trx, tenantId: string, id: string): Promise<Selectable<Webhooks>> {
  const row = await tx
    .selectFrom('webhooks')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .forUpdate()
    .executeTakeFirst();
  if (!row) throw notFound('webhook', id);
  return row;
}

async function newSecret(tx: Trx, webhookId: string): Promise<string> {
  const secret = `whsec_${randomBytes(secretBytes).toString('base64')}`;
  await tx.insertInto('webhook_secrets').values({ webhook_id: webhookId, secret }).execute();
  return secret;
}

const toWebhook = (row: Selectable<Webhooks>): Webhook => ({
  id: row.id,
  object: 'webhook',
  url: row.url,
  events: row.events as Webhook['events'],
  created_at: row.created_at.toISOString(),
  disabled_at: row.disabled_at?.toISOString() ?? null,
  disabled_reason: row.disabled_reason as Webhook['disabled_reason'],
  failures_in_a_row: row.failures_in_a_row,
  delivered_at: row.delivered_at?.toISOString() ?? null,
});

const toDelivery = (row: Selectable<WebhookDeliveries>): WebhookDelivery => ({
  id: row.id,
  object: 'webhook_delivery',
  event: row.event as WebhookDelivery['event'],
  job_id: row.job_id,
  status: row.status as WebhookDelivery['status'],
  attempts: row.attempts,
  next_attempt_at: row.status === 'pending' ? row.next_attempt_at.toISOString() : null,
  last_attempt_at: row.last_attempt_at?.toISOString() ?? null,
  last_status: row.last_status,
  last_error: row.last_error,
  created_at: row.created_at.toISOString(),
  finished_at: row.finished_at?.toISOString() ?? null,
});
