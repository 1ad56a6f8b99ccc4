/** Retrieval alone, for programs that read or rank passages themselves. */
import type { FastifyReply } from 'fastify';
import type { FoundPassage, SearchInput } from '../../shared/contract/chat.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { goneSignal } from '../../shared/http/on-close.ts';
import { admit } from '../admission.ts';
import { searchText } from '../answering/prompt.ts';
import type { ChatContext } from '../context.ts';

export function serveSearch(context: ChatContext): void {
  serve(context.app, routes.search, async ({ params, body, identity, reply }) => {
    const { tenantId } = identity;
    const data = await search(context, {
      tenantId,
      brainId: params.brain,
      keyId: identity.keyId,
      ...body,
      reply,
      signal: goneSignal(reply.raw),
    });
    return { object: 'list' as const, data };
  });
}

export interface Search extends SearchInput {
  readonly tenantId: string;
  readonly brainId: string;
  readonly keyId: string | null;
  readonly signal: AbortSignal;
  readonly reply?: FastifyReply;
}

/**
 * Counts as a question: else who has no questions left would search on.
 *
 * @throws ProblemError those of {@link admit}, `unavailable`
 */
export const search = (context: ChatContext, asked: Search): Promise<FoundPassage[]> =>
  admit(context, { ...asked, asked: { text: asked.query } }, async ({ tokenUsage, brain: vectors }) => {
    const { tenantId, brainId, query, limit, signal } = asked;
    const { hits, names } = await context.retrieval.search(
      { tenantId, brainId, text: searchText(query, []), vectors, limit },
      tokenUsage,
      AbortSignal.any([signal, AbortSignal.timeout(context.turnTimeoutMs)]),
    );
    return hits.flatMap((hit) => {
      const name = names.get(hit.document_id);
      // Deleted meanwhile.
      if (name === undefined) return [];
      const { document_id, page_number, start, end, text, score, heading } = hit;
      return { document_id, document_name: name, page_number, start, end, text, score, heading: heading || null };
    });
  });
