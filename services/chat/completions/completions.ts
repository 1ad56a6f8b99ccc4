/**
 * OpenAI's chat completions over a brain: `model` is `brain:{id}`, the last message is the question, earlier ones are
 * its context. Nothing is stored but the ledger, so a broken stream cannot be resumed: it ends the answer.
 */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { type FinishReason, questionCharactersMax } from '../../shared/contract/chat.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { goneSignal } from '../../shared/http/on-close.ts';
import { toOpenAiError } from '../../shared/http/openai-error.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { estimateTokens } from '../../shared/models/tokens.ts';
import { type Admitted, admitAnswer } from '../admission.ts';
import { answerProblem } from '../answering/answer-problem.ts';
import { collect, type Question } from '../answering/answerer.ts';
import type { Exchange } from '../answering/prompt.ts';
import type { ChatContext } from '../context.ts';
import { brainOf } from '../models/listing.ts';
import { openEventStream } from '../turns/sse.ts';
import type { TokenUsage } from '../turns/token-usage.ts';

export function serveCompletions(context: ChatContext): void {
  serve(context.app, routes.completions, async ({ body, identity, reply }) => {
    const { tenantId } = identity;
    const brainId = brainOf(body.model);
    const messages = readMessages(body.messages);
    return admitAnswer(
      context,
      { tenantId, brainId, keyId: identity.keyId, asked: messages, reply },
      async ({ id, choice, tokenUsage, settle, noting }) => {
        const question: Question = { tenantId, brainId, ...choice, ...messages };
        const answer: Answer = { id: `chatcmpl-${id}`, model: body.model, created: Math.floor(Date.now() / 1000) };
        if (!body.stream) return whole(context, question, tokenUsage, answer, reply, noting);
        const options = body.stream_options as { include_usage?: boolean } | undefined;
        return streamed(
          context,
          question,
          tokenUsage,
          answer,
          reply,
          { settle, noting },
          options?.include_usage === true,
        );
      },
    );
  });
}

interface Answer {
  readonly id: string;
  readonly model: string;
  readonly created: number;
}

async function whole(
  { answerer, turnTimeoutMs }: ChatContext,
  question: Question,
  tokenUsage: TokenUsage,
  answer: Answer,
  reply: FastifyReply,
  noting: Admitted['noting'],
) {
  const signal = AbortSignal.any([goneSignal(reply.raw), AbortSignal.timeout(turnTimeoutMs)]);
  const { text: content, finishReason, ...rest } = await collect(noting(answerer.answer(question, tokenUsage, signal)));
  return {
    ...answer,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        // All but the first two are our own additions; clients ignore what they do not know.
        message: { role: 'assistant', content, ...rest, answerer: rest.answerer ?? question.answerer },
        finish_reason: finishReason,
        logprobs: null,
      },
    ],
    usage: usageOf(question, tokenUsage, content),
  };
}

async function streamed(
  { answerer, log, turnTimeoutMs }: ChatContext,
  question: Question,
  tokenUsage: TokenUsage,
  answer: Answer,
  reply: FastifyReply,
  { settle, noting }: Pick<Admitted, 'settle' | 'noting'>,
  includeUsage: boolean,
): Promise<FastifyReply> {
  const stream = openEventStream(reply);
  const signal = AbortSignal.any([stream.signal, AbortSignal.timeout(turnTimeoutMs)]);
  const send = (members: object) =>
    stream.send({ json: JSON.stringify({ ...answer, object: 'chat.completion.chunk', ...members }) });
  const delta = (content: object, finish: string | null = null) =>
    send({ choices: [{ index: 0, delta: content, finish_reason: finish, logprobs: null }] });
  let content = '';
  let finishReason: FinishReason = 'stop';
  try {
    await delta({ role: 'assistant', content: '' });
    for await (const part of noting(answerer.answer(question, tokenUsage, signal))) {
      if ('text' in part) {
        content += part.text;
        await delta({ content: part.text });
      }
      if ('citation' in part) await delta({ citations: [part.citation] });
      if ('answered' in part) {
        finishReason = part.finishReason;
        await delta({ answered: part.answered });
      }
      if ('answerer' in part) await delta({ answerer: part.answerer });
    }
    // Before the end is told: whoever hears it finds the usage record written.
    await settle();
    await delta({}, finishReason);
    if (includeUsage) await send({ choices: [], usage: usageOf(question, tokenUsage, content) });
    await stream.send({ json: '[DONE]' });
  } catch (error) {
    if (!stream.signal.aborted) {
      log.warn({ err: error, cause: (error as Error).cause }, 'completion failed');
      await stream.send({ json: JSON.stringify(toOpenAiError(answerProblem(error, answer.id))) });
    }
  }
  stream.end();
  return reply;
}

