/**
 * Sends what is due for one webhook, one delivery after another. One worker at a time does so (`sending_until`); a turn
 * ends after some time or deliveries, so that other webhooks come, or at the first failure, which pauses the webhook.
 *
 * At least once: an attempt is counted before it is made, and a delivery that a killed worker had under way is due again
 * like one that failed. Its id stays.
 */
import { type Selectable, sql } from 'kysely';
import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { WebhookDeliveries, Webhooks } from '../../shared/postgres/tables.ts';
import { attemptsMax, nextAttemptMs, pauseMs } from './schedule.ts';
import { type AttemptResult, attemptTimeoutMs, type SendOptions, send } from './send.ts';

export interface WebhookContext extends SendOptions {
  readonly db: Database;
  readonly log: Logger;
  /** @param outcome `delivered`, `failed`: of one attempt */
  readonly count: (outcome: 'delivered' | 'failed') => void;
  /** @default {@link turnMsMax} */
  readonly turnMs?: number;
}

/** With one more attempt, for how long a slow receiver keeps others from its place. */
const turnMsMax = 15_000;

/** Of one turn: fast receivers take turns, too. */
const deliveriesMax = 30;
/** An attempt and what is written around it; renewed with each. */
const leaseMs = attemptTimeoutMs + 20_000;
/** The receiver is gone for good, it says. */
const goneStatus = 410;

type Webhook = Selectable<Webhooks>;
type Delivery = Selectable<WebhookDeliveries>;

export async function sendTurn(context: WebhookContext, webhookId: string): Promise<void> {
  const { db, turnMs = turnMsMax } = context;
  const endsAtMs = performance.now() + turnMs;
  if (await claim(db, webhookId))
    try {
      for (let sent = 0; sent < deliveriesMax && (sent === 0 || performance.now() < endsAtMs); sent += 1) {
        const begun = await begin(db, webhookId);
        if (!begun || !(await attempt(context, begun.webhook, begun.delivery))) break;
      }
    } finally {
      await db.updateTable('webhooks').set({ sending_until: null }).where('id', '=', webhookId).execute();
    }
  // Also by a turn that was not given the webhook: whoever has it may just have looked for the last time.
  await orderNext(db, webhookId);
}

const leaseEnd = sql<Date>`now() + make_interval(secs => ${leaseMs / 1000})`;

/** @returns undefined: it is disabled, paused, deleted, or another worker sends for it */
const claim = (db: Database, id: string): Promise<{ readonly id: string } | undefined> =>
  db
    .updateTable('webhooks')
    .set({ sending_until: leaseEnd })
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .where(sql<boolean>`coalesce(sending_until, '-infinity') < now()`)
    .where(sql<boolean>`coalesce(paused_until, '-infinity') <= now()`)
    .returning('id')
    .executeTakeFirst();

