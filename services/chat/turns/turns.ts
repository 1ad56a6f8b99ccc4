/** Turns: asked, streamed, resumed, stopped, read. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Identity } from '../../shared/auth/identity.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { readIdempotencyKey } from '../../shared/http/idempotency-key.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { type ChatContext, ownConversation } from '../context.ts';
import { findConversation } from '../conversations/conversations.ts';
import { ask } from './ask.ts';
import { openEventStream } from './sse.ts';
import { followTurn } from './turn-follow.ts';
import { type TurnRow, toTurns } from './turn-store.ts';

export function serveTurns(context: ChatContext): void {
  const { app, db, signals, streams } = context;

  serve(app, routes.createTurn, async ({ params, body, identity, request, reply }) => {
    const idempotencyKey = readIdempotencyKey(request.headers['idempotency-key']);
    const after = lastEventId(request);
    // First: who cannot be told the answer has asked nothing, and pays nothing.
    streams.takeFor(identity, reply);
    const { turnId, replayed } = await ask(context, {
      identity,
      conversationId: params.conversation,
      input: body,
      idempotencyKey,
      heard: after > 0,
      reply,
    });
    if (idempotencyKey) reply.header('idempotency-key', idempotencyKey);
    if (replayed) reply.header('idempotency-replayed', 'true');
    reply.header('content-location', `/v1/chat/turns/${turnId}`);
    return sendEvents(context, turnId, after, request, reply);
  });

  serve(app, routes.turnEvents, async ({ params, identity, request, reply }) => {
    const after = lastEventId(request);
    streams.takeFor(identity, reply);
    await findTurn(context, identity, params.turn);
    return sendEvents(context, params.turn, after, request, reply);
  });

  serve(app, routes.getTurn, async ({ params, identity }) => {
    const [turn] = await toTurns(db, [await findTurn(context, identity, params.turn)]);
    return turn as NonNullable<typeof turn>;
  });

  serve(app, routes.listTurns, async ({ params, query, identity }) => {
    await findConversation(db, identity, params.conversation);
    const rows = db.selectFrom('turns').selectAll().where('conversation_id', '=', params.conversation);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: await toTurns(db, page), next_cursor };
  });

  serve(app, routes.stopTurn, async ({ params, identity }) => {
    const row = await findTurn(context, identity, params.turn);
    if (row.status === 'streaming') {
      await db.updateTable('turns').set({ stop_requested: true }).where('id', '=', row.id).execute();
      // Whichever replica answers it hears this; should the signal be lost, it reads the column when it renews its lease.
      await signals.send('stop', row.id);
    }
    const [turn] = await toTurns(db, [row]);
    return turn as NonNullable<typeof turn>;
  });
}

/** @throws ProblemError `not-found`, also for those of other people */
export async function findTurn({ db }: ChatContext, identity: Identity, id: string): Promise<TurnRow> {
  const row = await db
    .selectFrom('turns')
    .innerJoin('conversations', 'conversations.id', 'turns.conversation_id')
    .selectAll('turns')
    .where('turns.id', '=', id)
    .where(ownConversation(identity))
    .executeTakeFirst();
  if (!row) throw notFound('turn', id);
  return row;
}

async function sendEvents(
  { app, db, runner, signals }: ChatContext,
  turnId: string,
  after: number,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const stream = openEventStream(reply);
  // An answer of this replica is read to its end while it drains; one of another is better resumed elsewhere.
  const signal = runner.stream(turnId) ? stream.signal : AbortSignal.any([stream.signal, app.stopping]);
  try {
    for await (const { sequence, event, json } of followTurn({ db, runner, signals, signal }, turnId, after))
      await stream.send({ event, id: sequence, json });
  } catch (error) {
    // The answer has begun, so its status cannot tell; the reader resumes where it was.
    request.log.warn({ err: error, turnId }, 'stream of a turn broken off');
  }
  stream.end();
  return reply;
}

/** @throws ProblemError `bad-request` */
function lastEventId(request: FastifyRequest): number {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return 0;
  if (typeof given !== 'string' || !/^\d{1,9}$/.test(given))
    throw new ProblemError('bad-request', `Last-Event-ID is '${given}', allowed is the id of an event of this turn.`);
  return Number(given);
}
