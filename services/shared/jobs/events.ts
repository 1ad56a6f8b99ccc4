/** The event log behind `GET /v1/events`. */
import type { Transaction } from 'kysely';
import type { EventName } from '../contract/events.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';

export interface EventRecord {
  readonly tenantId: string;
  readonly event: EventName;
  readonly resourceId: string;
  /** For resources that are gone: the whole payload. Others are read when the event is sent. */
  readonly data?: unknown;
  /** Only this person sees it. */
  readonly personId?: string | null;
}

/** Tells watchers that a resource changed. Part of the caller's transaction: they see the change, or nothing. */
export async function recordEvent(
  db: Database | Transaction<Tables>,
  { tenantId, event, resourceId, data, personId = null }: EventRecord,
): Promise<void> {
  await db
    .insertInto('events')
    .values({
      tenant_id: tenantId,
      event,
      resource_id: resourceId,
      data: data === undefined ? null : JSON.stringify(data),
      person_id: personId,
    })
    .execute();
}