/** Counts an attempt of what has been due for longest, to the address of this moment. */
async function begin(
  db: Database,
  webhookId: string,
): Promise<{ readonly webhook: Webhook; readonly delivery: Delivery } | undefined> {
  return db.transaction().execute(async (tx) => {
    const webhook = await tx
      .updateTable('webhooks')
      .set({ sending_until: leaseEnd })
      .where('id', '=', webhookId)
      .where('disabled_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
    if (!webhook) return undefined;
    const delivery = await tx
      .updateTable('webhook_deliveries')
      .set({
        attempts: sql<number>`attempts + 1`,
        last_attempt_at: sql<Date>`now()`,
        // Should this worker be killed meanwhile.
        next_attempt_at: leaseEnd,
      })
      .where('id', '=', (eb) =>
        eb
          .selectFrom('webhook_deliveries')
          .select('id')
          .where('webhook_id', '=', webhookId)
          .where('status', '=', 'pending')
          .where('next_attempt_at', '<=', sql<Date>`now()`)
          .orderBy('next_attempt_at')
          .limit(1)
          .forUpdate()
          .skipLocked(),
      )
      .returningAll()
      .executeTakeFirst();
    return delivery && { webhook, delivery };
  });
}

/** @returns whether the turn goes on */
async function attempt(context: WebhookContext, webhook: Webhook, delivery: Delivery): Promise<boolean> {
  const { db, log, count } = context;
  const secrets = await db
    .selectFrom('webhook_secrets')
    .select('secret')
    .where('webhook_id', '=', webhook.id)
    .where(sql<boolean>`coalesce(expires_at, 'infinity') > now()`)
    .orderBy('created_at', 'desc')
    .execute();
  const result = await send(
    { id: delivery.id, url: webhook.url, body: delivery.body, secrets: secrets.map(({ secret }) => secret) },
    context,
  );
  const delivered = result.error === null;
  // Broken off by us: it counts, and is due again when its lease ends.
  if (!delivered && context.closing?.aborted) return false;
  count(delivered ? 'delivered' : 'failed');
  log.info(
    { webhookId: webhook.id, deliveryId: delivery.id, attempt: delivery.attempts, ...result },
    delivered ? 'webhook delivered' : 'webhook not delivered',
  );
  await (delivered ? writeTaken(db, delivery, result) : writeFailure(db, webhook, delivery, result));
  return delivered;
}

// The webhook is written before its delivery, in the order in which a deletion locks them.

const writeTaken = (db: Database, delivery: Delivery, { status }: AttemptResult): Promise<void> =>
  db.transaction().execute(async (tx) => {
    await tx
      .updateTable('webhooks')
      .set({ failures_in_a_row: 0, paused_until: null, delivered_at: sql<Date>`now()` })
      .where('id', '=', delivery.webhook_id)
      .execute();
    await tx
      .updateTable('webhook_deliveries')
      .set({ status: 'delivered', last_status: status, last_error: null, finished_at: sql<Date>`now()` })
      .where('id', '=', delivery.id)
      .execute();
  });

const writeFailure = (
  db: Database,
  webhook: Webhook,
  delivery: Delivery,
  { status, error }: AttemptResult,
): Promise<void> =>
  db.transaction().execute(async (tx) => {
    const gone = status === goneStatus;
    const delayMs = gone ? null : nextAttemptMs(delivery.attempts);
    const now = await tx
      .updateTable('webhooks')
      .set({ failures_in_a_row: sql<number>`failures_in_a_row + 1` })
      .where('id', '=', webhook.id)
      .returning(['failures_in_a_row', 'delivered_at'])
      .executeTakeFirst();
    // Deleted meanwhile, and its deliveries with it.
    if (!now) return;
    await tx
      .updateTable('webhook_deliveries')
      .set({
        last_status: status,
        last_error: error,
        ...(delayMs === null
          ? { status: 'failed', finished_at: sql<Date>`now()` }
          : { next_attempt_at: sql<Date>`now() + make_interval(secs => ${delayMs / 1000})` }),
      })
      .where('id', '=', delivery.id)
      .execute();
    const { failures_in_a_row: failures, delivered_at: deliveredAt } = now;
    // It took nothing in all the time in which this one was tried.
    const dead = delivery.attempts >= attemptsMax && (deliveredAt === null || deliveredAt < delivery.created_at);
    await tx
      .updateTable('webhooks')
      .set({
        paused_until: sql<Date>`now() + make_interval(secs => ${pauseMs(failures) / 1000})`,
        ...((gone || dead) && { disabled_at: sql<Date>`now()`, disabled_reason: gone ? 'gone' : 'failing' }),
      })
      .where('id', '=', webhook.id)
      .where('disabled_at', 'is', null)
      .execute();
  });

/** The next turn, when anything waits; none before the webhook may be sent to again. */
export async function orderNext(db: Database, webhookId: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    // Who changes the webhook meanwhile is seen here, or orders after this: else a pause that is over could be kept.
    await tx.selectFrom('webhooks').select('id').where('id', '=', webhookId).forNoKeyUpdate().execute();
    await sql`
      select graphile_worker.add_job('send_webhooks', json_build_object('webhookId', w.id), job_key := 'webhook:' || w.id,
        run_at := greatest(d.next_attempt_at, w.paused_until, w.sending_until, now()), flags := array['tenant:' || w.tenant_id])
      from webhooks w, lateral (
        select next_attempt_at from webhook_deliveries
        where webhook_id = w.id and status = 'pending' order by next_attempt_at limit 1) d
      where w.id = ${webhookId} and w.disabled_at is null`.execute(tx);
  });
}

/** A task whose worker was killed stays locked for hours; what is due says that nobody sends. */
const stuckAfterS = 60;

/** Of one look; the next one finds the others. */
const revivedMax = 100;

/** Orders anew what should have been sent. One that waits for its turn keeps its place. */
export async function reviveWebhooks(db: Database): Promise<void> {
  await sql`
    select graphile_worker.add_job('send_webhooks', json_build_object('webhookId', w.id), job_key := 'webhook:' || w.id,
      job_key_mode := 'preserve_run_at', flags := array['tenant:' || w.tenant_id])
    from webhooks w
    where w.disabled_at is null and coalesce(w.sending_until, '-infinity') < now()
      and coalesce(w.paused_until, '-infinity') < now() - make_interval(secs => ${stuckAfterS})
      and exists (select from webhook_deliveries d where d.webhook_id = w.id and d.status = 'pending'
        and d.next_attempt_at < now() - make_interval(secs => ${stuckAfterS}))
    order by w.id limit ${revivedMax}`.execute(db);
}