function usageOf(question: Question, tokenUsage: TokenUsage, content: string) {
  const { tokensIn, tokensOut } = question.answerer.kind === 'model' ? tokenUsage : builtInTokens(question, content);
  return { prompt_tokens: tokensIn, completion_tokens: tokensOut, total_tokens: tokensIn + tokensOut };
}

/** Of the messages and the answer, for clients that show them. The ledger counts tokens that a model read and wrote. */
function builtInTokens({ text, history, callerInstructions = '' }: Question, content: string) {
  const messages = [callerInstructions, ...history.flatMap(({ question, answer }) => [question, answer]), text];
  return {
    tokensIn: messages.reduce((sum, message) => sum + estimateTokens(message), 0),
    tokensOut: estimateTokens(content),
  };
}

/** A string, or parts of which the text counts. */
const contentText = z.union([
  z.string(),
  z
    .array(z.looseObject({ type: z.string(), text: z.string().optional() }))
    .transform((parts) => parts.map(({ text }) => text ?? '').join('')),
]);

/** @throws ProblemError `bad-request` */
function readMessages(
  given: readonly { readonly role: string; readonly content: unknown }[],
): Pick<Question, 'text' | 'history' | 'callerInstructions'> {
  const messages = given.map(({ role, content }, index) => {
    const text = contentText.safeParse(content);
    if (!text.success)
      throw new ProblemError('bad-request', `messages[${index}].content must be a text, or parts with a text.`);
    return { role, text: text.data.trim() };
  });
  const last = messages.at(-1);
  if (last?.role !== 'user' || last.text === '')
    throw new ProblemError('bad-request', "The last message must be the question, with the role 'user' and a text.");
  if (last.text.length > questionCharactersMax)
    throw new ProblemError(
      'bad-request',
      `The question has ${last.text.length} characters, allowed are ${questionCharactersMax}.`,
    );
  checkSize('The messages before the question', messages.slice(0, -1), historyMax);
  const history: Exchange[] = [];
  for (const [index, { role, text }] of messages.entries())
    if (role === 'assistant' && messages[index - 1]?.role === 'user')
      history.push({ question: messages[index - 1]?.text ?? '', answer: text });
  const instructions = messages.filter(({ role }) => role === 'system' || role === 'developer').map(({ text }) => text);
  checkSize(
    'The system messages together',
    instructions.map((text) => ({ text })),
    instructionsMax,
  );
  return { text: last.text, history, ...(instructions.length > 0 && { callerInstructions: instructions.join('\n') }) };
}

interface Size {
  readonly characters: number;
  /** Estimated, as for the prompt: other scripts take more per character. */
  readonly tokens: number;
}

/** One counted question pays for them all: two pages of rules, less than its passages take. */
export const instructionsMax: Size = { characters: 8000, tokens: 3000 };
/** A client sends its whole conversation each time; only its newest part is read (prompt.ts), the rest is work. */
export const historyMax: Size = { characters: 200_000, tokens: 60_000 };

/** @throws ProblemError `bad-request` */
function checkSize(what: string, given: readonly { readonly text: string }[], allowed: Size): void {
  const characters = given.reduce((sum, { text }) => sum + text.length, 0);
  const tokens = given.reduce((sum, { text }) => sum + estimateTokens(text), 0);
  if (characters <= allowed.characters && tokens <= allowed.tokens) return;
  throw new ProblemError(
    'bad-request',
    `${what} have ${characters} characters, about ${tokens} tokens; allowed are ${allowed.characters} and ${allowed.tokens}. Send less.`,
  );
}
