/** What agents may do: look for a brain, search in it, ask it. */
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { FastifyReply } from 'fastify';
import type { NotNull } from 'kysely';
import { z } from 'zod';
import type { Identity } from '../../shared/auth/identity.ts';
import { citation, foundPassage, questionText, searchInput } from '../../shared/contract/chat.ts';
import { id } from '../../shared/contract/common.ts';
import { admitAnswer } from '../admission.ts';
import { answerProblem } from '../answering/answer-problem.ts';
import { collect } from '../answering/answerer.ts';
import type { ChatContext } from '../context.ts';
import { search } from '../search/search.ts';
import { withProgress } from './progress.ts';

export interface Caller {
  readonly context: ChatContext;
  readonly identity: Identity;
  readonly requestId: string;
  /** Of a call that its agent leaves, what was answered is waste. */
  readonly reply: FastifyReply;
}

/** An agent reads the whole list; older brains are reached by their id all the same. */
const brainsMax = 200;

const brainId = id.describe('id of a brain, from list_brains');
const listed = z.object({ id, name: z.string(), description: z.string(), documents: z.int() });
const reading = { readOnlyHint: true, openWorldHint: false };

export function registerTools(server: McpServer, caller: Caller): void {
  const { context, identity, reply } = caller;
  const { db, answerer, turnTimeoutMs } = context;
  const { tenantId } = identity;

  server.registerTool(
    'list_brains',
    {
      title: 'List brains',
      description: `The collections of documents that can be searched and asked, newest first, at most ${brainsMax}.`,
      outputSchema: { brains: z.array(listed) },
      annotations: reading,
    },
    () =>
      toolResult(caller, async () => {
        const brains = await db
          .selectFrom('brains')
          .select((eb) => [
            'id',
            'name',
            'description',
            eb
              .selectFrom('documents')
              .select(({ fn }) => fn.countAll<number>().as('count'))
              .whereRef('documents.brain_id', '=', 'brains.id')
              .where('documents.deleted_at', 'is', null)
              .as('documents'),
          ])
          .where('tenant_id', '=', tenantId)
          .where('deleted_at', 'is', null)
          .orderBy('id', 'desc')
          .limit(brainsMax)
          .$narrowType<{ documents: NotNull }>()
          .execute();
        return { brains };
      }),
  );

  server.registerTool(
    'search',
    {
      title: 'Search',
      description: 'Passages of a brain for a question or for keywords, best first, with document and page.',
      inputSchema: { brain_id: brainId, ...searchInput.shape },
      outputSchema: { passages: z.array(foundPassage) },
      annotations: reading,
    },
    ({ brain_id, query, limit }, { signal }) =>
      toolResult(caller, async () => ({
        passages: await search(context, { tenantId, brainId: brain_id, keyId: identity.keyId, query, limit, signal }),
      })),
  );

  server.registerTool(
    'ask',
    {
      title: 'Ask',
      description:
        'An answer from the documents of a brain. A mark [n] in it is the citation with that n. `answered` is false when the documents do not answer; the citations are then the nearest passages.',
      inputSchema: { brain_id: brainId, question: questionText },
      outputSchema: { answer: z.string(), answered: z.boolean(), citations: z.array(citation) },
      annotations: reading,
    },
    ({ brain_id, question: text }, { signal, ...progressTo }) =>
      toolResult(caller, () =>
        admitAnswer(
          context,
          { tenantId, brainId: brain_id, keyId: identity.keyId, asked: { text }, reply },
          async ({ choice, tokenUsage, noting }) => {
            const question = { tenantId, brainId: brain_id, text, history: [], ...choice };
            const within = AbortSignal.any([signal, AbortSignal.timeout(turnTimeoutMs)]);
            const {
              text: answer,
              answered,
              citations,
            } = await collect(withProgress(noting(answerer.answer(question, tokenUsage, within)), progressTo));
            return { answer, answered, citations };
          },
        ),
      ),
  );
}

/** The result of a tool; a refusal is one too, so that the agent can read why. */
async function toolResult({ context: { log }, requestId }: Caller, run: () => Promise<Record<string, unknown>>) {
  try {
    const structuredContent = await run();
    return {
      structuredContent,
      content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
    } satisfies CallToolResult;
  } catch (error) {
    const problem = answerProblem(error, requestId);
    if (problem.code === 'internal') log.error({ err: error, requestId }, 'tool failed');
    const text = JSON.stringify(problem.toProblem());
    return { isError: true, content: [{ type: 'text', text }] } satisfies CallToolResult;
  }
}
