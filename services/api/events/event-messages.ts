/** Events as messages: each carries the whole state that its resource has now. */
import type { Database } from '../../shared/postgres/database.ts';
import type { JobEstimates } from '../../shared/scheduler/parser-schedules.ts';
import { documentViews, selectBrains, toBrain } from '../brains/document-view.ts';
import type { Message } from './event-hub.ts';
import type { LoggedEvent } from './event-store.ts';

/** A resource that is gone meanwhile has no message: the event that says so is next. */
export async function renderEvents(
  db: Database,
  scheduler: JobEstimates,
  tenantId: string,
  events: readonly LoggedEvent[],
): Promise<Message[]> {
  const ids = (name: string) => events.filter(({ event }) => event === name).map(({ resourceId }) => resourceId);
  const [documents, brains, conversations] = await Promise.all([
    readDocuments(db, scheduler, tenantId, ids('document')),
    readBrains(db, tenantId, ids('brain')),
    readConversations(db, tenantId, ids('conversation')),
  ]);
  const states = new Map<string, unknown>(
    [...documents, ...brains, ...conversations].map((state) => [state.id, state]),
  );
  return events.flatMap(({ event, resourceId, personId, data }) => {
    const state = data ?? states.get(resourceId);
    return state ? [{ event, data: state, personId }] : [];
  });
}

async function readDocuments(db: Database, scheduler: JobEstimates, tenantId: string, ids: readonly string[]) {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('documents')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute();
  return documentViews(db, rows, scheduler);
}

async function readBrains(db: Database, tenantId: string, ids: readonly string[]) {
  if (ids.length === 0) return [];
  const rows = await selectBrains(db).where('tenant_id', '=', tenantId).where('id', 'in', ids).execute();
  return rows.map(toBrain);
}

async function readConversations(db: Database, tenantId: string, ids: readonly string[]) {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('conversations')
    .select(['id', 'brain_id', 'title', 'created_at', 'updated_at'])
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', ids)
    .execute();
  return rows.map((row) => ({
    ...row,
    object: 'conversation' as const,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }));
}
