/** Thumbs up and down: given by who asked, read by who administers and measures. */
import type { Citation, Verdict } from '../../shared/contract/chat.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import type { ChatContext } from '../context.ts';
import { toTurns } from './turn-store.ts';
import { findTurn } from './turns.ts';

export function serveFeedback(context: ChatContext): void {
  const { app, db } = context;

  serve(app, routes.rateTurn, async ({ params, body, identity }) => {
    const row = await findTurn(context, identity, params.turn);
    if (row.status === 'streaming')
      throw new ProblemError('conflict', 'The answer is under way. Say what you think of it when it has ended.');
    await db.updateTable('turns').set(body).where('id', '=', row.id).execute();
    const [turn] = await toTurns(db, [{ ...row, ...body }]);
    return turn as NonNullable<typeof turn>;
  });

  serve(app, routes.listFeedback, async ({ query, identity }) => {
    const rows = db
      .selectFrom('turns')
      .innerJoin('conversations', 'conversations.id', 'turns.conversation_id')
      .select(['turns.id', 'question', 'verdict', 'answered', 'citations', 'turns.created_at'])
      .where('turns.tenant_id', '=', identity.tenantId)
      .where('conversations.brain_id', '=', query.brain_id)
      .where('verdict', 'is not', null);
    const { page, next_cursor } = await newestFirst(rows, query, 'turns.id');
    const data = page.map(({ verdict, citations, created_at, ...row }) => ({
      ...row,
      verdict: verdict as Verdict,
      citations: citations as unknown as Citation[],
      created_at: created_at.toISOString(),
    }));
    return { data, next_cursor };
  });
}
