/** The vectorstore's HTTP side: the internal routes of contract/vectorstore.ts. */
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { z } from 'zod';
import type { Verb } from '../call-verbs.ts';
import type { VerifyCall } from '../shared/auth/service-token.ts';
import { id } from '../shared/contract/common.ts';
import {
  type Chunk,
  compactAnswer,
  deleteDocumentBody,
  documentsAnswer,
  readAnswer,
  readBody,
  searchAnswer,
  searchBody,
  sentencesMax,
  upsertAnswer,
  upsertBody,
  vectorsAnswer,
  vectorsBody,
  vectorstorePaths,
} from '../shared/contract/vectorstore.ts';
import { gauge } from '../shared/gauge.ts';
import type { Dependency } from '../shared/http/health.ts';
import { type App, createApp, fastifyPath } from '../shared/http/http.ts';
import { callerGone, goneSignal, onClose } from '../shared/http/on-close.ts';
import { ProblemError, yieldError } from '../shared/http/problem.ts';
import type { Logger } from '../shared/log.ts';
import { createSlots, type Slots } from '../shared/slots/slots.ts';
import { createFairQueue, type FairQueue } from './search/fair-queue.ts';
import type { Brain } from './tables/brain-tables.ts';
import type { Embedding } from './tables/table-schema.ts';
import type { VectorStore } from './vector-store.ts';

export interface VectorstoreOptions {
  readonly store: VectorStore;
  readonly verify: VerifyCall;
  readonly notReady: () => Promise<string | null>;
  readonly dependencies?: readonly Dependency[];
  readonly log: Logger;
}

/** 1,000 chunks with vectors of 1,536 numbers are 32 MB of JSON; callers with longer vectors send fewer chunks. */
const upsertBytesMax = 40 * 1024 * 1024;
/** Bodies in memory at once: 8 × 40 MB, with their parsed form below a gigabyte in the worst case. */
const writesMax = 8;
/** Queries that are here at once; each holds a few megabytes. */
const searchesMax = 64;
/** As many as TOKIO_WORKER_THREADS: more would only share their CPU, and nobody could go first. */
const searchesRunningMax = 4;

export function createVectorstoreApp(options: VectorstoreOptions): App {
  const { store, verify } = options;
  const app = createApp(options);
  const writes = createSlots({ max: writesMax, expectedMs: 500 });
  const searches = createSlots({ max: searchesMax, expectedMs: 50 });
  const turns = createFairQueue(searchesRunningMax);
  measure(app, store, { writes, searches }, turns);

  /** Before the body is read: a stranger, or one too many, must not fill the memory. */
  const admit = (slots: Slots, verb: Verb) => async (request: FastifyRequest, reply: FastifyReply) => {
    const { brain } = request.params as { brain: string };
    const call = await verify(request.headers.authorization, verb);
    if (call.brainId !== brain)
      throw new ProblemError('forbidden', `The token is for brain ${call.brainId}, the path names ${brain}.`);
    request.brain = { tenantId: call.tenantId, brainId: brain };
    // Whoever left meanwhile sends no body, and their call would not end.
    if (reply.raw.destroyed) throw callerGone();
    // Workers, which write, share themselves among tenants.
    const slot = slots.take(slots === searches ? call.tenantId : undefined);
    if ('retryHintMs' in slot) throw yieldError('All slots of this replica are taken.', slot.retryHintMs);
    request.withSlot = holdSlot(reply, slot.release);
  };
  app.http.decorateRequest('brain', null);
  app.http.decorateRequest('withSlot', null);

  const route = <Body extends z.ZodType, Answer extends z.ZodType>(
    path: string,
    verb: Verb,
    slots: Slots,
    schema: { readonly body?: Body; readonly answer: Answer },
    handler: (brain: Brain, params: { readonly document: string }, body: z.output<Body>) => Promise<z.input<Answer>>,
  ) =>
    app.http.route({
      method: 'POST',
      url: fastifyPath(path),
      bodyLimit: upsertBytesMax,
      onRequest: admit(slots, verb),
      schema: {
        params: z.object({ brain: id, document: id.optional() }),
        ...(schema.body && { body: schema.body }),
        response: { 200: schema.answer },
      } as FastifySchema,
      handler: async (request, reply) => {
        const { brain, params, body, withSlot } = request;
        const { tenantId } = brain as Brain;
        const work = () => handler(brain as Brain, params as { document: string }, body as z.output<Body>);
        const inTurn = slots === searches ? () => turns.run(tenantId, work, goneSignal(reply.raw, callerGone)) : work;
        return reply.send(await (withSlot as WithSlot)(inTurn));
      },
    });

  route(
    vectorstorePaths.upsert('{brain}', '{document}'),
    'write',
    writes,
    { body: upsertBody, answer: upsertAnswer },
    (...call) => upsert(store, ...call),
  );
  route(
    vectorstorePaths.vectors('{brain}', '{document}'),
    'write',
    writes,
    { body: vectorsBody, answer: vectorsAnswer },
    async (brain, { document }, { epoch, model, dimensions, vectors }) => {
      requireVectors(document, { model, dimensions }, vectors);
      return { chunks: await store.addVectors(brain, { documentId: document, epoch }, { model, dimensions }, vectors) };
    },
  );
  route(
    vectorstorePaths.search('{brain}'),
    'search',
    searches,
    { body: searchBody, answer: searchAnswer },
    async (brain, _, body) => ({
      hits: await store.search(brain, { ...body, documentIds: body.document_ids }),
    }),
  );
  route(
    vectorstorePaths.deleteDocument('{brain}', '{document}'),
    'delete',
    writes,
    { body: deleteDocumentBody, answer: done },
    async (brain, { document }, { epoch }) => {
      await store.deleteDocument(brain, { documentId: document, epoch });
      return {};
    },
  );
  route(vectorstorePaths.compact('{brain}'), 'delete', writes, { answer: compactAnswer }, (brain) =>
    store.compact(brain),
  );
  route(vectorstorePaths.purge('{brain}'), 'delete', writes, { answer: done }, async (brain) => {
    await store.purge(brain);
    return {};
  });
  route(vectorstorePaths.deleteBrain('{brain}'), 'delete', writes, { answer: done }, async (brain) => {
    await store.deleteBrain(brain);
    return {};
  });
  route(vectorstorePaths.documents('{brain}'), 'read', searches, { answer: documentsAnswer }, async (brain) => ({
    documents: await store.documents(brain),
  }));
  route(
    vectorstorePaths.read('{brain}', '{document}'),
    'read',
    searches,
    { body: readBody, answer: readAnswer },
    async (brain, { document }, { first_page, last_page, model, dimensions }) => ({
      chunks: await store.read(
        brain,
        document,
        first_page,
        last_page,
        dimensions === undefined ? null : { model, dimensions },
      ),
    }),
  );
  return app;
}

