/** Conversations, turns and the events of a turn's stream. */
import { z } from 'zod';
import { id, problem, text, timestamp } from './common.ts';
import { hitsMax } from './vectorstore.ts';

/** Longest question: 8,000 characters are about 2,000 tokens, more than a question needs and less than a model's window. */
export const questionCharactersMax = 8000;

export const citation = z.object({
  /** Number of the mark `[n]` in the answer, from 1. */
  n: z.int().min(1),
  document_id: id,
  document_name: z.string(),
  page_number: z.int().min(1),
  /** UTF-16 offsets of the passage in the page's text. */
  start: z.int().min(0),
  end: z.int().min(0),
  quote: z.string(),
  /** The document was deleted since, and its name and quote with it. */
  deleted: z.literal(true).optional(),
});
export type Citation = z.output<typeof citation>;

/** What a search finds: a piece of a page. */
export const foundPassage = citation.omit({ n: true, quote: true, deleted: true }).extend({
  text: z.string(),
  /** Higher is better; comparable within one answer only. */
  score: z.number(),
  /** Where the text stands in its document; null: there is no heading above it. */
  heading: z.string().nullable(),
});
export type FoundPassage = z.output<typeof foundPassage>;
export const searchInput = z.strictObject({
  query: text.trim().min(1).max(questionCharactersMax),
  limit: z.int().min(1).max(hitsMax).default(10),
});
export type SearchInput = z.output<typeof searchInput>;

export const turnUsage = z.object({
  tokens_in: z.int(),
  tokens_out: z.int(),
  /** Of the model; null: its price is unknown. */
  cost_usd: z.number().nullable(),
  passages: z.int(),
});

export const turnStatus = z.enum(['streaming', 'done', 'stopped', 'interrupted', 'failed']);
export type TurnStatus = z.output<typeof turnStatus>;

/** `length`: cut at the model's limit of tokens; `content_filter`: its provider held back the rest. */
export const finishReason = z.enum(['stop', 'length', 'content_filter']);
export type FinishReason = z.output<typeof finishReason>;

/** What a person thinks of an answer: thumbs up or down. */
export const verdict = z.enum(['up', 'down']);
export type Verdict = z.output<typeof verdict>;

export const turn = z.object({
  id,
  object: z.literal('turn'),
  conversation_id: id,
  question: z.string(),
  /** Empty, too, when a document that it cites was deleted. */
  answer: z.string(),
  status: turnStatus,
  /** Null: it has no end, or ended before ends were noted. */
  finish_reason: finishReason.nullable(),
  /** The lost turn whose question this one asks again. */
  retry_of: id.nullable(),
  /** The turn whose answer was cut, and goes on here. */
  continues: id.nullable(),
  /** `extractive`: sentences quoted from the documents, no language model. */
  answerer: z.object({ kind: z.enum(['model', 'extractive']), name: z.string() }),
  /** False: the documents do not answer the question; the citations are then the nearest passages. */
  answered: z.boolean().nullable(),
  citations: z.array(citation),
  usage: turnUsage.nullable(),
  /** Documents of the brain that were still being read when the question was asked. */
  unread_documents: z.int(),
  error: problem.nullable(),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
  /** Absent: nothing was said. */
  verdict: verdict.optional(),
});
export type Turn = z.output<typeof turn>;

export const questionText = text.trim().min(1).max(questionCharactersMax);
/** One of the three. */
export const turnInput = z
  .strictObject({
    question: questionText.optional(),
    /** A turn of this conversation that is `interrupted` or `failed`: its question is asked again, once without counting. */
    retry_of: id.optional(),
    /** A turn of this conversation whose `finish_reason` is `length`: its answer goes on. Counts as a question. */
    continues: id.optional(),
  })
  .refine((input) => Object.values(input).filter((given) => given !== undefined).length === 1, {
    message: "give one of 'question', 'retry_of' and 'continues'",
  })
  .meta({ minProperties: 1, maxProperties: 1 });
export type TurnInput = z.output<typeof turnInput>;

export const conversation = z.object({
  id,
  object: z.literal('conversation'),
  brain_id: id,
  title: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
});
export type Conversation = z.output<typeof conversation>;
const title = text.trim().max(200);
export const conversationInput = z.strictObject({ brain_id: id, title: title.default('') });
export const conversationChange = z.strictObject({ title: title.min(1) });
/** It is read with every question: as much as the instructions of a brain, about 1,000 tokens. */
export const stateBytesMax = 4096;
/** NUL and half a surrogate pair, as JSON writes them: PostgreSQL stores neither. */
const notStorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;
const state = z.record(z.string(), z.unknown()).superRefine((given, refusal) => {
  let json = '';
  try {
    json = JSON.stringify(given);
  } catch {
    return refusal.addIssue('is nested too deeply');
  }
  const bytes = new TextEncoder().encode(json).length;
  if (bytes > stateBytesMax) refusal.addIssue(`has ${bytes} bytes as JSON, allowed are ${stateBytesMax}`);
  if (notStorable.test(json)) refusal.addIssue('must hold neither the character NUL nor half of a pair');
});
/** What an application keeps of a conversation; its answers know it. */
export const conversationState = z.object({
  state: z.record(z.string(), z.unknown()),
  /** Grows with each change; 0: nothing was set. */
  version: z.int(),
});
export type ConversationState = z.output<typeof conversationState>;
export const conversationStateInput = z.strictObject({
  state,
  /** The one that was read: a change in between is not overwritten. */
  version: z.int().min(0).max(2_147_483_647),
});

/** In titles, questions and answers, whatever the case of its letters. */
export const conversationSearch = text.trim().min(1).max(200);

/**
 * Events of `POST …/turns` and `GET …/turns/{t}/events`, in this order: one `turn`, one `searching`, one `found`, any number of
 * `token` and `citation`, then one of `done`, `error`. The SSE `id` is the event's place in the turn, from 1. They are kept
 * for a day after the turn's end, and no longer than the documents that they cite; of a turn without events only its end
 * is sent, as it is now.
 */
export const turnEvents = {
  turn,
  searching: z.object({ documents: z.int() }),
  /** What the answerer reads now; the first word is next. */
  found: z.object({ passages: z.int() }),
  token: z.object({ text: z.string() }),
  citation,
  /** The finished turn, `stopped` and `interrupted` included. */
  done: turn,
  error: problem,
};
export type TurnEvent = {
  [Name in keyof typeof turnEvents]: { event: Name; data: z.output<(typeof turnEvents)[Name]> };
}[keyof typeof turnEvents];

/** A turn with a verdict, without its answer: what an evaluation needs. */
export const feedback = turn
  .pick({ id: true, question: true, answered: true, citations: true, created_at: true })
  .extend({ verdict });

/** A brain as OpenAI's clients list it: its `id` is a `model` of chat completions. */
export const brainModel = z.object({
  id: z.string().regex(/^brain:/),
  object: z.literal('model'),
  /** Seconds since 1970. */
  created: z.int(),
  owned_by: z.string(),
  /** Our own addition: the brain's name, which some clients show. */
  name: z.string(),
});

/** What a brain may be answered by. */
export const model = z.object({
  id: z.string(),
  object: z.literal('model'),
  kind: z.enum(['model', 'extractive']),
  owned_by: z.string(),
  /** Tokens that it reads and writes in one call; null: unknown. */
  context_tokens: z.int().nullable(),
  /** US dollars; null: unknown. */
  usd_per_million_tokens: z.object({ in: z.number(), out: z.number() }).nullable(),
});
