/** Calls to the vectorstore tier, signed, with a time limit and retries. */
import { ExponentialBackoff, handleWhen, retry, TaskCancelledError, TimeoutStrategy, timeout, wrap } from 'cockatiel';
import type { z } from 'zod';
import type { Verb } from '../../call-verbs.ts';
import type { SignCall } from '../../shared/auth/service-token.ts';
import {
  type ChunkInput,
  compactAnswer,
  documentsAnswer,
  readAnswer,
  vectorsAnswer,
  type vectorsBody,
  vectorstorePaths,
} from '../../shared/contract/vectorstore.ts';
import type { Embedding } from '../../shared/models/embedding.ts';

export interface BrainTarget {
  readonly tenantId: string;
  readonly brainId: string;
}
export interface DocumentTarget extends BrainTarget {
  readonly documentId: string;
  /** Of the run that writes; see contract/vectorstore.ts. */
  readonly epoch: number;
}

export interface Vectors {
  /** Same ids replace, so repeating is harmless. @throws VectorstoreError after retries */
  upsert(target: DocumentTarget, chunks: readonly ChunkInput[], signal?: AbortSignal): Promise<void>;
  /** @returns chunks that were found: the others are gone, or of a newer run. Repeating is harmless */
  addVectors(
    target: DocumentTarget,
    embedding: Embedding,
    vectors: readonly NewVector[],
    signal?: AbortSignal,
  ): Promise<number>;
  deleteDocument(target: DocumentTarget, signal?: AbortSignal): Promise<void>;
  /** What was deleted before has left the store when this is answered. */
  purge(target: BrainTarget, signal?: AbortSignal): Promise<void>;
  /** Stale rows and old versions go, small files are merged. */
  compact(target: BrainTarget): Promise<z.output<typeof compactAnswer>>;
  deleteBrain(target: BrainTarget, signal?: AbortSignal): Promise<void>;
  /** Documents that have chunks in a brain. */
  documentsOf(target: BrainTarget): Promise<readonly string[]>;
  /** Chunks of the pages from `first` to `last`. @param embedding whose vectors are looked for */
  chunksOf(
    target: Omit<DocumentTarget, 'epoch'>,
    first: number,
    last: number,
    embedding?: Embedding | null,
  ): Promise<readonly ReadChunk[]>;
}

export type NewVector = z.input<typeof vectorsBody>['vectors'][number];
export type ReadChunk = z.output<typeof readAnswer>['chunks'][number];

export class VectorstoreError extends Error {
  /** 0: no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'VectorstoreError';
    this.status = status;
  }
}

/** An upsert of 1,000 chunks commits in about a second; a first one may wait for the brain's writer. */
const callTimeoutMs = 60_000;
/** Writes the files of a large brain anew. */
const purgeTimeoutMs = 4 * 60_000;
/** Spans a restart of the tier; after that the job waits and is tried again as a whole. */
const retriesMax = 5;

export function openVectors(baseUrl: string, sign: SignCall): Vectors {
  const policyOf = (timeoutMs: number) =>
    wrap(
      retry(handleWhen(worthAnotherTry), {
        maxAttempts: retriesMax,
        backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 5000 }),
      }),
      timeout(timeoutMs, TimeoutStrategy.Aggressive),
    );
  const [quick, slow] = [policyOf(callTimeoutMs), policyOf(purgeTimeoutMs)];
  const call = (
    verb: Verb,
    target: BrainTarget,
    path: string,
    body: object,
    signal?: AbortSignal,
    policy = quick,
  ): Promise<unknown> =>
    policy.execute(async ({ signal }) => {
      const { tenantId, brainId } = target;
      const token = await sign({ to: 'vectorstore', verb, tenantId, brainId });
      const answer = await fetch(new URL(path, baseUrl), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
      }).catch((error: Error) => {
        signal.throwIfAborted();
        throw new VectorstoreError(0, `the vectorstore does not answer: ${String(error.cause ?? error.message)}`);
      });
      const text = await answer.text();
      if (!answer.ok)
        throw new VectorstoreError(answer.status, `the vectorstore answered ${answer.status}: ${text.slice(0, 500)}`);
      return JSON.parse(text) as unknown;
    }, signal);
  const write = async (...given: Parameters<typeof call>) => void (await call(...given));
  const { upsert, vectors: add, deleteDocument, purge, compact, deleteBrain, documents, read } = vectorstorePaths;
  return {
    upsert: (target, chunks, signal) =>
      write('write', target, upsert(target.brainId, target.documentId), { epoch: target.epoch, chunks }, signal),
    addVectors: async (target, { model, dimensions }, vectors, signal) => {
      const body = { epoch: target.epoch, model, dimensions, vectors };
      return vectorsAnswer.parse(await call('write', target, add(target.brainId, target.documentId), body, signal))
        .chunks;
    },
    deleteDocument: (target, signal) =>
      write('delete', target, deleteDocument(target.brainId, target.documentId), { epoch: target.epoch }, signal),
    purge: (target, signal) => write('delete', target, purge(target.brainId), {}, signal, slow),
    compact: async (target) =>
      compactAnswer.parse(await call('delete', target, compact(target.brainId), {}, undefined, slow)),
    deleteBrain: (target, signal) => write('delete', target, deleteBrain(target.brainId), {}, signal),
    documentsOf: async (target) =>
      documentsAnswer.parse(await call('read', target, documents(target.brainId), {})).documents,
    chunksOf: async (target, first, last, embedding) => {
      const pages = { first_page: first, last_page: last, model: embedding?.model, dimensions: embedding?.dimensions };
      return readAnswer.parse(await call('read', target, read(target.brainId, target.documentId), pages)).chunks;
    },
  };
}

/** A newer run, or the deletion of the document, took over. */
export const isSuperseded = (error: unknown) =>
  error instanceof VectorstoreError && (error.status === 409 || error.status === 410);

function worthAnotherTry(error: unknown): boolean {
  if (error instanceof VectorstoreError) return error.status === 0 || error.status === 429 || error.status >= 500;
  return error instanceof TaskCancelledError;
}