const done = z.object({});

type WithSlot = <Answer>(work: () => Promise<Answer>) => Promise<Answer>;

/**
 * Gives the slot back when the call has ended, in any way: `close` comes also when the caller went away, `onResponse` does
 * not. Work that is under way then holds its slot until it has ended: its body is still in memory.
 */
function holdSlot({ raw }: FastifyReply, release: () => void): WithSlot {
  let [working, closed] = [false, false];
  onClose(raw, () => {
    closed = true;
    if (!working) release();
  });
  return async (work) => {
    working = true;
    try {
      return await work();
    } finally {
      working = false;
      if (closed) release();
    }
  };
}

async function upsert(
  store: VectorStore,
  brain: Brain,
  { document }: { readonly document: string },
  { epoch, model, dimensions, chunks }: z.output<typeof upsertBody>,
): Promise<z.input<typeof upsertAnswer>> {
  const embedding = dimensions === undefined ? null : { model, dimensions };
  requireVectors(document, embedding, chunks);
  if (chunks.length > 0) await store.upsert(brain, { documentId: document, epoch }, embedding, chunks);
  return { chunks: chunks.length };
}

/** @throws ProblemError `bad-request` on what is of another document, or of another length than was said */
function requireVectors(
  document: string,
  embedding: Embedding | null,
  rows: readonly Pick<Chunk, 'id' | 'vector' | 'sentence_vectors'>[],
): void {
  const stranger = rows.find((row) => !row.id.startsWith(`${document}:`));
  if (stranger)
    throw new ProblemError(
      'bad-request',
      `The chunk id '${stranger.id}' must start with '${document}:', its document.`,
    );
  const dimensions = embedding?.dimensions ?? 0;
  for (const { vector, sentence_vectors: sentences } of rows) {
    if (vector && vector.length !== dimensions)
      throw new ProblemError(
        'bad-request',
        `'dimensions' is ${embedding ? dimensions : 'absent'}, a vector has ${vector.length} numbers.`,
      );
    if (sentences && (!vector || sentences.length % dimensions !== 0))
      throw new ProblemError(
        'bad-request',
        `'sentence_vectors' has ${sentences.length} bytes: it must be whole vectors of ${dimensions} beside a 'vector'.`,
      );
    if (sentences && sentences.length > sentencesMax * dimensions)
      throw new ProblemError(
        'bad-request',
        `'sentence_vectors' holds ${sentences.length / dimensions} vectors, allowed are ${sentencesMax}.`,
      );
  }
}

function measure(
  app: App,
  store: VectorStore,
  slots: Readonly<Record<'writes' | 'searches', Slots>>,
  turns: FairQueue,
): void {
  gauge(app.metrics, 'vectorstore_cache_bytes', 'Index and metadata cache in use', () => store.cacheBytes());
  gauge(app.metrics, 'vectorstore_searches_waiting', 'Searches that wait for their turn', () => turns.waiting);
  for (const [kind, { counts }] of Object.entries(slots)) {
    gauge(app.metrics, `vectorstore_${kind}_executed`, `Number of ${kind} let in`, () => counts.executed);
    gauge(app.metrics, `vectorstore_${kind}_yielded`, `Number of ${kind} refused with 503 yield`, () => counts.yielded);
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    brain: Brain | null;
    withSlot: WithSlot | null;
  }
}
