/** The embedding's HTTP side: OpenAI's `/v1/embeddings`, for the tiers that are declared to call it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { Counter } from 'prom-client';
import type { ServiceCall, VerifyCall } from '../shared/auth/service-token.ts';
import { embeddingAnswer, embeddingBody, embeddingPath } from '../shared/contract/embedding.ts';
import { gauge } from '../shared/gauge.ts';
import { type App, bodyBytesMax, createApp } from '../shared/http/http.ts';
import { callerGone, goneSignal, onClose } from '../shared/http/on-close.ts';
import { ProblemError, yieldError } from '../shared/http/problem.ts';
import type { Logger } from '../shared/log.ts';
import { builtInEmbedding } from '../shared/models/embedder.ts';
import { createSlots } from '../shared/slots/slots.ts';
import type { Engine } from './inference/engine.ts';

export interface EmbeddingOptions {
  readonly engine: Engine;
  readonly verify: VerifyCall;
  readonly notReady?: () => Promise<string | null>;
  readonly log: Logger;
}

/** Questions wait for each other, some milliseconds each: the last of them still less than a second. */
const questionsMax = 64;
/** Documents' requests of all tenants, about 50 ms each: nobody waits for more than a second. */
const documentsMax = 16;

export function createEmbeddingApp({ engine, verify, notReady = async () => null, log }: EmbeddingOptions): App {
  const app = createApp({ log, notReady });
  const questions = createSlots({ max: questionsMax, expectedMs: 20 });
  const documents = createSlots({ max: documentsMax, expectedMs: 200 });
  const count = measure(app, engine, { questions, documents });

  /** Before the body is read: a stranger, or one too many, must not fill the memory. */
  const admit = async (request: FastifyRequest, reply: FastifyReply) => {
    const call = await verify(request.headers.authorization, 'embed');
    // Whoever left meanwhile sends no body, and their call would not end.
    if (reply.raw.destroyed) throw callerGone();
    const slot = isQuestion(call) ? questions.take() : documents.take(call.tenantId);
    if ('retryHintMs' in slot) throw yieldError('Enough texts wait for this replica.', slot.retryHintMs);
    onClose(reply.raw, slot.release);
    request.embedding = { call, signal: goneSignal(reply.raw, callerGone) };
  };
  app.http.decorateRequest('embedding', null);

  app.http.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: embeddingPath,
    config: { errors: 'openai' } as object,
    bodyLimit: bodyBytesMax,
    onRequest: admit,
    schema: { body: embeddingBody, response: { 200: embeddingAnswer } },
    handler: async ({ body, embedding }) => {
      requireThisModel(body);
      const { call, signal } = embedding as Admitted;
      const question = isQuestion(call);
      const { vectors, tokens } = await engine.embed(body.input, { question, signal }).catch((error) => {
        throw signal.aborted ? signal.reason : error;
      });
      count(question ? 'question' : 'document', body.input.length, tokens);
      const encode = body.encoding_format === 'base64' ? base64 : (vector: Float32Array) => Array.from(vector);
      return {
        object: 'list' as const,
        data: body.input.map((_, index) => ({
          object: 'embedding' as const,
          index,
          embedding: encode(vectors.subarray(index * dimensions, (index + 1) * dimensions)),
        })),
        model,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      };
    },
  });
  return app;
}

interface Admitted {
  readonly call: ServiceCall;
  /** The caller went away. */
  readonly signal: AbortSignal;
}

const { model, dimensions } = builtInEmbedding;

/** Somebody waits for what chat asks, nobody for a single step of what a worker does. */
const isQuestion = ({ from }: ServiceCall) => from !== 'document-worker';

function requireThisModel(asked: { readonly model: string; readonly dimensions?: number | undefined }): void {
  if (asked.model !== model)
    throw new ProblemError('not-found', `The model is '${asked.model}', served here is '${model}'.`);
  if (asked.dimensions !== undefined && asked.dimensions !== dimensions)
    throw new ProblemError('bad-request', `'dimensions' is ${asked.dimensions}, allowed is ${dimensions}.`);
}

const base64 = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

function measure(
  app: App,
  engine: Engine,
  slots: Readonly<Record<keyof Engine['waiting'], ReturnType<typeof createSlots>>>,
) {
  const registers = [app.metrics];
  for (const kind of ['questions', 'documents'] as const) {
    const own = (name: string, help: string, read: () => number) =>
      gauge(app.metrics, `embedding_${kind}_${name}`, help, read);
    own('waiting', `Requests of ${kind} that wait for the model`, () => engine.waiting[kind]);
    own('executed', `Number of ${kind} let in`, () => slots[kind].counts.executed);
    own('yielded', `Number of ${kind} refused with 503 yield`, () => slots[kind].counts.yielded);
  }
  const labelNames = ['of'] as const;
  const texts = new Counter({ name: 'embedding_texts_total', help: 'Texts embedded', labelNames, registers });
  const tokens = new Counter({ name: 'embedding_tokens_total', help: 'Tokens embedded', labelNames, registers });
  return (of: 'question' | 'document', textCount: number, tokenCount: number) => {
    texts.inc({ of }, textCount);
    tokens.inc({ of }, tokenCount);
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    embedding: Admitted | null;
  }
}
