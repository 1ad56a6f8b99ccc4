/** Making a turn: everything that a question must pass and leave behind before it is answered, in one transaction. */
import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { type Selectable, sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Turn } from '../shared/contract/chat.ts';
import { requireSameEmbedding } from '../shared/embedding.ts';
import { recordEvent } from '../shared/events.ts';
import type { Identity } from '../shared/identity.ts';
import { ProblemError } from '../shared/problem.ts';
import { takeQuotas } from '../shared/quota.ts';
import type { Brains, Conversations, Tables } from '../shared/tables.ts';
import { type ChatContext, findBrain, takeSlot } from './context.ts';
import { findConversation, titleOf } from './conversations.ts';
import { billQuestion } from './ledger.ts';
import type { Exchange } from './prompt.ts';
import type { StartedTurn } from './turn-runner.ts';
import { newLease, toTurn } from './turn-store.ts';

export interface Ask {
  readonly identity: Identity;
  readonly conversationId: string;
  readonly question: string;
  /** The same key is the same turn: it is followed, not asked again. */
  readonly idempotencyKey: string | undefined;
  readonly reply: FastifyReply;
}

/** @throws ProblemError `not-found`, `conflict`, `key-reused`, `quota`, `yield` */
export async function ask(
  context: ChatContext,
  asked: Ask,
): Promise<{ readonly turnId: string; readonly replayed: boolean }> {
  const { db, runner, slots } = context;
  const known = await turnOfKey(db, asked);
  if (known) return { turnId: known, replayed: true };

  // Before anything is looked up: who must come back later costs this replica and the database next to nothing.
  const release = takeSlot(slots);
  try {
    const conversation = await findConversation(db, asked.identity, asked.conversationId);
    const brain = await findBrain(db, asked.identity.tenantId, conversation.brain_id);
    requireEmbedding(context, brain);
    const started = await db.transaction().execute((trx) => insertTurn(trx, context, asked, conversation, brain));
    runner.start(started, release);
    return { turnId: started.turn.id, replayed: false };
  } catch (error) {
    release();
    // Another request with the same key was faster: its turn is this one's.
    const winner = error instanceof KeyTaken ? await turnOfKey(db, asked) : null;
    if (winner) return { turnId: winner, replayed: true };
    throw error;
  }
}

/** Also checked by completions. @throws ProblemError `conflict` */
export function requireEmbedding({ embedding }: ChatContext, brain: Selectable<Brains>): void {
  try {
    requireSameEmbedding(embedding, { model: brain.embedding_model, dimensions: brain.embedding_dimensions });
  } catch (error) {
    throw new ProblemError('conflict', (error as Error).message);
  }
}

const route = 'createTurn';

class KeyTaken extends Error {}

/** @throws ProblemError `key-reused` when the key came with another question, conversation or caller */
async function turnOfKey(db: ChatContext['db'], asked: Ask): Promise<string | null> {
  const { idempotencyKey: key, identity } = asked;
  if (!key) return null;
  if (key.length > 255)
    throw new ProblemError('bad-request', `Idempotency-Key has ${key.length} characters, allowed are 255.`);
  const row = await db
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'response'])
    .where('tenant_id', '=', identity.tenantId)
    .where('route', '=', route)
    .where('key', '=', key)
    .executeTakeFirst();
  if (!row) return null;
  if (!row.fingerprint.equals(fingerprint(asked)))
    throw new ProblemError(
      'key-reused',
      `The Idempotency-Key '${key}' came with another question before. Use a new key.`,
    );
  const { turn_id: turnId } = row.response as { turn_id: string };
  const turn = await db.selectFrom('turns').select('id').where('id', '=', turnId).executeTakeFirst();
  if (!turn) throw new ProblemError('gone', 'The turn of this Idempotency-Key was deleted. Use a new key.');
  return turnId;
}

function fingerprint({ identity, conversationId, question }: Ask): Buffer {
  const caller = identity.keyId ?? identity.personId;
  return createHash('sha256')
    .update(JSON.stringify([caller, conversationId, question]))
    .digest();
}

async function insertTurn(
  trx: Transaction<Tables>,
  { answerer, replica }: ChatContext,
  asked: Ask,
  conversation: Selectable<Conversations>,
  brain: Selectable<Brains>,
): Promise<StartedTurn> {
  const { identity, question, reply } = asked;
  const { tenantId, personId } = identity;
  const id = uuidv7();
  if (asked.idempotencyKey) await takeKey(trx, asked, id);
  await takeQuotas(trx, tenantId, [{ quota: 'questions_per_day_max', adds: 1 }], reply);
  await billQuestion(trx, { id, turnId: id, tenantId, brainId: brain.id });

  const history = await recentExchanges(trx, conversation.id);
  const documents = await countDocuments(trx, brain.id);
  const chosen = answerer.choose(brain.model);
  const row = await trx
    .insertInto('turns')
    .values({
      id,
      tenant_id: tenantId,
      conversation_id: conversation.id,
      question,
      status: 'streaming',
      answerer_kind: chosen.kind,
      answerer_name: chosen.name,
      unread_documents: documents.unread,
      replica,
      lease_until: newLease(),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const turn: Turn = toTurn(row);
  const first = [
    { place: 1, event: 'turn', json: JSON.stringify(turn) },
    { place: 2, event: 'searching', json: JSON.stringify({ documents: documents.readable }) },
  ];
  await trx
    .insertInto('turn_events')
    .values(first.map(({ place, event, json }) => ({ turn_id: id, place, event, data: json })))
    .execute();
  await trx
    .updateTable('conversations')
    .set({ updated_at: new Date(), ...(conversation.title === '' && { title: titleOf(question) }) })
    .where('id', '=', conversation.id)
    .execute();
  if (personId) await recordEvent(trx, { tenantId, event: 'conversation', resourceId: conversation.id, personId });
  return {
    turn,
    first,
    personId,
    question: { tenantId, brainId: brain.id, text: question, history, answerer: chosen },
  };
}

async function takeKey(trx: Transaction<Tables>, asked: Ask, turnId: string): Promise<void> {
  const taken = await trx
    .insertInto('idempotency_keys')
    .values({
      tenant_id: asked.identity.tenantId,
      key: asked.idempotencyKey as string,
      route,
      fingerprint: fingerprint(asked),
      status: 200,
      response: JSON.stringify({ turn_id: turnId }),
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('key')
    .executeTakeFirst();
  if (!taken) throw new KeyTaken();
}

/** More never fit into the part of the prompt that history may take. */
const exchangesMax = 10;

/** Oldest first. */
async function recentExchanges(trx: Transaction<Tables>, conversationId: string): Promise<Exchange[]> {
  const rows = await trx
    .selectFrom('turns')
    .select(['question', 'answer'])
    .where('conversation_id', '=', conversationId)
    .where('answer', '!=', '')
    .orderBy('id', 'desc')
    .limit(exchangesMax)
    .execute();
  return rows.reverse();
}

/** `unread`: still being read, so not, or not wholly, searched. */
async function countDocuments(
  trx: Transaction<Tables>,
  brainId: string,
): Promise<{ readable: number; unread: number }> {
  const { rows } = await sql<{ all: number; unread: number }>`
    select count(*) as all, count(*) filter (where exists (
      select from jobs where jobs.document_id = documents.id and jobs.kind = 'ingest'
        and jobs.status in ('awaiting_confirmation', 'queued', 'running'))) as unread
    from documents where brain_id = ${brainId} and deleted_at is null`.execute(trx);
  const { all, unread } = rows[0] as { all: number; unread: number };
  return { readable: all - unread, unread };
}
