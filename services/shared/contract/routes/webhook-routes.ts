/** Webhooks: where a tenant's own systems are told that a document's job has ended (docs/webhooks.md). Owner: api. */
import { z } from 'zod';
import { deleted, id, list, pageQuery, timestamp } from '../common.ts';
import { params, type Route } from '../route.ts';

/** By the status that the job ends with: `ready` for succeeded and partial. */
export const webhookEvents = ['document.ready', 'document.failed', 'document.canceled'] as const;

const webhook = z.object({
  id,
  object: z.literal('webhook'),
  url: z.string(),
  events: z.array(z.enum(webhookEvents)),
  created_at: timestamp,
  /** Nothing is recorded or sent since; null: it works. */
  disabled_at: timestamp.nullable(),
  /** `gone`: the receiver answered 410. `failing`: it took nothing for as long as a delivery is tried. */
  disabled_reason: z.enum(['person', 'gone', 'failing']).nullable(),
  failures_in_a_row: z.int(),
  /** When the receiver last took something. */
  delivered_at: timestamp.nullable(),
});
export type Webhook = z.output<typeof webhook>;

/** The longest name that DNS knows, and as much again for a path; its host and port are checked against what the installation allows. */
const url = z.url().max(500);
const events = z.array(z.enum(webhookEvents)).min(1).max(webhookEvents.length);

/** The only answers that ever hold the secret. */
const webhookWithSecret = webhook.extend({ secret: z.string() });
export type WebhookWithSecret = z.output<typeof webhookWithSecret>;

const delivery = z.object({
  /** The header `webhook-id` of every attempt. */
  id,
  object: z.literal('webhook_delivery'),
  event: z.enum([...webhookEvents, 'webhook.test']),
  job_id: id.nullable(),
  status: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.int(),
  /** Null: it has ended. */
  next_attempt_at: timestamp.nullable(),
  last_attempt_at: timestamp.nullable(),
  /** HTTP status of the last answer; null: there was none. */
  last_status: z.int().nullable(),
  last_error: z.string().nullable(),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
});
export type WebhookDelivery = z.output<typeof delivery>;

const owns = { role: 'owner', scope: 'admin' } as const;

export const webhookRoutes = {
  createWebhook: {
    owner: 'api',
    method: 'POST',
    path: '/v1/webhooks',
    summary: 'Set a webhook',
    access: owns,
    body: z.strictObject({ url, events: events.default([...webhookEvents]) }),
    responses: { 201: webhookWithSecret },
  },
  listWebhooks: {
    owner: 'api',
    method: 'GET',
    path: '/v1/webhooks',
    summary: 'List webhooks',
    access: owns,
    query: pageQuery,
    responses: { 200: list(webhook) },
  },
  patchWebhook: {
    owner: 'api',
    method: 'PATCH',
    path: '/v1/webhooks/{webhook}',
    summary: 'Change where it leads or what it tells; disable it, or enable it again',
    access: owns,
    params: params('webhook'),
    body: z.strictObject({ url: url.optional(), events: events.optional(), enabled: z.boolean().optional() }),
    responses: { 200: webhook },
  },
  deleteWebhook: {
    owner: 'api',
    method: 'DELETE',
    path: '/v1/webhooks/{webhook}',
    summary: 'Delete a webhook and what it has not sent',
    access: owns,
    params: params('webhook'),
    responses: { 200: deleted },
  },
  rotateWebhook: {
    owner: 'api',
    method: 'POST',
    path: '/v1/webhooks/{webhook}:rotate',
    summary: 'A new secret; for 24 hours the old one signs too',
    access: owns,
    params: params('webhook'),
    responses: { 200: webhookWithSecret },
  },
  testWebhook: {
    owner: 'api',
    method: 'POST',
    path: '/v1/webhooks/{webhook}:test',
    summary: 'Send `webhook.test`',
    access: owns,
    params: params('webhook'),
    responses: { 202: delivery },
  },
  listDeliveries: {
    owner: 'api',
    method: 'GET',
    path: '/v1/webhooks/{webhook}/deliveries',
    summary: 'Its deliveries of the last 7 days, newest first',
    access: owns,
    params: params('webhook'),
    query: pageQuery,
    responses: { 200: list(delivery) },
  },
} as const satisfies Record<string, Route>;
