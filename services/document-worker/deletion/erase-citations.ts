/**
 * What conversations hold of a document that is deleted: quotes in citations, answers made of them, and the events that
 * streamed them. Question, place and other citations stay; who reads the turn is told that the document was deleted.
 */
import { sql } from 'kysely';
import type { Database } from '../../shared/postgres/database.ts';

/** Conversations of one statement: bounds its time and its locks. */
const conversationsMax = 100;
/** The clocks of chat's replicas and of the database may differ by this much. */
const clockSkewS = 5;

/** Whether an answer is under way that may have read the document before its deletion was ordered. */
export async function isStillRead(db: Database, brainId: string, orderedAt: Date): Promise<boolean> {
  const { rows } = await sql`
    select from conversations join turns on turns.conversation_id = conversations.id
    where conversations.brain_id = ${brainId} and turns.finished_at is null
      and turns.created_at < ${orderedAt}::timestamptz + make_interval(secs => ${clockSkewS})
    limit 1`.execute(db);
  return rows.length > 0;
}

/**
 * The whole answer goes, a model's too: which of its words came from the document nobody can say. Repeating is harmless.
 *
 * @returns turns that were changed
 */
export async function eraseCitations(db: Database, brainId: string, documentId: string): Promise<number> {
  const cites = JSON.stringify([{ document_id: documentId }]);
  const erased = JSON.stringify([{ document_id: documentId, deleted: true }]);
  const blank = JSON.stringify({ document_name: '', quote: '', deleted: true });
  let turns = 0;
  for (let after: string | null = '00000000-0000-0000-0000-000000000000'; after !== null; ) {
    const { rows } = await sql<{ last: string | null; turns: number }>`
      with batch as materialized (
        select id, tenant_id, person_id from conversations
        where brain_id = ${brainId} and id > ${after} order by id limit ${conversationsMax}
      ), changed as (
        update turns set answer = '', citations = (
          select jsonb_agg(case when one ->> 'document_id' = ${documentId} then one || ${blank}::jsonb else one end
            order by place)
          from jsonb_array_elements(citations) with ordinality as listed (one, place))
        where conversation_id in (select id from batch)
          and citations @> ${cites}::jsonb and not citations @> ${erased}::jsonb
        returning id, conversation_id
      ), forgotten as (
        delete from turn_events where turn_id in (select id from changed)
      ), inserted as (
        insert into events (tenant_id, event, resource_id, person_id)
        select tenant_id, 'conversation', id, person_id from batch
        where person_id is not null and id in (select conversation_id from changed)
      )
      select (select id from batch order by id desc limit 1) as last, (select count(*) from changed) as turns`.execute(
      db,
    );
    after = rows[0]?.last ?? null;
    turns += rows[0]?.turns ?? 0;
  }
  return turns;
}
