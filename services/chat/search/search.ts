/** Retrieval alone, for programs that read or rank passages themselves. */
import type { FastifyReply } from 'fastify';
import { uuidv7 } from 'uuidv7';
import type { Identity } from '../../shared/auth/identity.ts';
import type { FoundPassage, SearchInput } from '../../shared/contract/chat.ts';
import { routes } from '../../shared/contract/routes.ts';
import { type App, serve } from '../../shared/http/http.ts';
import { takeQuotas } from '../../shared/ledger/quota.ts';
import { searchText } from '../answering/prompt.ts';
import { type ChatContext, findBrain, takeSlot } from '../context.ts';
import { requireEmbedding } from '../turns/ask.ts';
import { newTokenUsage, recordQuestion, recordTokens, type UsageRecord } from '../turns/ledger.ts';

export function serveSearch(app: App, context: ChatContext): void {
  serve(app, routes.search, async ({ params, body, identity, reply }) => {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const data = await search(context, { identity, brainId: params.brain, ...body, reply, signal: gone.signal });
    return { object: 'list' as const, data };
  });
}

export interface Search extends SearchInput {
  readonly identity: Identity;
  readonly brainId: string;
  readonly signal: AbortSignal;
  /** Gets the headers of a quota. */
  readonly reply?: FastifyReply;
}

/**
 * Takes what a question takes, a slot and one of the day's questions: else who has no questions left would search on.
 *
 * @throws ProblemError `yield`, `not-found`, `conflict`, `quota`, `unavailable`
 */
export async function search(context: ChatContext, asked: Search): Promise<FoundPassage[]> {
  const { db, slots, retrieval, turnTimeoutMs } = context;
  const { identity, brainId, query, limit, signal, reply } = asked;
  const { tenantId } = identity;
  const release = takeSlot(slots, tenantId);
  const tokenUsage = newTokenUsage();
  const usageRecord: UsageRecord = { id: uuidv7(), tenantId, brainId, turnId: null };
  try {
    requireEmbedding(context, await findBrain(db, tenantId, brainId));
    await db.transaction().execute(async (trx) => {
      await takeQuotas(trx, tenantId, [{ quota: 'questions_per_day_max', adds: 1 }], reply);
      await recordQuestion(trx, usageRecord);
    });
    const { hits, names } = await retrieval.search(
      { tenantId, brainId, text: searchText(query, []), limit },
      tokenUsage,
      AbortSignal.any([signal, AbortSignal.timeout(turnTimeoutMs)]),
    );
    return hits.flatMap((hit) => {
      const name = names.get(hit.document_id);
      // Deleted meanwhile.
      if (name === undefined) return [];
      const { document_id, page_number, start, end, text, score } = hit;
      const heading = 'heading' in hit && typeof hit.heading === 'string' ? hit.heading : '';
      return { document_id, document_name: name, page_number, start, end, text, score, heading: heading || null };
    });
  } finally {
    release();
    await recordTokens(db, usageRecord, tokenUsage);
  }
}
