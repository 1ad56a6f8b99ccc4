/** Conversations: made, listed, read, renamed, exported and deleted by whoever they belong to. */
import { Readable } from 'node:stream';
import type { Selectable, Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Identity } from '../../shared/auth/identity.ts';
import type { Conversation } from '../../shared/contract/chat.ts';
import { routes } from '../../shared/contract/routes.ts';
import { createConcurrency } from '../../shared/http/concurrency.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst, readCursor } from '../../shared/http/keyset.ts';
import { notFound } from '../../shared/http/problem.ts';
import { recordEvent } from '../../shared/jobs/events.ts';
import { findBrain } from '../../shared/postgres/find-brain.ts';
import type { Conversations, Tables } from '../../shared/postgres/tables.ts';
import { type ChatContext, ownConversation } from '../context.ts';
import { exported } from './export.ts';
import { searchConversations, searchesMax } from './search-conversations.ts';

export function serveConversations({ app, db }: ChatContext): void {
  const searches = createConcurrency('searches of conversations', searchesMax);

  serve(app, routes.createConversation, async ({ body, identity }) => {
    await findBrain(db, identity.tenantId, body.brain_id);
    return db.transaction().execute(async (trx) => {
      const row = await trx
        .insertInto('conversations')
        .values({
          id: uuidv7(),
          tenant_id: identity.tenantId,
          brain_id: body.brain_id,
          person_id: identity.personId,
          api_key_id: identity.keyId,
          title: body.title,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      await recordChange(trx, identity, row.id);
      return toConversation(row);
    });
  });

  serve(app, routes.listConversations, async ({ query, identity }) => {
    await findBrain(db, identity.tenantId, query.brain_id);
    if (query.search !== undefined) {
      const before = readCursor(query.cursor);
      const done = searches.take(identity);
      const found = await searchConversations(db, identity, { ...query, search: query.search, before }).finally(done);
      return { data: found.page.map(toConversation), next_cursor: found.next_cursor };
    }
    const rows = db
      .selectFrom('conversations')
      .selectAll()
      .where(ownConversation(identity))
      .where('brain_id', '=', query.brain_id);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: page.map(toConversation), next_cursor };
  });

  serve(app, routes.getConversation, async ({ params, identity }) =>
    toConversation(await findConversation(db, identity, params.conversation)),
  );

  serve(app, routes.renameConversation, async ({ params, body, identity }) => {
    return db.transaction().execute(async (trx) => {
      const row = await trx
        .updateTable('conversations')
        .set(body)
        .where(ownConversation(identity))
        .where('id', '=', params.conversation)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw notFound('conversation', params.conversation);
      await recordChange(trx, identity, row.id);
      return toConversation(row);
    });
  });

  serve(app, routes.exportConversation, async ({ params, identity, reply }) => {
    const conversation = await findConversation(db, identity, params.conversation);
    return reply
      .headers({
        'content-type': 'text/markdown; charset=utf-8',
        'content-disposition': `attachment; filename="conversation-${conversation.id}.md"`,
        'cache-control': 'no-store',
      })
      .send(Readable.from(exported(db, conversation)));
  });

  serve(app, routes.deleteConversation, async ({ params, identity }) => {
    const { id, brain_id } = await findConversation(db, identity, params.conversation);
    // Turns and their events go with it; an answer under way notices at its next event.
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('conversations').where('id', '=', id).execute();
      if (identity.personId)
        await recordEvent(trx, {
          tenantId: identity.tenantId,
          event: 'conversation.deleted',
          resourceId: id,
          data: { id, brain_id },
          personId: identity.personId,
        });
    });
    return { id, deleted: true as const };
  });
}

/** Whoever it belongs to sees it everywhere; what an application made with a key, nobody watches. */
async function recordChange(
  trx: Transaction<Tables>,
  { tenantId, personId }: Identity,
  resourceId: string,
): Promise<void> {
  if (personId) await recordEvent(trx, { tenantId, event: 'conversation', resourceId, personId });
}

/** @throws ProblemError `not-found`, also for those of other people */
export async function findConversation(db: ChatContext['db'], identity: Identity, id: string) {
  const row = await db
    .selectFrom('conversations')
    .selectAll()
    .where(ownConversation(identity))
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw notFound('conversation', id);
  return row;
}

function toConversation(row: Selectable<Conversations>): Conversation {
  return {
    id: row.id,
    object: 'conversation',
    brain_id: row.brain_id,
    title: row.title,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** Fits a line of a list. */
const titleCharactersMax = 80;

/** From the first question, cut at a word. */
export function titleOf(question: string): string {
  const line = question.replace(/\s+/g, ' ').trim();
  if (line.length <= titleCharactersMax) return line;
  const start = line.slice(0, titleCharactersMax - 1);
  const space = start.lastIndexOf(' ');
  return `${(space > titleCharactersMax / 2 ? start.slice(0, space) : start).trimEnd()}…`;
}
