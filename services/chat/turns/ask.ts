/** Making a turn: everything that a question must pass and leave behind before it is answered. */
import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { NotNull, Transaction } from 'kysely';
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres';
import type { Identity } from '../../shared/auth/identity.ts';
import type { Turn, TurnInput } from '../../shared/contract/chat.ts';
import { findKey } from '../../shared/http/idempotency-key.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { readingStatuses } from '../../shared/jobs/job-states.ts';
import { questionsLimited } from '../../shared/ledger/quota.ts';
import { reserve } from '../../shared/ledger/reservations.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import { questionMayUse } from '../answering/may-use.ts';
import { type ChatContext, ownConversation, takeSlot } from '../context.ts';
import { titleOf } from '../conversations/conversations.ts';
import { turnIdAfter } from '../conversations/turn-id.ts';
import { storableText } from './storable.ts';
import { reservationMs } from './token-usage.ts';
import type { StartedTurn } from './turn-runner.ts';
import { beginTurn } from './turn-store.ts';

export interface Ask {
  readonly identity: Identity;
  readonly conversationId: string;
  readonly input: TurnInput;
  /** The same key is the same turn: it is followed, not asked again. */
  readonly idempotencyKey: string | null;
  /** The caller has had events of it already: it is followed, never made. */
  readonly heard: boolean;
  readonly reply: FastifyReply;
}

/** @throws ProblemError `bad-request`, `not-found`, `conflict`, `key-reused`, `quota`, `yield` */
export async function ask(
  context: ChatContext,
  asked: Ask,
): Promise<{ readonly turnId: string; readonly replayed: boolean }> {
  const { db, runner, slots } = context;
  const known = await turnOfKey(db, asked);
  if (known) return { turnId: known, replayed: true };
  if (asked.heard)
    throw new ProblemError(
      'bad-request',
      'Last-Event-ID goes on with a turn, and this request would make another. Repeat the Idempotency-Key that made it, or get /v1/chat/turns/{turn}/events.',
    );

  // Before anything is looked up: who must come back later costs this replica and the database next to nothing.
  const taken = [takeSlot(slots, asked.identity.tenantId)];
  const release = () => {
    for (const giveBack of taken) giveBack();
  };
  try {
    const started = await begin(context, asked, (giveBack) => taken.push(giveBack));
    runner.start(started, release);
    await started.begun;
    return { turnId: started.turn.id, replayed: false };
  } catch (error) {
    release();
    // Another request with the same key was faster, and may have taken the last of a quota too: its turn is this one's.
    const winner = await turnOfKey(db, asked);
    if (winner) return { turnId: winner, replayed: true };
    throw error;
  }
}

async function begin(context: ChatContext, asked: Ask, took: (giveBack: () => void) => void): Promise<StartedTurn> {
  const { db, answerer, replica, modelSlots } = context;
  const { identity, conversationId, input, idempotencyKey } = asked;
  const { tenantId } = identity;
  const found = await lookUp(db, asked);
  const { brain } = found;
  if (!brain) throw notFound('brain', found.brain_id);
  const { question, counted, cutAnswer } = questionOf(input, found.earlier);

  const choice = answerer.choose(brain, found.models_allowed);
  took(await modelSlots.take(choice.answerer.name, tenantId));
  const turn: Turn = {
    id: turnIdAfter(found.last_id),
    object: 'turn',
    conversation_id: conversationId,
    question,
    answer: '',
    status: 'streaming',
    finish_reason: null,
    retry_of: input.retry_of ?? null,
    continues: input.continues ?? null,
    answerer: choice.answerer,
    answered: null,
    citations: [],
    usage: null,
    unread_documents: found.unread,
    error: null,
    created_at: new Date().toISOString(),
    finished_at: null,
  };
  const first = [
    { sequence: 1, event: 'turn', json: JSON.stringify(turn) },
    { sequence: 2, event: 'searching', json: JSON.stringify({ documents: found.documents - found.unread }) },
  ];
  const key = idempotencyKey
    ? { route, key: idempotencyKey, fingerprint: fingerprint(asked), status: 200, response: { turn_id: turn.id } }
    : null;
  const write = async (trx: Database | Transaction<Tables>) => {
    const refused = await beginTurn(trx, { turn, replica, first, title: titleOf(question), key, counted });
    if (refused === 'gone') throw notFound('conversation', conversationId);
    if (refused === 'retried') throw askedAgain();
    if (refused) throw new ProblemError('conflict', 'A request with the same Idempotency-Key is under way.');
  };
  let begun = Promise.resolve();
  // Most tenants have no limit: they are spared the transaction, and are searched for meanwhile.
  if (!found.limited && turn.retry_of === null) begun = write(db);
  else
    await db.transaction().execute(async (trx) => {
      const asksFor = { text: question + (cutAnswer ?? ''), state: found.state };
      const mayUse = questionMayUse(context, choice, asksFor);
      const held = { ...mayUse, id: turn.id, questions: counted ? 1 : 0, lastsMs: reservationMs(context) };
      await reserve(trx, { tenantId, keyId: identity.keyId }, held, asked.reply);
      await write(trx);
    });
  const history = found.history.reverse();
  const { keyId } = identity;
  const { state } = found;
  const names = found.names.length > namesMax ? null : new Map(found.names.map(({ id, name }) => [id, name]));
  return {
    turn,
    first,
    begun,
    question: { tenantId, brainId: brain.id, keyId, text: question, history, cutAnswer, state, names, ...choice },
  };
}

type Earlier = Awaited<ReturnType<typeof lookUp>>['earlier'];

/**
 * What is asked: by itself, or by naming an earlier turn.
 *
 * @throws ProblemError `not-found`, `conflict`
 */
