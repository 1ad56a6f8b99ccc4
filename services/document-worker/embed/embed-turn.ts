/**
 * One turn of a document whose text is searched already and whose vectors are still to come: some pages are looked at, a
 * batch of chunks without a vector is embedded and stored. Small, so that a large document stands in nobody's way. What is
 * stored is not embedded again, wherever a turn broke off; what comes after a newer index run or a deletion is refused by
 * the epoch, as any write to the vectorstore.
 */
import { sql } from 'kysely';
import { recordEvent } from '../../shared/jobs/events.ts';
import { dropHeldUsd } from '../../shared/jobs/held-usd.ts';
import { entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import { QuotaError, tomorrow } from '../../shared/ledger/quota-error.ts';
import type { Embedder, Embedding } from '../../shared/models/embedding.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { isSuperseded, type ReadChunk, type Vectors } from '../index/vectors.ts';
import { embedPaid, type PaidFor, type PayContext, textsPerChunk } from './embed-paid.ts';

export interface EmbedContext extends PayContext {
  readonly vectors: Vectors;
}

/** Two seconds of the embedding tier, on one CPU; a kill loses no more. */
const chunksPerTurn = 64;
const secondsPerTurn = 2;
/** Looked at in one read: more than a turn embeds where pages are full, some 100 KB. */
export const pagesPerTurn = 32;
/** While the vectorstore reads a body no search moves (index/index-document.ts). */
const bodyBytesMax = 1024 * 1024;
/** 8 bytes for each number of a chunk's vector; for each of some eight sentences four bytes of base64 per three numbers. */
const chunksMax = ({ dimensions, textsPerSecond }: Pick<Embedder, 'dimensions' | 'textsPerSecond'>) =>
  Math.max(
    1,
    Math.min(
      chunksPerTurn,
      Math.floor(bodyBytesMax / (dimensions * (8 + (8 * 4) / 3))),
      // An account's limit makes a turn no longer than the tier does: others come as soon.
      Math.floor((textsPerSecond * secondsPerTurn) / textsPerChunk),
    ),
  );

/** `whole`: it has all its vectors now. `gone`: there is nothing left to do for it, or not now. */
export type TurnOutcome = 'more' | 'whole' | 'gone';

/**
 * The caller holds the document's {@link vectorsLock}.
 *
 * @throws EmbeddingError, VectorstoreError, and what another try may mend
 */
export async function embedTurn(context: EmbedContext, documentId: string, signal: AbortSignal): Promise<TurnOutcome> {
  const { db, vectors, embedder, log } = context;
  const document = await pendingDocument(db, embedder, documentId);
  if (!document) return 'gone';
  const { target, pagesTotal, done } = document;
  const last = Math.min(done + pagesPerTurn, pagesTotal);
  const chunks = done < last ? await vectors.chunksOf(target, done + 1, last, embedder) : [];
  const lacking = inOrder(chunks.filter(({ has_vector }) => !has_vector));
  const batch = lacking.slice(0, chunksMax(embedder));
  signal.throwIfAborted();
  try {
    if (batch.length > 0 && !(await addVectors(context, document, batch, signal))) return 'gone';
  } catch (error) {
    if (!(error instanceof QuotaError)) throw error;
    log.info({ documentId, err: error }, 'vectors wait for another day: found by full text alone meanwhile');
    await pauseVectors(db, documentId, error.resetsAt ?? tomorrow(new Date()));
    return 'gone';
  }
  const next = lacking[batch.length];
  return checkpoint(db, embedder, document, next ? next.page_number - 1 : last);
}

interface Pending extends PaidFor {
  readonly pagesTotal: number;
  /** Pages that have all their vectors. */
  readonly done: number;
}

/** Null: nothing is to be made of it, or vectors of another model. */
async function pendingDocument(
  db: Database,
  { model, dimensions }: Embedding,
  documentId: string,
): Promise<Pending | null> {
  const row = await db
    .selectFrom('documents')
    .innerJoin('brains', 'brains.id', 'documents.brain_id')
    .select(['documents.tenant_id', 'documents.brain_id', 'documents.index_epoch', 'documents.pages_total'])
    .select(['vectors_page', 'vectors_model', 'vectors_dimensions', 'vectors_call', 'vectors_call_chunk'])
    .select((eb) =>
      eb
        .selectFrom('jobs')
        .select('jobs.id')
        .where((of) =>
          of.or([
            // Who asked for it is told what it used.
            of.and([
              of('jobs.kind', '=', 'reindex'),
              of('jobs.status', 'in', ['queued', 'running']),
              of('jobs.brain_id', '=', of.ref('documents.brain_id')),
            ]),
            of.and([of('jobs.kind', '=', 'ingest'), of('jobs.document_id', '=', documentId)]),
          ]),
        )
        .orderBy(sql`kind = 'reindex'`, 'desc')
        .orderBy('jobs.id', 'desc')
        .limit(1)
        .as('job_id'),
    )
    .select((eb) =>
      eb
        .selectFrom('jobs')
        .select('jobs.api_key_id')
        .where('jobs.document_id', '=', documentId)
        .where('jobs.kind', '=', 'ingest')
        .orderBy('jobs.id', 'desc')
        .limit(1)
        .as('key_id'),
    )
    .where('documents.id', '=', documentId)
    .where('vectors_pending', '=', true)
    .where(notPaused)
    .where('documents.deleted_at', 'is', null)
    .where('brains.deleted_at', 'is', null)
    .where(wantedModel, '=', model)
    .where(wantedDimensions, '=', dimensions)
    .executeTakeFirst();
  if (!row) return null;
  const goesOn = row.vectors_model === model && row.vectors_dimensions === dimensions;
  return {
    target: { tenantId: row.tenant_id, brainId: row.brain_id, documentId, epoch: row.index_epoch },
    jobId: row.job_id,
    keyId: row.key_id,
    before: row.vectors_call && row.vectors_call_chunk ? { id: row.vectors_call, chunk: row.vectors_call_chunk } : null,
    pagesTotal: row.pages_total ?? 0,
    done: goesOn ? row.vectors_page : 0,
  };
}

/** No limit of a day keeps its vectors waiting. */
export const notPaused = sql<boolean>`(vectors_paused_until is null or vectors_paused_until <= now())`;

const pauseVectors = (db: Database, documentId: string, until: Date) =>
  db.updateTable('documents').set({ vectors_paused_until: until }).where('id', '=', documentId).execute();

/** The model that a brain's documents are to have vectors of. */
export const wantedModel = sql<string>`coalesce(brains.next_embedding_model, brains.embedding_model)`;
export const wantedDimensions = sql<number>`coalesce(brains.next_embedding_dimensions, brains.embedding_dimensions)`;

const inOrder = (chunks: readonly ReadChunk[]) =>
  [...chunks].sort((a, b) => a.page_number - b.page_number || a.start - b.start);

/** @returns false: a newer index run or a deletion took over */
async function addVectors(
  context: EmbedContext,
  pending: Pending,
  batch: readonly ReadChunk[],
  signal: AbortSignal,
): Promise<boolean> {
  const { db, vectors, embedder } = context;
  const { target, jobId, keyId } = pending;
  const { made, callId, tokens } = await embedPaid(context, pending, batch, signal);
  const rows = batch.map(({ id }, index) => ({ id, ...made[index], vector: made[index]?.vector ?? [] }));
  const added = await vectors.addVectors(target, embedder, rows, signal).catch((error) => {
    if (isSuperseded(error)) return null;
    throw error;
  });
  if (added === rows.length) return true;
  if (added === null) {
    const wasted = entryOf('vectors', target.documentId, [callId], 'wasted_tokens', tokens);
    await recordEntries(db, { ...target, jobId, keyId }, [{ ...wasted, model: embedder.model }]);
  }
  return false;
}

async function checkpoint(
  db: Database,
  { model, dimensions }: Embedding,
  { target: { tenantId, documentId, epoch }, pagesTotal }: Pending,
  page: number,
): Promise<TurnOutcome> {
  const whole = page >= pagesTotal;
  return db.transaction().execute(async (tx) => {
    const kept = await tx
      .updateTable('documents')
      .set({ vectors_model: model, vectors_dimensions: dimensions, vectors_page: page, vectors_pending: !whole })
      .set({ vectors_call: null, vectors_call_chunk: null })
      .where('id', '=', documentId)
      .where('index_epoch', '=', epoch)
      .where('vectors_pending', '=', true)
      .where('deleted_at', 'is', null)
      .returning('id')
      .executeTakeFirst();
    if (!kept) return 'gone';
    if (!whole) return 'more';
    await dropHeldUsd(tx, documentId);
    await recordEvent(tx, { tenantId, event: 'document', resourceId: documentId });
    return 'whole';
  });
}