function questionOf({ question, retry_of, continues }: TurnInput, earlier: Earlier) {
  // A client may have cut it in the middle of an emoji.
  if (question !== undefined) return { question: storableText(question), counted: true };
  if (!earlier) throw notFound('turn', (retry_of ?? continues) as string);
  if (continues) {
    if (earlier.finish_reason !== 'length' || !earlier.answer)
      throw new ProblemError('conflict', 'Only an answer whose finish_reason is `length` goes on. Ask a new question.');
    return { question: earlier.question, counted: true, cutAnswer: earlier.answer };
  }
  if (earlier.status !== 'interrupted' && earlier.status !== 'failed')
    throw new ProblemError(
      'conflict',
      `The turn is '${earlier.status}', asked again are 'interrupted' and 'failed'. Ask its question as a new one.`,
    );
  if (earlier.retried) throw askedAgain();
  // Once: who leaves each answer before its end would ask for nothing all day.
  return { question: earlier.question, counted: !earlier.counted };
}

const askedAgain = () =>
  new ProblemError(
    'conflict',
    'The turn was asked again before. Retry the newer one, or ask its question as a new one.',
  );

/** More never fit into the part of the prompt that history may take. */
const exchangesMax = 20;
/** A search then waits for no names. In larger brains it asks for those of its hits. */
const namesMax = 50;

/**
 * What an answer needs to know, in one statement: the conversation, its last exchanges (newest first), its brain (null: it
 * is gone) with all its documents and those of them that are still being read, so not, or not wholly, searched.
 *
 * @throws ProblemError `not-found`, also for a conversation of other people
 */
async function lookUp(db: Database, { identity, conversationId, input }: Ask) {
  const named = input.retry_of ?? input.continues ?? null;
  const found = await db
    .selectFrom('conversations')
    .innerJoin('tenants', 'tenants.id', 'conversations.tenant_id')
    .where(ownConversation(identity))
    .where('conversations.id', '=', conversationId)
    .select((eb) => [
      'conversations.brain_id',
      'conversations.state',
      questionsLimited(identity.keyId).as('limited'),
      'tenants.models_allowed',
      jsonObjectFrom(
        eb
          .selectFrom('brains')
          .select(['id', 'model', 'instructions'])
          .select(['embedding_model', 'embedding_dimensions', 'next_embedding_model', 'next_embedding_dimensions'])
          .whereRef('brains.id', '=', 'conversations.brain_id')
          .where('brains.deleted_at', 'is', null),
      ).as('brain'),
      jsonArrayFrom(
        eb
          .selectFrom('turns')
          .select(['question', 'answer'])
          .whereRef('turns.conversation_id', '=', 'conversations.id')
          .where('answer', '!=', '')
          // Its question is asked now.
          .$if(named !== null, (other) => other.where('turns.id', '!=', named))
          .orderBy('turns.id', 'desc')
          .limit(exchangesMax),
      ).as('history'),
      eb
        .selectFrom('turns')
        .select('turns.id')
        .whereRef('turns.conversation_id', '=', 'conversations.id')
        .orderBy('turns.id', 'desc')
        .limit(1)
        .as('last_id'),
      jsonObjectFrom(
        eb
          .selectFrom('turns')
          .select(['question', 'answer', 'status', 'finish_reason', 'retried', 'counted'])
          .whereRef('turns.conversation_id', '=', 'conversations.id')
          .where('turns.id', '=', named),
      ).as('earlier'),
      eb
        .selectFrom('documents')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .whereRef('documents.brain_id', '=', 'conversations.brain_id')
        .where('documents.deleted_at', 'is', null)
        .as('documents'),
      jsonArrayFrom(
        eb
          .selectFrom('documents')
          .select(['id', 'name'])
          .whereRef('documents.brain_id', '=', 'conversations.brain_id')
          .where('documents.deleted_at', 'is', null)
          .limit(namesMax + 1),
      ).as('names'),
      eb
        .selectFrom('jobs')
        .innerJoin('documents', 'documents.id', 'jobs.document_id')
        .select(({ fn }) => fn.count<number>('documents.id').distinct().as('count'))
        .whereRef('jobs.brain_id', '=', 'conversations.brain_id')
        .where('jobs.kind', '=', 'ingest')
        .where('jobs.status', 'in', readingStatuses)
        .where('documents.deleted_at', 'is', null)
        .as('unread'),
    ])
    .$narrowType<{ documents: NotNull; unread: NotNull }>()
    .executeTakeFirst();
  if (!found) throw notFound('conversation', conversationId);
  return found;
}

const route = 'createTurn';

/** @throws ProblemError `key-reused` when the key came with another question, conversation or caller */
async function turnOfKey(db: ChatContext['db'], asked: Ask): Promise<string | null> {
  const { idempotencyKey: key, identity } = asked;
  if (!key) return null;
  const first = await findKey(db, { tenantId: identity.tenantId, route, key });
  if (!first) return null;
  if (!first.fingerprint.equals(fingerprint(asked)))
    throw new ProblemError(
      'key-reused',
      `The Idempotency-Key '${key}' came with another question before. Use a new key.`,
    );
  const turnId = first.response.turn_id as string;
  const turn = await db.selectFrom('turns').select('id').where('id', '=', turnId).executeTakeFirst();
  if (!turn) throw new ProblemError('gone', 'The turn of this Idempotency-Key was deleted. Use a new key.');
  return turnId;
}

function fingerprint({ identity, conversationId, input }: Ask): Buffer {
  const caller = identity.keyId ?? identity.personId;
  const { question, ...other } = input;
  return (
    createHash('sha256')
      // As before for a question: a key may be older than this build.
      .update(JSON.stringify([caller, conversationId, question ?? other]))
      .digest()
  );
}
